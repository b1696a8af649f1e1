import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import type { Tunnel } from "#contract/tunnels.ts";
import { startFakeDaemon, type FakeDaemon } from "../control/fake-daemon.ts";
import { run as runWords, type Run } from "./run.ts";

let daemon: FakeDaemon;
beforeAll(async () => {
  daemon = await startFakeDaemon();
});
afterAll(() => daemon.stop());
beforeEach(() => void daemon.calls.splice(0));

const run = (words: string): Promise<Run> =>
  runWords(["tunnels", ...words.split(" ").filter(Boolean), "--socket", daemon.path]);

test("the tunnels, with who is connected and what is wrong; control codes of theirs stay out", async () => {
  for (const words of ["", "list"]) {
    const { code, out } = await run(words);
    expect(code).toBe(0);
    expect(out).toMatch(/0a1b2c3d +mcasttunnel server +\* port 9000 +239.1.2.3 port 5004 +192.0.2.7:4000/);
    expect(out).toMatch(/sixtunnel server +\* port 5000 +IPv6 out of 2001:db8:1::\/48 +nobody is connected/);
    expect(out).toContain("does not work: no");
    expect(out).not.toContain("\u001b");
  }
  const { out } = await run("list --json");
  expect((JSON.parse(out) as { tunnels: Tunnel[] }).tunnels).toHaveLength(3);
});

test.each([
  [
    "add mcasttunnel -s -p 9000 -g 239.1.2.3 -r 5004",
    { role: "server", address: null, port: 9000, group: "239.1.2.3", groupPort: 5004, ttl: 16 },
  ],
  ["add mcasttunnel -a home.example -p 9000 -g ff1e::1 -r 5004 -t 3", { role: "client", ttl: 3 }],
  [
    "add sixtunnel server --port 5000 --range 2001:db8:1::/48 --known-only",
    { kind: "sixtunnel", role: "server", range: "2001:db8:1::/48", knownOnly: true, address: null },
  ],
  [
    "add sixtunnel client --port 5000 --address home.example --no-default-route",
    { kind: "sixtunnel", role: "client", address: "home.example", clientId: null, defaultRoute: false },
  ],
])("tunnels %s", async (words, params) => {
  const { code, out } = await run(words);
  expect([code, out]).toEqual([0, "Added as 0a1b2c3d. Take it back: castaway tunnels remove 0a1b2c3d\n"]);
  expect(daemon.calls).toMatchObject([{ method: "tunnels.add", params }]);
});

test("tunnels remove", async () => {
  expect((await run("remove 0a1b2c3d")).out).toBe("Removed 0a1b2c3d.\n");
  expect(daemon.calls).toMatchObject([{ method: "tunnels.remove", params: { id: "0a1b2c3d" } }]);
});

test.each([
  ["add sixtunnel server --port 5000", /--range PREFIX/],
  ["add sixtunnel client --port 5000", /--address ADDRESS/],
  ["add sixtunnel both --port 5000", /server, client/],
  ["add mcasttunnel -s -p 9000 -g 239.1.2.3", /group-port/],
  ["add mcasttunnel -s -p 0 -g 239.1.2.3 -r 1", /whole number/],
])("tunnels %s is wrong use", async (words, message) => {
  const { code, err } = await run(words);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect(daemon.calls).toEqual([]);
});

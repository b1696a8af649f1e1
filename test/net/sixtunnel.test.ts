// `castaway sixtunnel`: both ends ours, with what goes wrong between them, and strangers at its server.
import { mkdtempSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import type { Child } from "#test/support/child.ts";
import { finalFigures, foreground } from "#test/support/foreground.ts";
import { Lab } from "#test/support/lab.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";
import { transfer } from "#test/support/traffic/transfer.ts";

const PEER = fileURLToPath(new URL("../support/sixtunnel_peer.py", import.meta.url));
const HOSTILE = fileURLToPath(new URL("../support/traffic/sixtunnel_hostile.py", import.meta.url));
const missing = missingForLab("ping", "chrt");
const PORTS = [9301, 9302, 9303];
const ID = "02:11:22:33:44:55";
const SERVER = "2001:db8:aa::1";

let lab: Lab;
let folder: string;

beforeAll(async () => {
  if (missing) return;
  lab = await Lab.create();
  await lab.setPortForward(PORTS);
  folder = mkdtempSync(join(tmpdir(), "castaway-sixtunnel-"));
  lab.beforeDispose(removeAtEnd(folder));
}, 60_000);
afterAll(() => lab?.dispose());
afterEach(async () => {
  for (const host of ["home", "away", "listener"]) await lab.host(host).stopAll();
});

function startServer(port: number, range: string, tun = "six-server"): Promise<Child> {
  return foreground(lab.host("home"), [
    ...["sixtunnel", "server", "--port", String(port), "--range", range, "--tun", tun],
    ...["--assignments", join(folder, `assignments-${port}`)],
  ]);
}

function startClient(host: string, port: number, id = ID): Promise<Child> {
  return foreground(lab.host(host), [
    ...["sixtunnel", "client", "--address", lab.homePublic.address4, "--port", String(port), "--id", id],
  ]);
}

const routes = async (host: string): Promise<string> =>
  (await lab.host(host).exec("ip", ["-6", "route", "show", "default"])).stdout;

/** A hundred datagrams to the server while it is away; then it comes. How many arrive, in order. */
async function heldBack(group: string, restart: () => Promise<unknown>): Promise<number> {
  const receiver = await startReceiver(lab.host("home"), { group, join: false, count: 100, seconds: 10 });
  const sender = await startSender(lab.host("away"), { group, count: 100, rate: 200, size: 1_000 });
  expect(await sender.finished()).toMatchObject({ sent: 100, refused: 0 });
  expect((await receiver.report()).received).toBe(0);
  await restart();
  const { received, reordered } = await receiver.finished(15_000);
  expect(reordered).toBe(0);
  return received;
}

describe.skipIf(missing)(`the IPv6 tunnel${missing ? ` (${missing})` : ""}`, () => {
  test("ping, TCP, a server that goes and comes back, and nothing left behind by a kill", async () => {
    const before = await routes("away");
    let server = await startServer(PORTS[0]!, "2001:db8:aa::/48");
    const client = await startClient("away", PORTS[0]!);
    const joined = await client.line(/"event":"connected"/);
    expect(JSON.parse(joined)).toMatchObject({ id: ID, prefix: "2001:db8:aa:1::/64" });
    expect(await routes("away")).toContain("dev sixtunnel0");

    const { stdout } = await lab.host("away").exec("ping", ["-c", "5", "-i", "0.2", SERVER]);
    expect(stdout).toContain(" 0% packet loss");
    const [away, home] = [lab.host("away"), lab.host("home")];
    const up = await transfer(away, home, SERVER, 10_000_000);
    const down = await transfer(home, away, "2001:db8:aa:1::1", 10_000_000);
    expect(up.received.sha256).toBe(up.sent.sha256);
    expect(down.received.sha256).toBe(down.sent.sha256);
    console.log(
      `TCP through the IPv6 tunnel: ${[up, down].map(({ received }) => Math.round((8 * received.bytes) / received.seconds / 1e6)).join(" and ")} Mbit/s`,
    );

    await server.stop();
    await client.line(/"event":"disconnected"/);
    const held = await heldBack(`[${SERVER}]:6001`, async () => {
      server = await startServer(PORTS[0]!, "2001:db8:aa::/48");
    });
    expect(held).toBe(100);
    const again = client.stdout.match(/"event":"connected".*/g);
    expect(again).toHaveLength(2);
    expect(again![1]).toContain("2001:db8:aa:1::/64");
    expect(JSON.parse(readFileSync(join(folder, `assignments-${PORTS[0]}`), "utf8"))).toEqual({
      [ID]: "2001:db8:aa:1::/64",
    });

    // The same Id from another address, while this one is alive.
    const thief = await foreground(lab.host("listener"), [
      ...["sixtunnel", "client", "--address", lab.host("home").address4],
      ...["--port", String(PORTS[0]), "--id", ID],
    ]);
    await server.line(/"event":"refused".*from another address/);
    expect(await thief.line(/"event":"unreachable"/)).toContain("in use elsewhere");
    await thief.stop();

    client.signal("SIGKILL");
    await client.exited;
    expect(await routes("away")).toBe(before);
    expect((await finalFigures(server)).drops).toMatchObject({ "foreign-source": 0, "broken-stream": 0 });
  });

  test("what waited reaches the other program's server too, one packet a read", async () => {
    const words = ["0.0.0.0", String(PORTS[1]), "2001:db8:bb::/48", join(folder, "theirs"), "six"];
    const startOriginal = async (): Promise<Child> => {
      const server = lab.host("home").spawn("chrt", ["-f", "10", PYTHON, PEER, "server", ...words]);
      await server.line(/listening/);
      return server;
    };
    let server = await startOriginal();
    const client = await startClient("away", PORTS[1]!);
    await client.line(/"event":"connected"/);
    await server.stop();
    await client.line(/"event":"disconnected"/);
    const held = await heldBack("[2001:db8:bb::1]:6002", async () => {
      server = await startOriginal();
    });
    // Where this computer let it wait, it read several at once, and lost all but the first: its own defect.
    if (server.stdout.includes("defect:")) expect(held).toBeGreaterThan(80);
    else expect(held).toBe(100);
    await client.stop();
  });

  test("strangers and bad clients are refused, bounded and counted; the good one goes on", async () => {
    const server = await startServer(PORTS[2]!, "2001:db8:aa:fffc::/62");
    const client = await startClient("away", PORTS[2]!, "02:00:00:00:00:09");
    await client.line(/"event":"connected"/);
    const ping = lab.host("away").spawn("ping", ["-i", "0.1", "2001:db8:aa:fffc::1"]);
    const { stdout } = await lab
      .host("listener")
      .exec(PYTHON, [HOSTILE, lab.host("home").address4, String(PORTS[2])], { timeoutMs: 60_000 });
    const results = JSON.parse(stdout) as Record<string, unknown>;
    const prefix = (last: string): string => `{"Prefix":"2001:db8:aa:${last}::/64"}`;
    expect(results).toEqual({
      garbage: "closed",
      "10 MB of JSON": "closed",
      "no Id": "closed",
      "an Id that is none": "closed",
      "more than an Id": "closed",
      client: prefix("fffe"),
      "version 4": "closed",
      second: prefix("ffff"),
      "second again": prefix("ffff"),
      "the older one": "closed",
      third: "closed",
      "fourth, of three": "closed",
      "third again": "closed",
      "silent, at once": 22,
      "silent, in the end": 30,
    });
    ping.signal("SIGINT");
    const { stdout: pinged } = await ping.finished(5_000);
    expect(pinged).toContain(" 0% packet loss");
    await client.stop();
    const { drops } = await finalFigures(server);
    expect(drops).toMatchObject({
      "broken-stream": 3,
      "bad-greeting": 3,
      "foreign-source": 100,
      "link-local": expect.any(Number) as number,
      "foreign-destination": 1,
      "refused-exhausted": 3,
      "refused-connection": 22,
      "no-greeting": 8,
    });
    expect(drops["multicast"]).toBeGreaterThanOrEqual(1);
  });
});

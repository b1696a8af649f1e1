import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Output } from "#cli/context.ts";
import { runSixtunnel } from "#cli/run-sixtunnel.ts";
import { readClientConfig, readServerConfig } from "#runtime/sixtunnel/config-file.ts";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "castaway-six-"));
const file = join(folder, "sixtunnel.conf");
afterAll(() => rmSync(folder, { recursive: true }));

const SERVER = `
# as the original has it
localhost 192.0.2.1
listenport = 5000
prefixrange 2001:db8:1::/48   # from the provider
assignments "/var/lib/six tunnel.json"
`;
const SERVER_CONFIG = {
  localhost: "192.0.2.1",
  listenport: 5000,
  prefixrange: { address: "2001:db8:1::", length: 48 },
  assignments: "/var/lib/six tunnel.json",
};

test("sixtunnel: options of both ends", async () => {
  const server = await run(
    "sixtunnel server --port 5000 --range 2001:db8::/48 --assignments a.json --known-only --queue 9".split(
      " ",
    ),
  );
  expect(server).toMatchObject({ code: 0, err: "" });
  expect(server.sixtunnel).toMatchObject({
    role: "server",
    port: 5000,
    range: "2001:db8::/48",
    assignments: "a.json",
    knownOnly: true,
    tun: "sixtunnel0",
    mtu: 1500,
    queue: 9,
  });
  const client = await run(["sixtunnel", "client", "-c", "six.conf", "--no-default-route", "--json"]);
  expect(client.sixtunnel).toMatchObject({
    role: "client",
    config: "six.conf",
    defaultRoute: false,
    json: true,
  });
});

test.each([
  [["client", "--port", "0"], /whole number from 1 to 65535/],
  [["client", "--address", "a b"], /address or a name/],
  [["server", "--mtu", "1000"], /whole number from 1280/],
  [["server", "--tun", "a/b"], /interface name/],
  [["both"], /both/],
])("sixtunnel %j is wrong use", async (words, message) => {
  const { code, err, sixtunnel } = await run(["sixtunnel", ...words]);
  expect(code).toBe(2);
  expect(err).toMatch(message);
  expect(sixtunnel).toBeUndefined();
});

test("a file of the original's names, by lines or as JSON", async () => {
  writeFileSync(file, SERVER);
  expect(await readServerConfig(file)).toEqual({ config: SERVER_CONFIG, problems: [] });
  const { localhost: _, ...rest } = SERVER_CONFIG;
  writeFileSync(file, JSON.stringify({ ...rest, prefixrange: "2001:db8:1::/48" }));
  expect((await readServerConfig(file)).config).toEqual(rest);
  writeFileSync(file, "remotehost home.example\nremoteport 5000\n");
  expect((await readClientConfig(file)).config).toEqual({ remotehost: "home.example", remoteport: 5000 });
  const { code, out } = await run(["check-config", "--sixtunnel", "client", file]);
  expect([code, out]).toEqual([0, `${file} can be used by castaway sixtunnel client.\n`]);
});

test.each([
  ["remotehost home.example\nremoteport 70000", "line 2: remoteport is no port"],
  ["remotehost home.example", "remoteport is missing"],
  ["remotehost 2001:db8::1\nremoteport 1", "line 1: remotehost is an IPv6 address"],
  ["remotehost a\nremotehost b\nremoteport 1", "line 2: remotehost is there twice"],
  ["remotehost a\nremoteport 1\n__proto__ x", "line 3: __proto__ is not known"],
  ["remotehost a\nremoteport 1\nlistenport 5", "line 3: listenport is not known"],
  ["{remotehost", "it is not JSON"],
  ["!", "line 1: it is no name and value"],
])("check-config: %j", async (text, problem) => {
  writeFileSync(file, text);
  const { code, out } = await run(["check-config", "--sixtunnel", "client", file, "--json"]);
  expect(code).toBe(1);
  const report = JSON.parse(out) as { ok: boolean; problems: string[] };
  expect(report.ok).toBe(false);
  expect(report.problems.some((one) => one.startsWith(problem))).toBe(true);
});

test.each(["10.0.0.0/8", "2001:db8::/65", "fe80::/10", "::/0", "ff00::/8", "2001:db8::1"])(
  "%s is no range of prefixes",
  async (range) => {
    writeFileSync(file, SERVER.replace("2001:db8:1::/48", range));
    const { config, problems } = await readServerConfig(file);
    expect(config).toBeUndefined();
    expect(problems[0]).toContain("prefixrange is no IPv6 prefix");
  },
);

test("a file that is not there is said", async () => {
  const { code, out } = await run(["check-config", "--sixtunnel", "server", join(folder, "none")]);
  expect(code).toBe(1);
  expect(out).toContain("ENOENT");
});

test.each([
  [{ role: "server" }, /^A server needs --port, --range and --assignments, or a file with --config$/],
  [{ role: "client", port: 5 }, /^A client needs --address and --port, or a file with --config$/],
  [{ role: "server", port: 5, range: "x", assignments: "a" }, /: prefixrange is no IPv6 prefix/],
] as const)("sixtunnel %j says what is missing, or wrong, in words", async (words, says) => {
  const common = { tun: "sixtunnel0", mtu: 1500, queue: 10 };
  const out: Output = {
    write: () => {
      throw new Error("it began");
    },
    isTTY: false,
    columns: 80,
    color: false,
  };
  await expect(runSixtunnel({ ...common, ...words }, out)).rejects.toThrow(says);
});

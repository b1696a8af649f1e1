import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { run } from "./run.ts";

const folder = mkdtempSync(join(tmpdir(), "castaway-check-"));
const file = join(folder, "routes.conf");
afterAll(() => rmSync(folder, { recursive: true }));

test("a file without mistakes", async () => {
  writeFileSync(
    file,
    "phyint eth0\nmgroup from eth0 group 225.1.2.3\nmroute from eth0 group 225.1.2.3 to peer-+\n",
  );
  const { code, out, daemon } = await run(["check-config", file]);
  expect([code, daemon]).toEqual([0, undefined]);
  expect(out).toContain(`${file} can be used: joins 1, routes 1, interfaces 1.`);
});

test("mistakes are told with their lines, without control codes of theirs, and the exit code says so", async () => {
  writeFileSync(file, "phyint eth0 mrdisc\nnonsense\u001b[2J\nmgroup from eth0\n");
  const { code, out } = await run(["check-config", file]);
  expect(code).toBe(1);
  expect(out).toContain(`warning: ${file}:1: mrdisc`);
  expect(out).toContain(`error: ${file}:3: mgroup needs group`);
  expect(out).toContain("2 mistakes");
  expect(out).not.toContain("\u001b");
  const json = await run(["check-config", file, "--json"]);
  expect(json.code).toBe(1);
  const report = JSON.parse(json.out) as { ok: boolean; problems: { line: number; severity: string }[] };
  expect(report.ok).toBe(false);
  expect(report.problems.map(({ line }) => line)).toEqual(expect.arrayContaining([1, 2, 3]));
});

test("no file", async () => {
  const { code, out } = await run(["check-config", join(folder, "none")]);
  expect(code).toBe(1);
  expect(out).toContain("is not there");
});

test("a peers file, by its own rules", async () => {
  const peers = join(folder, "peers.conf");
  const key = "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8=";
  writeFileSync(peers, `peer a key ${key} endpoint host.example:42268\n`, { mode: 0o600 });
  const good = await run(["check-config", "--peers", peers]);
  expect([good.code, good.daemon]).toEqual([0, undefined]);
  expect(good.out).toContain(`${peers} can be used: peers 1.`);
  writeFileSync(peers, `peer a key ${key} endpoint host\npeer b key ${key}\nfriend\u001b[2J`);
  const bad = await run(["check-config", "--peers", peers, "--json"]);
  expect(bad.code).toBe(1);
  const { ok, problems } = JSON.parse(bad.out) as {
    ok: boolean;
    problems: { line: number; message: string }[];
  };
  expect([ok, problems.map(({ line }) => line)]).toEqual([false, [1, 3]]);
  expect(problems[0]!.message).toContain("endpoint needs HOST:PORT");
});

test("both files at once", async () => {
  const peers = join(folder, "peers.conf");
  writeFileSync(file, "phyint eth0\n");
  writeFileSync(peers, "friend\n", { mode: 0o600 });
  const { code, out } = await run(["check-config", file, "--peers", peers]);
  expect(code).toBe(1);
  expect(out).toContain(`${file} can be used`);
  expect(out).toContain(`error: ${peers}:1: "friend" is none of`);
  const json = await run(["check-config", file, "--peers", peers, "--json"]);
  expect((JSON.parse(json.out) as { files: { ok: boolean }[] }).files.map(({ ok }) => ok)).toEqual([
    true,
    false,
  ]);
});

test("a new psk is printed, and is another one each time", async () => {
  const [one, two] = [await run(["key", "psk"]), await run(["key", "psk", "--json"])];
  expect(one.out).toMatch(/^[A-Za-z0-9+/]{43}=\n$/);
  expect((JSON.parse(two.out) as { psk: string }).psk).not.toBe(one.out.trim());
});

test("igmpproxy's file is printed as a routes file, which is one", async () => {
  writeFileSync(file, "quickleave\nphyint eth0 upstream\nphyint eth1 downstream ratelimit 9\n");
  const { code, out } = await run(["check-config", "--from", "igmpproxy", file]);
  expect(code).toBe(0);
  expect(out).toContain(`# warning: ${file}:2: igmpproxy takes sources`);
  expect(out).toContain("quickleave\nphyint eth0 upstream\nphyint eth1 downstream\n");
  writeFileSync(file, out);
  expect((await run(["check-config", file])).out).toContain("interfaces 2");

  writeFileSync(file, "phyint eth0 upstream\naltnet nonsense\n");
  const bad = await run(["check-config", "--from", "igmpproxy", file, "--json"]);
  expect(bad.code).toBe(1);
  expect(JSON.parse(bad.out)).toMatchObject({
    ok: false,
    text: "",
    problems: [{ line: 2, severity: "error" }],
  });
  expect((await run(["check-config", "--from", "igmpproxy", join(folder, "none")])).out).toContain(
    "is not there",
  );
  expect((await run(["check-config", "--from", "mrouted", file])).err).toContain("igmpproxy");
});

import { execFileSync } from "node:child_process";
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readRoutes, type RoutesRead } from "#runtime/routes-file/read-routes.ts";
import { RoutesFile } from "#runtime/routes-file/routes-file.ts";

const isRoot = process.getuid?.() === 0;
const OWN = process.getuid?.() ?? 0;
let folder: string;
let file: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "castaway-routes-"));
  file = join(folder, "routes.conf");
});
afterEach(() => rmSync(folder, { recursive: true }));

function write(name: string, text: string | Buffer, mode = 0o644): void {
  writeFileSync(join(folder, name), text);
  chmodSync(join(folder, name), mode);
}
const read = (): Promise<RoutesRead> => readRoutes(file, { uids: [0, OWN], untrusted: "error" });
const errors = async (): Promise<string[]> =>
  (await read()).problems.filter(({ severity }) => severity === "error").map(({ message }) => message);

describe("a proxy", () => {
  test("is made of the phyint lines, wherever they stand; the last of a name counts", async () => {
    write("more.conf", "phyint eth1 downstream whitelist 239.1.0.0/16\nphyint eth3 disable");
    write(
      "routes.conf",
      `phyint eth1 upstream\nphyint eth0 upstream altnet 10.0.0.0/8\ninclude ${folder}/more.conf\nquickleave\n`,
    );
    const { proxy, lans, problems } = await read();
    expect(problems).toEqual([]);
    expect(proxy).toMatchObject({
      upstream: "eth0",
      downstream: ["eth1"],
      disabled: ["eth3"],
      quickLeave: true,
      origin: file,
    });
    expect(proxy!.rulesOf("eth1", "downstream").allowed).toEqual([{ address: "239.1.0.0", length: 16 }]);
    expect(proxy!.rulesOf("eth9", "downstream").allowed).toEqual([]);
    expect(lans).toContainEqual({ name: "eth0", mode: "full" });
  });

  test("has one upstream, and is none without a part in it", async () => {
    write("routes.conf", "phyint eth0 upstream\nphyint eth1 upstream\nphyint eth2 downstream");
    const { problems } = await read();
    expect(problems).toEqual([
      {
        file,
        line: 2,
        severity: "error",
        message: expect.stringContaining("one upstream interface, which is eth0"),
      },
    ]);
    write("routes.conf", "phyint eth0\nquickleave");
    expect(await errors()).toEqual([expect.stringContaining("quickleave belongs to a proxy")]);
    write("routes.conf", "phyint eth0\nphyint eth1 disable");
    expect((await read()).proxy).toBeUndefined();
  });
});

describe("includes", () => {
  test("stand where they are named, in the order of their names", async () => {
    mkdirSync(join(folder, "d"));
    write("d/2.conf", "mgroup from eth0 group 225.0.0.2");
    write("d/1.conf", "\nmgroup from eth0 group 225.0.0.1\nphyint eth0");
    write("d/.hidden.conf", "nonsense");
    write("d/other", "nonsense");
    write(
      "routes.conf",
      `include ${folder}/d/*.conf\nmgroup from eth0 group 225.0.0.3\ninclude ${folder}/none/*`,
    );
    const { entries, lans, problems } = await read();
    expect(problems).toEqual([]);
    expect(lans).toEqual([{ name: "eth0", mode: "full" }]);
    expect(
      entries.map(({ at, entry }) => [at.file.slice(folder.length), at.line, entry.group.address]),
    ).toEqual([
      ["/d/1.conf", 2, "225.0.0.1"],
      ["/d/2.conf", 1, "225.0.0.2"],
      ["/routes.conf", 2, "225.0.0.3"],
    ]);
  });

  test("one that is not there, one of itself, one with wildcards in its folder", async () => {
    write("routes.conf", `include ${folder}/none.conf\ninclude ${folder}/*/a.conf`);
    expect(await errors()).toEqual([
      expect.stringContaining("none.conf is not there"),
      expect.stringContaining("the last part"),
    ]);
    write("routes.conf", `include ${file}`);
    expect(await errors()).toEqual([expect.stringContaining("includes itself")]);
  });

  test("are bounded, however they are nested", async () => {
    for (const name of ["b", "c", "d", "e"])
      write(name, `include ${folder}/${String.fromCharCode(name.charCodeAt(0) + 1)}\n`.repeat(100));
    write("f", "phyint eth0");
    write("routes.conf", `include ${folder}/b\n`.repeat(20_000));
    expect(await errors()).toEqual([expect.stringContaining("more than 100 includes")]);
  });
});

describe("a file that is not to be used", () => {
  test.each([
    ["of 10 MB", Buffer.alloc(10_000_000, "#"), "longer than 1 MiB"],
    ["that is no text", Buffer.from([0x23, 0xff, 0xfe]), "no text in UTF-8"],
    ["with NULs", "mgroup from eth0\0 group 225.1.2.3", "control characters"],
    ["of too many joins", "mgroup from eth0 group 225.0.0.0/23\n".repeat(3), "more than 1024 joins"],
    ["of too many routes", "mroute from a group 225.0.0.1 to b\n".repeat(1025), "more than 1024 lines"],
  ])("%s", async (_what, text, message) => {
    write("routes.conf", text);
    expect(await errors()).toEqual([expect.stringContaining(message)]);
  });

  test("a symbolic link, a folder, a FIFO, nothing", async () => {
    expect(await errors()).toEqual([expect.stringContaining("is not there")]);
    write("real", "");
    symlinkSync(join(folder, "real"), file);
    expect(await errors()).toEqual([expect.stringContaining("symbolic link")]);
    rmSync(file);
    execFileSync("mkfifo", [file]);
    expect(await errors()).toEqual([expect.stringContaining("not a plain file")]);
    rmSync(file);
    mkdirSync(file);
    expect(await errors()).toEqual([expect.stringContaining("not a plain file")]);
  });

  test("one that others may write, or whose folder they may", async () => {
    write("routes.conf", "", 0o664);
    expect(await errors()).toEqual([expect.stringContaining("can be written by other users")]);
    write("routes.conf", "", 0o644);
    chmodSync(folder, 0o777);
    expect(await errors()).toEqual([expect.stringContaining(`is in ${folder}, which can be written`)]);
    const checked = await readRoutes(file, { uids: [0, OWN], untrusted: "warning" });
    expect(checked.problems).toMatchObject([{ severity: "warning" }]);
  });

  test.skipIf(!isRoot)(
    "one of another user, also as an include, and one in another user's folder",
    async () => {
      write("routes.conf", `include ${folder}/a.conf`);
      write("a.conf", "");
      chownSync(join(folder, "a.conf"), 4711, 4711);
      expect(await errors()).toEqual([expect.stringContaining("a.conf belongs to uid 4711")]);
      chownSync(join(folder, "a.conf"), 0, 0);
      chownSync(folder, 4711, 4711);
      expect(await errors()).toContainEqual(expect.stringContaining("which belongs to uid 4711"));
    },
  );
});

test("a route from one LAN to another, and the thresholds of both: the last line of an interface counts", async () => {
  write(
    "routes.conf",
    "phyint eth0 ttl-threshold 5\nphyint eth0\nphyint eth1 ttl-threshold 11\nmroute from eth0 group 225.1.1.1 to eth1",
  );
  const { entries, problems, thresholds } = await read();
  expect(entries).toHaveLength(1);
  expect(problems).toEqual([]);
  expect(Object.fromEntries(thresholds)).toEqual({ eth0: 1, eth1: 11 });
});

test("after a mistake what was in force stays so, and the mistake is told until it is gone", async () => {
  const lines: string[] = [];
  const log = { write: (level: string, message: string) => void lines.push(`${level} ${message}`) };
  const routes = new RoutesFile({ path: file, optional: true, log, wall: () => 5 });
  await routes.load(); // there is none
  expect([routes.entries, routes.fault]).toEqual([[], undefined]);
  write("routes.conf", "\nmgroup from eth0 group 225.1.1.1");
  await routes.load();
  expect(routes.entries).toMatchObject([{ id: "file-1", origin: `${file}:2` }]);
  write("routes.conf", "x\ny");
  await expect(routes.load()).rejects.toThrow(`${file}:1: "x" is none of`);
  expect(routes.fault).toMatchObject({ since: 5, message: expect.stringContaining("(and 1 more)") });
  expect(lines).toEqual([expect.stringContaining(`error ${file}:1:`), expect.stringContaining(`${file}:2:`)]);
  expect(routes.entries).toHaveLength(1);
  rmSync(file);
  await routes.load();
  expect([routes.entries, routes.fault]).toEqual([[], undefined]);
  const named = new RoutesFile({ path: file, optional: false, log, wall: () => 5 });
  await expect(named.load()).rejects.toThrow("is not there");
});

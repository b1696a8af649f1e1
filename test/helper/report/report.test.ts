// The command, against a daemon that tells more than it should and against real ones with their keys.
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { gather } from "#report/gather.ts";
import { redacted } from "#report/make-report.ts";
import { reportText } from "#report/report-text.ts";
import type { ControlClient } from "#contract/control-client.ts";
import { encodeBase32 } from "#protocol/invite/base32.ts";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { inviteKeys } from "#protocol/invite/invite-secret.ts";
import { ROOT, STRANGER, startFakeDaemon, type FakeDaemon } from "../control/fake-daemon.ts";
import { NOW, SNAPSHOT } from "../control/sample-state.ts";
import { guestOf, host, HOME, LAPTOP, PHONE, type Computer } from "../runtime/computer.ts";
import { link } from "../runtime/fake-devices.ts";
import { World } from "../runtime/world.ts";
import { run, type Run } from "../cli/run.ts";

let daemon: FakeDaemon;
let folder: string;
beforeAll(async () => {
  daemon = await startFakeDaemon();
});
afterAll(() => daemon.stop());
beforeEach(() => {
  daemon.caller = ROOT;
  folder = mkdtempSync(join(tmpdir(), "castaway-report-"));
});
afterEach(() => rmSync(folder, { recursive: true }));

const report = (...words: string[]): Promise<Run> =>
  run(["report", ...words], { environment: { CASTAWAY_SOCKET: daemon.path } });

describe("castaway report", () => {
  test("holds doctor, settings, dump and log, and nothing of who and where", async () => {
    const { code, out } = await report();
    expect(code).toBe(0);
    for (const part of ["Versions", "Doctor", "Settings", "Interface Dump", "Statistics Dump", "Log"])
      expect(out).toContain(`*** ${part}`);
    expect(out).toContain("daemon: 0.1.0-test");
    expect(out).toContain("warn port: nobody reaches it from outside [Forward UDP 4242.]");
    expect(out).toContain("239.1.2.3"); // groups and private addresses say what is wrong, not where
    expect(out).toContain("192.168.1.10");
    expect(out).toContain("listening number=2");
    for (const gone of ["198.51.100.7", "203.0.113.9", "fd12:3456", "laptop", "bob", "News", "attic"])
      expect(out).not.toContain(gone);
  });

  test("--json is the same as data; --full leaves addresses and names in", async () => {
    const short = JSON.parse((await report("--json")).out) as { snapshot: typeof SNAPSHOT };
    expect(short.snapshot.networks[0]!.members[1]!.endpoint).toMatch(/^198\.51\.x\.x-[0-9a-f]{6}:4242$/);
    expect(short.snapshot.networks[0]!.role).toBe("host");
    const full = JSON.parse((await report("--full", "--json")).out) as { snapshot: typeof SNAPSHOT };
    expect(full.snapshot).toEqual(SNAPSHOT);
  });

  test("--output writes a new file for its owner alone, and never over another or through a link", async () => {
    const file = join(folder, "report.txt");
    const { code, out } = await report("--output", file);
    expect([code, out]).toEqual([0, `Written to ${file}. Read it before you pass it on.\n`]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toContain("*** Doctor");
    expect(await report("--output", file)).toMatchObject({
      code: 1,
      err: expect.stringContaining("is there already") as string,
    });
    writeFileSync(join(folder, "target"), "precious");
    symlinkSync(join(folder, "target"), join(folder, "link"));
    symlinkSync(join(folder, "nothing"), join(folder, "dangling"));
    for (const name of ["link", "dangling"])
      expect((await report("--output", join(folder, name))).code).toBe(1);
    expect(readFileSync(join(folder, "target"), "utf8")).toBe("precious");
    expect((await report("--output", join(folder, "no/such/folder"))).code).toBe(1);
  });

  test("of somebody who may only look says what is missing", async () => {
    daemon.caller = STRANGER;
    const { code, out } = await report();
    expect(code).toBe(0);
    expect(out).toContain("*** Missing");
    expect(out).toMatch(/dump: .*root and the owners/);
    expect(out).toMatch(/logs: .*root and the owners/);
    expect(out).toContain("Interface Dump"); // status and stats are for everybody
  });

  test("without a daemon there is one too", async () => {
    const environment = { CASTAWAY_SOCKET: join(folder, "nothing.sock") };
    const { code, out } = await run(["report"], { environment });
    expect(code).toBe(0);
    expect(out).toContain("fail daemon:");
    expect(out).toContain("cannot be asked");
  });
});

/** All ways in which bytes may stand in text. */
function spellings(bytes: Uint8Array): string[] {
  const buffer = Buffer.from(bytes);
  const hex = buffer.toString("hex");
  return [
    hex,
    hex.toUpperCase(),
    buffer.toString("base64"),
    buffer.toString("base64url"),
    encodeBase32(bytes),
    [...bytes].join(","),
  ].map((text) => text.replace(/=+$/, ""));
}

describe("of real daemons", () => {
  /** What `castaway report` gets of a daemon in memory. */
  async function reportsOf(computer: Computer): Promise<string[]> {
    const { checks } = await computer.call("doctor", {});
    const client = {
      hello: { type: "hello", protocolVersion: 1, buildVersion: "0.1.0", pid: 1 },
      call: (method: "status", params: object) =>
        method === "status"
          ? Promise.resolve(computer.status())
          : computer.call(method as never, params as never),
    } as unknown as ControlClient;
    const gathered = await gather(client, { version: "0.1.0", wall: NOW, checks, lines: 2_000 });
    expect(gathered.missing).toEqual([]);
    expect(gathered.log.length).toBeGreaterThan(0);
    return [false, true].flatMap((full) => {
      const seen = redacted(gathered, full);
      return [reportText(seen, full), JSON.stringify(seen)];
    });
  }

  test("no key, secret or link is in it, in no spelling; no public address and no name unless asked for", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] }, "Grandmother");
    const laptop = await guestOf(home, world, { ...LAPTOP, name: "zaphod" });
    await guestOf(home, world, PHONE);
    const links = [
      await home.invite({ uses: 3 }),
      await home.invite({ approval: true, label: "for Trillian" }),
    ];
    const decoded = links.map((one) => decodeInvite(one, Date.now()));
    const secrets = [
      ...[home, laptop].flatMap(({ keeper }) => [keeper.state.machine.privateKey]),
      ...home.engine.networks
        .hosted!.state()
        .members.members.flatMap(({ joinedBy }) => (joinedBy ? [joinedBy.psk] : [])),
      ...[...laptop.engine.networks.joined.values()].map(({ record }) => record.psk),
      ...decoded.map(({ secret }) => secret),
      ...decoded.map(({ hostPublicKey, secret }) => inviteKeys(hostPublicKey, secret).psk),
    ];
    const publicKeys = [home, laptop].map(({ keeper }) => keeper.state.machine.publicKey);
    expect(secrets.length).toBeGreaterThan(7);
    // A log line of tomorrow that says too much.
    for (const secret of [...secrets, ...publicKeys])
      for (const spelling of spellings(secret).slice(0, 5))
        home.log.write("error", `handshake with ${spelling} failed`, { key: spelling, [spelling]: 1 });
    for (const one of links) home.log.write("warn", `bad link ${one}`, { link: one });
    home.log.write("info", "who", { peer: "zaphod", at: "198.51.100.7:5000", six: "[2001:db8:5::1]:6000" });

    for (const computer of [home, laptop]) {
      const [text, json, fullText, fullJson] = (await reportsOf(computer)) as [
        string,
        string,
        string,
        string,
      ];
      for (const seen of [text, json, fullText, fullJson]) {
        for (const secret of [...secrets, ...publicKeys])
          for (const spelling of spellings(secret)) expect(seen).not.toContain(spelling);
        for (const one of links) expect(seen).not.toContain(one.slice(-40));
        expect(seen).not.toMatch(/castaway:\/\/join/);
      }
      for (const seen of [text, json])
        for (const gone of [
          "192.0.2.1",
          "198.51.100.7",
          "2001:db8:5::1",
          "zaphod",
          "Grandmother",
          "Trillian",
          home.engine.networks.hosted!.id,
        ])
          expect(seen).not.toContain(gone);
      expect(fullText).toContain("zaphod");
      expect(fullText).toContain(computer === home ? "198.51.100.7" : "192.0.2.1");
    }
  });
});

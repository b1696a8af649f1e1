import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { connect } from "#contract/client.ts";
import { METHODS, type Method } from "#contract/methods.ts";
import { OWNER, ROOT, startFakeDaemon, STRANGER, type FakeDaemon } from "./fake-daemon.ts";

// Parameters that the schemas take, for a call of every method.
const PARAMS: Record<Method, Record<string, unknown>> = {
  status: {},
  watch: {},
  up: {},
  down: {},
  "invite.create": {},
  "invite.inspect": { link: "castaway://join/x" },
  "invite.list": {},
  "invite.revoke": { invite: "i1" },
  "invite.approve": { request: "r1" },
  "invite.deny": { request: "r1" },
  join: { link: "castaway://join/x" },
  leave: {},
  "members.list": {},
  "members.rename": { member: 2, name: "bob" },
  "members.limit": { member: 2, bitsPerSecond: 20_000_000 },
  "members.remove": { member: 2 },
  ping: { member: 2 },
  "routes.list": {},
  "routes.add": { group: "239.1.1.1", fromVif: "eth0", toVifs: [] },
  "routes.remove": { id: "s1" },
  "routes.reload": {},
  "key.show": {},
  "lans.list": {},
  "lans.set": { name: "eth0", mode: "off" },
  "reach.get": {},
  "reach.set": { dht: false },
  "presets.list": {},
  "presets.set": { preset: "dlna", on: true },
  "groups.raise-ttl": { group: "239.1.2.3", on: true },
  "share.get": {},
  "share.lan": { on: true },
  "share.subnet": { on: false },
  "share.use": { on: false },
  "owners.list": {},
  "owners.add": { uid: 1002 },
  "owners.remove": { uid: 1002 },
  "amt.join": { group: "232.1.1.1", source: "203.0.113.7" },
  "amt.leave": { id: "a1" },
  "amt.relays": { relays: [] },
  "amt.automatic": { on: false },
  "amt.relay": { enabled: true },
  "proxy.get": {},
  "proxy.set": { on: true },
  "tunnels.list": {},
  "tunnels.add": {
    ...{ kind: "mcasttunnel", role: "server", address: null, port: 9000 },
    ...{ group: "239.1.2.3", groupPort: 5004, ttl: 16 },
  },
  "tunnels.remove": { id: "0a1b2c3d" },
  "metrics.get": {},
  "metrics.set": { on: true },
  stats: {},
  dump: {},
  "doctor.topics": {},
  doctor: {},
  "doctor.fix": { fix: "port-mapping" },
  logs: {},
  shutdown: {},
};
const ALL = Object.keys(METHODS) as Method[];

let daemon: FakeDaemon;

async function allowed(): Promise<Method[]> {
  const client = await connect(daemon.path);
  const passed: Method[] = [];
  for (const method of ALL) {
    try {
      await client.call(method, PARAMS[method] as never);
      passed.push(method);
    } catch (error) {
      expect(error).toMatchObject({ code: "permission-denied" });
    }
  }
  client.close();
  return passed;
}

describe("where others may read", () => {
  beforeAll(async () => {
    daemon = await startFakeDaemon();
  });
  afterAll(() => daemon.stop());
  beforeEach(() => daemon.calls.splice(0));

  test("root may call everything, and handlers learn who called", async () => {
    daemon.caller = ROOT;
    expect(await allowed()).toEqual(ALL);
    expect(daemon.calls.length).toBeGreaterThan(20);
    expect(daemon.calls.every(({ caller }) => caller.uid === ROOT.uid)).toBe(true);
  });

  test("the daemon's own uid counts as root", async () => {
    daemon.caller = { uid: 64_000, gid: 1, pid: 1 };
    expect(await allowed()).toEqual(ALL);
  });

  test("an owner may do everything but choose owners", async () => {
    daemon.caller = OWNER;
    expect(await allowed()).toEqual(
      ALL.filter((method) => !["owners.add", "owners.remove"].includes(method)),
    );
  });

  test("anybody else may look, and no handler runs for the rest", async () => {
    daemon.caller = STRANGER;
    const reads = [
      "tunnels.list",
      "status",
      "watch",
      "members.list",
      "routes.list",
      "lans.list",
      "reach.get",
      "presets.list",
      "proxy.get",
      "share.get",
      "owners.list",
      "ping",
      "invite.inspect",
      "stats",
      "doctor.topics",
      "doctor",
    ];
    expect((await allowed()).sort()).toEqual(reads.sort());
    expect(daemon.calls.map(({ method }) => method).filter((method) => !reads.includes(method))).toEqual([]);
  });

  test("whom the kernel does not name may do nothing", async () => {
    daemon.caller = undefined;
    expect(await allowed()).toEqual([]);
  });

  test("the refusal carries the command that would help", async () => {
    daemon.caller = STRANGER;
    const client = await connect(daemon.path);
    await expect(client.call("down", {})).rejects.toMatchObject({
      remedy: expect.stringContaining("sudo castaway owners add 1001"),
    });
    client.close();
  });
});

test("where others may do nothing, they learn nothing but that", async () => {
  daemon = await startFakeDaemon({ others: "none" });
  daemon.caller = STRANGER;
  expect(await allowed()).toEqual([]);
  await daemon.stop();
});

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ControlError } from "#contract/errors.ts";
import type { Metrics, MetricsChange } from "#contract/metrics.ts";
import { PROXY_OFF, type Proxy, type ProxyChange } from "#contract/proxy.ts";
import type { LogLine, Snapshot } from "#contract/snapshot.ts";
import type { LogLevel } from "#ports/log.ts";
import type { AccessRules } from "#runtime/control/access.ts";
import type { DaemonApi, PeerCredentials } from "#runtime/control/daemon-api.ts";
import { startControlServer, type ControlServer } from "#runtime/control/server.ts";
import { PRESET, NOW, SNAPSHOT, STATS, TUNNELS } from "./sample-state.ts";

/** A daemon without a network behind it: it records the calls, and answers from the sample state. */
export interface FakeDaemon {
  readonly path: string;
  readonly server: ControlServer;
  readonly calls: { method: string; params: unknown; caller: PeerCredentials }[];
  readonly logged: { level: LogLevel; message: string }[];
  /** Whom the kernel names for the next connection. */
  caller: PeerCredentials | undefined;
  snapshot: Snapshot;
  logLines: LogLine[];
  /** What the next pings take; 20 ms then. */
  roundTrips: (number | null)[];
  stop(): Promise<void>;
}

export const ROOT: PeerCredentials = { uid: 0, gid: 0, pid: 1 };
export const OWNER: PeerCredentials = { uid: 1000, gid: 1000, pid: 2 };
export const STRANGER: PeerCredentials = { uid: 1001, gid: 1001, pid: 3 };

const LINK = `castaway://join/${"abcdefgh".repeat(16)}`;
const LINK_ERRORS: Readonly<Record<string, ControlError>> = {
  damaged: new ControlError("invite-damaged", "the invite is damaged", "Copy the whole link."),
  expired: new ControlError("invite-expired", "the invite has expired", "Ask for a new one."),
  "used-up": new ControlError("invite-used-up", "the invite was used already", "Ask for a new one."),
  revoked: new ControlError("invite-revoked", "the invite was revoked", "Ask for a new one."),
  newer: new ControlError("invite-too-new", "a newer Castaway made the invite", "Update Castaway."),
  silent: new ControlError("unreachable", "the host does not answer", "Is it on?"),
};

export interface FakeOptions {
  readonly others?: AccessRules["others"];
  readonly stallMs?: number;
  readonly buildVersion?: string;
  readonly api?: Partial<DaemonApi>;
}

export async function startFakeDaemon(options: FakeOptions = {}): Promise<FakeDaemon> {
  const folder = mkdtempSync(join(tmpdir(), "castaway-control-"));
  const path = join(folder, "run", "control.sock");
  const calls: FakeDaemon["calls"] = [];
  const logged: FakeDaemon["logged"] = [];
  const record =
    <R>(method: string, answer: (params: never) => R) =>
    async (params: unknown, caller: PeerCredentials): Promise<R> => {
      calls.push({ method, params, caller });
      return answer(params as never);
    };
  const invite = {
    id: "i1",
    label: "for Anna\u001b[2J",
    createdAt: NOW,
    expiresAt: NOW + 86_400_000,
    usesLeft: 1,
    usesTotal: 1,
    approval: false,
    state: "open" as const,
  };
  const share = () => ({
    networks: fake.snapshot.networks.map(({ id, name, role, lanAccess }) => ({ id, name, role, lanAccess })),
  });
  const api: DaemonApi = {
    snapshot: () => fake.snapshot,
    up: record("up", () => ({})),
    down: record("down", () => ({})),
    // The secret beside the contract's fields stands for an implementation that hands out too much.
    "invite.create": record("invite.create", () => ({
      link: LINK,
      networkName: "Home",
      endpoints: ["198.51.100.1:4242"],
      ways: [],
      invite: { ...invite, secret: "hidden" },
    })),
    "invite.inspect": record("invite.inspect", ({ link }: { link: string }) => ({
      networkName: "Home",
      fingerprint: "1f3a 90bc 5d2e 77a1 04c8",
      expired: link.endsWith("old"),
      expiresAt: link.endsWith("old") ? NOW - 3_600_000 : NOW + 86_400_000,
      endpoints: link.endsWith("old") ? [] : ["198.51.100.1:4242"],
      ways: link.endsWith("old") ? [] : ["the DHT"],
      known: link.endsWith("old"),
    })),
    "invite.list": record("invite.list", () => ({ invites: [{ ...invite, secret: "hidden" }] })),
    "invite.revoke": record("invite.revoke", () => ({})),
    "invite.approve": record("invite.approve", () => ({})),
    "invite.deny": record("invite.deny", () => ({})),
    join: record("join", ({ link }: { link: string }) => {
      const error = LINK_ERRORS[link.split("/").at(-1) ?? ""];
      if (error) throw error;
      return { networkId: "a1b2c3d4e5f60718293a4b5c6d7e8f90", networkName: "Home", addresses: ["10.77.0.2"] };
    }),
    leave: record("leave", () => ({})),
    "members.list": record("members.list", () => ({
      members: fake.snapshot.networks.flatMap((n) => n.members),
    })),
    "members.rename": record("members.rename", () => ({})),
    "members.limit": record("members.limit", () => ({})),
    "members.remove": record("members.remove", () => ({})),
    ping: record("ping", ({ member }: { member: number }) => ({
      rttMs: fake.roundTrips.length > 0 ? fake.roundTrips.shift()! : member === 2 ? 20 : null,
      by: "session" as const,
    })),
    "routes.list": record("routes.list", () => ({ routes: fake.snapshot.routes })),
    "routes.add": record("routes.add", () => ({ id: "s2" })),
    "routes.remove": record("routes.remove", ({ id }: { id: string }) => {
      if (!fake.snapshot.routes.some((route) => route.id === id))
        throw new ControlError("not-found", `no static route "${id}"`, "See castaway routes list");
      return {};
    }),
    "routes.reload": record("routes.reload", () => ({
      file: "/etc/castaway/routes.conf",
      entries: 3,
      peersFile: "/etc/castaway/peers.conf",
      peers: 1,
    })),
    "key.show": record("key.show", () => ({
      publicKey: "EBESExQVFhcYGRobHB0eHyAhIiMkJSYnKCkqKywtLi8=",
      fingerprint: "1f3a 90bc 5d2e 77a1 04c8",
      hostname: "home box",
      port: 42268,
      addresses: ["fd00::1", "100.64.0.1"],
      peersFile: "/etc/castaway/peers.conf",
      peers: 1,
    })),
    "lans.list": record("lans.list", () => ({ lans: fake.snapshot.lans })),
    "lans.set": record("lans.set", () => ({})),
    "reach.get": record("reach.get", () => fake.snapshot.reach),
    "reach.set": record("reach.set", (change: object) => ({ ...fake.snapshot.reach, ...change })),
    "presets.list": record("presets.list", () => ({ presets: [PRESET] })),
    "presets.set": record("presets.set", ({ preset, on }: { preset: string; on: boolean }) => ({
      ...PRESET,
      name: preset,
      on,
    })),
    "groups.raise-ttl": record("groups.raise-ttl", () => ({})),
    "share.get": record("share.get", share),
    "share.lan": record("share.lan", share),
    "share.subnet": record("share.subnet", share),
    "share.use": record("share.use", share),
    "owners.list": record("owners.list", () => ({ uids: [OWNER.uid] })),
    "owners.add": record("owners.add", () => ({})),
    "owners.remove": record("owners.remove", () => ({})),
    "amt.join": record("amt.join", () => ({ id: "a2" })),
    "amt.leave": record("amt.leave", () => ({})),
    "amt.relays": record("amt.relays", () => ({})),
    "amt.automatic": record("amt.automatic", () => ({})),
    "amt.relay": record("amt.relay", () => ({})),
    "proxy.get": record("proxy.get", () => proxyView({})),
    "proxy.set": record("proxy.set", proxyView),
    "tunnels.list": record("tunnels.list", () => ({ tunnels: [...TUNNELS] })),
    "tunnels.add": record("tunnels.add", () => ({ id: "0a1b2c3d" })),
    "tunnels.remove": record("tunnels.remove", () => ({})),
    "metrics.get": record("metrics.get", () => metricsView(false)),
    "metrics.set": record("metrics.set", ({ on, listen }: MetricsChange) => metricsView(on, listen)),
    stats: record("stats", () => STATS),
    dump: record("dump", () => ({ snapshot: fake.snapshot, stats: STATS })),
    "doctor.topics": record("doctor.topics", () => ({ topics: [{ id: "all", title: "everything" }] })),
    doctor: record("doctor", () => ({
      checks: [
        { name: "tun", status: "ok" as const, message: "/dev/net/tun opens", remedy: null },
        {
          name: "port",
          status: "warn" as const,
          message: "nobody reaches it from outside",
          remedy: "Forward UDP 4242.",
          fix: { id: "port-mapping", label: "Ask the router for a port." },
        },
      ],
    })),
    "doctor.fix": record("doctor.fix", () => ({
      label: "Ask the router for a port.",
      undo: "castaway reach --port-mapping off",
    })),
    logs: record("logs", ({ limit }: { limit?: number }) => ({
      lines: limit === 0 ? [] : fake.logLines.slice(-(limit ?? 200)),
    })),
    shutdown: record("shutdown", () => ({})),
    ...options.api,
  };
  const server = await startControlServer({
    path,
    buildVersion: options.buildVersion ?? "0.1.0-test",
    api,
    access: { ownUid: 64_000, owners: () => [OWNER.uid], others: options.others ?? "read" },
    peerCredentials: () => fake.caller,
    clock: { now: () => performance.now(), wall: () => NOW },
    log: { write: (level, message) => void logged.push({ level, message }) },
    ...(options.stallMs !== undefined && { stallMs: options.stallMs }),
  });
  const fake: FakeDaemon = {
    path,
    server,
    calls,
    logged,
    caller: ROOT,
    snapshot: SNAPSHOT,
    roundTrips: [],
    logLines: [logLine(1, "started"), logLine(2, "listening")],
    async stop() {
      await server.close("shutdown");
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return fake;
}

function proxyView({ on = false, upstream, downstream, ...rest }: ProxyChange): Proxy {
  if (!on) return PROXY_OFF;
  const { quickLeave = false, sources = [], allowed = [], denied = [], bitsPerSecond = null } = rest;
  return {
    ...PROXY_OFF,
    ...{ quickLeave, sources, allowed, denied, bitsPerSecond },
    state: "running",
    detail: "What listeners on lan want is joined on wan.",
    upstream: upstream ?? "wan",
    downstream: downstream ?? ["lan"],
  };
}

function metricsView(on: boolean, listen = "127.0.0.1:9469"): Metrics {
  const detail = on ? `They are at http://${listen}/metrics.` : "Nothing listens.";
  return { on, listen, state: on ? "listening" : "off", detail, scrapes: 7, refused: 2 };
}

export function logLine(number: number, message: string): LogLine {
  return { number, wall: NOW + number, level: "info", message, fields: { number } };
}

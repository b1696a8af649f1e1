// App states for tests of the interface, and for looking at it without a daemon.
import { PROXY_OFF } from "#contract/proxy.ts";
import type { Group, Member, Network, Snapshot } from "#contract/snapshot.ts";
import { DEFAULT_SETTINGS } from "#main/contract/settings.ts";
import type { AppState } from "#main/contract/state.ts";

const NOW = Date.UTC(2026, 5, 1, 20, 15);
const NO_TRAFFIC = { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 };

export function fakeMember(number: number, changes: Partial<Member> = {}): Member {
  return {
    number,
    name: `member-${number}`,
    role: number === 0 ? "host" : "guest",
    self: false,
    online: true,
    path: "direct",
    endpoint: `192.0.2.${number % 250}:42268`,
    rttMs: 10 + number,
    lossRatio: 0,
    sending: { pathMtu: 1500, lossRatio: 0, breaker: "closed", breakerBps: null, maximumBps: null },
    traffic: NO_TRAFFIC,
    addresses: [`fd12:3456:789a:${number.toString(16)}::1`, `100.72.0.${number % 250}`],
    lastSeen: NOW,
    ...changes,
  };
}

export function fakeNetwork(changes: Partial<Network> = {}): Network {
  return {
    id: "n1",
    name: "Home",
    role: "guest",
    state: "connected",
    detail: "Connected to Home directly over UDP.",
    ownNumber: 1,
    ownAddresses: ["fd12:3456:789a:1::1"],
    prefixes: ["fd12:3456:789a::/48", "100.72.0.0/16"],
    members: [
      fakeMember(0, { name: "living-room" }),
      fakeMember(1, { name: "laptop", self: true, path: "none" }),
    ],
    sharedRanges: ["239.0.0.0/8", "ff15::/16"],
    lanAccess: { on: false, lans: [], leftOut: [], subnet: null, opens: [], problem: null },
    invites: [],
    requests: [],
    ...changes,
  };
}

export function fakeGroup(index: number, changes: Partial<Group> = {}): Group {
  return {
    group: `239.1.${Math.floor(index / 250)}.${1 + (index % 250)}`,
    source: "192.168.1.20",
    name: `Channel ${index + 1}`,
    nameFrom: "announcement",
    sourceName: "tv-server",
    port: 5004,
    payload: "rtp-mpegts",
    inVif: "peer-home-0",
    listeners: [
      {
        vif: "castaway0",
        mode: "exclude",
        sources: [],
        local: true,
        since: NOW,
        packets: 1000,
        bytes: 1_316_000,
      },
    ],
    packets: 1000,
    bytes: 1_316_000,
    rateBps: 4_000_000 + index * 1000,
    pps: 380,
    lossRatio: 0,
    lossOf: "stream",
    ttl: 16,
    ttlRaised: false,
    firstSeen: NOW,
    lastSeen: NOW,
    ...changes,
  };
}

export function fakeSnapshot(changes: Partial<Snapshot> = {}): Snapshot {
  return {
    daemon: {
      version: "0.1.0",
      startedAt: NOW,
      pid: 4242,
      hostname: "laptop",
      tun: "castaway0",
      port: 42268,
    },
    networks: [fakeNetwork()],
    vifs: [],
    groups: [
      fakeGroup(0),
      fakeGroup(1, {
        source: null,
        name: null,
        nameFrom: null,
        sourceName: null,
        port: null,
        payload: null,
        rateBps: 0,
        pps: 0,
      }),
    ],
    routes: [],
    lans: [{ name: "eth0", index: 2, up: true, addresses: ["192.168.1.7/24"], mode: "full", pinned: false }],
    reach: {
      port: null,
      portPending: false,
      portMapping: true,
      dht: true,
      dhtBootstrap: [],
      dhtRelays: [],
      meet: "auto",
      tcp: true,
      tls: false,
      proxy: "auto",
      mapping: { state: "idle", method: null, udp: null, tcp: null, detail: "" },
      dhtState: {
        state: "idle",
        nodes: 0,
        announced: 0,
        nat: "unknown",
        observed: null,
        starts: 0,
        losses: 0,
        offences: 0,
        detail: "",
      },
    },
    sharing: { presets: [], proxies: [], raisedTtl: [] },
    proxy: PROXY_OFF,
    amt: {
      relays: [],
      automatic: true,
      joins: [],
      relay: {
        enabled: false,
        state: "off",
        detail: "",
        addresses: [],
        gateways: 0,
        maxGateways: 4096,
        gatewayBitsPerSecond: null,
        groups: 0,
        packets: 0,
        bytes: 0,
      },
    },
    warnings: [],
    ...changes,
  };
}

export function fakeState(changes: Partial<AppState> = {}): AppState {
  return {
    shell: {
      kind: "web",
      version: "0.1.0",
      platform: "linux",
      languages: ["en-GB"],
      can: { autoStart: false, notify: false, manageService: false, play: false, save: false },
    },
    service: { state: "running", detail: "", remedy: null, action: null, version: "0.1.0", access: "own" },
    settings: { ...DEFAULT_SETTINGS, welcomed: true },
    pendingInvite: null,
    pendingStream: null,
    snapshot: fakeSnapshot(),
    ...changes,
  };
}

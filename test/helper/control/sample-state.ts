import { PROXY_OFF } from "#contract/proxy.ts";
import type { Preset } from "#contract/sharing.ts";
import type { Tunnel } from "#contract/tunnels.ts";
import type { Group, Snapshot, Stats, Traffic } from "#contract/snapshot.ts";

export const NOW = Date.UTC(2026, 10, 21, 12, 0, 0);

const traffic: Traffic = { rxPackets: 1_000, rxBytes: 1_316_000, txPackets: 7, txBytes: 900 };

export const TUNNELS: readonly Tunnel[] = [
  {
    ...{ id: "0a1b2c3d", kind: "mcasttunnel", role: "server", address: null, port: 9000 },
    ...{ group: "239.1.2.3", groupPort: 5004, ttl: 16 },
    ...{ state: "up", detail: "", peers: ["192.0.2.7:4000"], toPeers: 12, fromPeers: 7, drops: {} },
  },
  {
    ...{ id: "0a1b2c3e", kind: "sixtunnel", role: "server", address: null, port: 5000 },
    ...{ range: "2001:db8:1::/48", knownOnly: false },
    ...{ state: "waiting", detail: "", peers: [], toPeers: 0, fromPeers: 0, drops: {} },
  },
  {
    ...{ id: "0a1b2c3f", kind: "sixtunnel", role: "client", address: "home.example", port: 5000 },
    ...{ clientId: null, defaultRoute: true },
    ...{ state: "failed", detail: "no\u001b[2J answer", peers: [], toPeers: 0, fromPeers: 0, drops: {} },
  },
];

export const STREAM: Group = {
  group: "239.1.2.3",
  source: "192.168.1.10",
  name: "News\u001b[2J at ten",
  nameFrom: "announcement",
  sourceName: "attic-nas",
  port: 5004,
  payload: "rtp-mpegts",
  inVif: "eth0",
  listeners: [
    {
      vif: "alice",
      mode: "exclude",
      sources: [],
      local: false,
      since: NOW - 65_000,
      packets: 990,
      bytes: 1_302_840,
    },
    {
      vif: "tun0",
      mode: "include",
      sources: ["192.168.1.10"],
      local: true,
      since: NOW - 5_000,
      packets: 3,
      bytes: 3_948,
    },
  ],
  packets: 1_000,
  bytes: 1_316_000,
  rateBps: 10_528_000,
  pps: 1_000,
  lossRatio: 0.012,
  lossOf: "stream",
  ttl: 1,
  ttlRaised: false,
  firstSeen: NOW - 65_000,
  lastSeen: NOW,
};

export const PRESET: Preset = {
  name: "dlna",
  summary: "Media servers are found.",
  ranges: ["239.255.255.0/24"],
  proxies: ["ssdp"],
  lanAccess: true,
  on: false,
};

export const SNAPSHOT: Snapshot = {
  daemon: {
    version: "0.1.0",
    startedAt: NOW - 3_600_000,
    pid: 4711,
    hostname: "home",
    tun: "castaway0",
    port: 4242,
  },
  networks: [
    {
      id: "a1b2c3d4e5f60718293a4b5c6d7e8f90",
      name: "Home",
      role: "host",
      state: "connected",
      detail: "2 members, 1 online.",
      ownNumber: 1,
      ownAddresses: ["fd12:3456:789a:1::1", "10.77.0.1"],
      prefixes: ["fd12:3456:789a::/48", "10.77.0.0/24"],
      members: [
        {
          number: 1,
          name: "home",
          role: "host",
          self: true,
          online: true,
          path: "none",
          endpoint: null,
          rttMs: null,
          lossRatio: null,
          sending: null,
          traffic: { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 },
          addresses: ["10.77.0.1"],
          lastSeen: null,
        },
        {
          number: 2,
          name: "alice\u001b[2J laptop",
          role: "guest",
          self: false,
          online: true,
          path: "direct",
          endpoint: "198.51.100.7:4242",
          rttMs: 23.45,
          lossRatio: 0,
          sending: {
            pathMtu: 1420,
            lossRatio: 0.123,
            breaker: "limiting",
            breakerBps: 3_000_000,
            maximumBps: 20_000_000,
          },
          traffic,
          addresses: ["10.77.0.2"],
          lastSeen: NOW,
        },
      ],
      sharedRanges: ["239.0.0.0/8", "ff0e::/16"],
      lanAccess: { on: false, lans: [], leftOut: [], subnet: null, opens: [], problem: null },
      invites: [],
      requests: [{ id: "r1", inviteId: "i1", name: "bob", endpoint: "203.0.113.9:1000", since: NOW }],
    },
  ],
  vifs: [
    {
      id: 1,
      name: "eth0",
      kind: "lan",
      mode: "full",
      state: "up",
      detail: "",
      mtu: 1500,
      addresses: ["192.168.1.2"],
      networkId: null,
      memberNumber: null,
      traffic,
      drops: { "ttl-exceeded": 12 },
      queriers: [
        { family: 4, version: 3, address: "192.168.1.1", self: false, queriesSent: 2, reportsReceived: 40 },
        { family: 6, version: 2, address: null, self: true, queriesSent: 9, reportsReceived: 3 },
      ],
    },
  ],
  groups: [STREAM],
  routes: [{ id: "s1", group: "239.9.9.9", source: null, fromVif: "eth+", toVifs: ["alice"], active: true }],
  lans: [{ name: "eth0", index: 2, up: true, addresses: ["192.168.1.2"], mode: "full", pinned: false }],
  reach: {
    port: null,
    portPending: false,
    portMapping: true,
    dht: true,
    dhtBootstrap: [],
    dhtRelays: [],
    meet: "off",
    tcp: true,
    tls: false,
    proxy: "auto",
    mapping: {
      state: "mapped",
      method: "pcp",
      udp: "203.0.113.5:4242",
      tcp: "203.0.113.5:4242",
      detail: "The router has opened 203.0.113.5:4242 by PCP.",
    },
    dhtState: {
      state: "ready",
      nodes: 40,
      announced: 3,
      nat: "same",
      observed: "203.0.113.5:4242",
      starts: 1,
      losses: 0,
      offences: 0,
      detail: "It is there; 40 nodes are known.",
    },
  },
  sharing: { presets: ["dlna"], proxies: ["ssdp"], raisedTtl: ["239.1.2.3"] },
  proxy: PROXY_OFF,
  amt: {
    relays: ["relay.example"],
    automatic: true,
    joins: [
      {
        id: "a1",
        source: "203.0.113.7",
        group: "232.1.2.3",
        relay: null,
        port: 5004,
        kept: true,
        state: "receiving",
        detail: "It comes from the relay 198.51.100.7.",
        via: { address: "198.51.100.7", how: "driad" },
        roundTripMs: 12,
        packets: 400,
        bytes: 526_400,
        rateBps: 8_000_000,
      },
    ],
    relay: {
      enabled: true,
      state: "up",
      detail: "",
      addresses: ["198.51.100.9"],
      gateways: 3,
      maxGateways: 4096,
      groups: 2,
      packets: 1200,
      bytes: 1_579_200,
    },
  },
  warnings: [
    { code: "ttl-1", message: "239.1.2.3 is sent with TTL 1", remedy: "Raise the sender's TTL.", since: NOW },
  ],
};

export const STATS: Stats = {
  uptimeMs: 3_600_000,
  rssBytes: 62_000_000,
  traffic,
  drops: { "ttl-exceeded": 12 },
  counters: { "session.handshakes": 3 },
};

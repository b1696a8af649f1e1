import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import { Members } from "#protocol/addressing/members.ts";
import { Invites } from "#protocol/invite/invites.ts";
import { initialState } from "#runtime/store/state.ts";
import type { State } from "#runtime/store/state.ts";
import { parsePrefix } from "#wire/address.ts";

export const NOW = Date.UTC(2026, 10, 21, 4, 5, 6);
export const PRIVATE_KEY = new Uint8Array(32).fill(9);
const bytes = (value: number, length = 32) => new Uint8Array(length).fill(value);

/** A folder of its own that is gone after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "castaway-store-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** A state in which every field is used. */
export function fullState(): State {
  const { machine } = initialState(PRIVATE_KEY);
  const plan = { prefix6: parsePrefix("fd12:3456:789a::/48"), prefix4: parsePrefix("100.64.4.0/22") };
  const host = { publicKey: machine.publicKey, name: "home", now: NOW };
  const members = new Members(plan, Members.initialState(host));
  const invites = new Invites(Invites.initialState);
  const secret = bytes(5, 16);
  const { invite } = invites.create({
    now: NOW,
    secret,
    hostPublicKey: machine.publicKey,
    networkName: "Home",
    candidates: [],
    uses: 5,
    label: "for Anna",
  });
  const id = Uint8Array.fromHex(invite.id);
  for (const n of [21, 22]) {
    const check = invites.use(id, bytes(n), NOW)!;
    members.admit({ publicKey: bytes(n), psk: check.psk, invite: check, name: `m${n}`, now: NOW });
  }
  members.limit(2, 20_000_000);
  members.remove(3, NOW, invites.lastSerial);
  invites.revoke(invite.id, NOW);
  const ranges = [parsePrefix("239.0.0.0/8"), parsePrefix("ff3e::/32")];
  return {
    machine,
    hosted: {
      name: "Home",
      createdAt: NOW,
      plan,
      sharedRanges: ranges,
      shareLan: true,
      shareLanOn: [{ name: "eth0", networks: [parsePrefix("192.168.1.0/24")] }],
      routeOn: { name: "eth1", networks: [] },
      enabled: true,
      members: members.state(),
      invites: invites.state(),
    },
    joined: [
      {
        hostPublicKey: bytes(31),
        psk: bytes(32),
        inviteId: bytes(33, 8),
        networkName: "Elsewhere",
        ownName: "laptop",
        joinedAt: NOW,
        candidates: [
          { host: "192.0.2.1", port: 4000 },
          { host: "home.example.net", port: 4000 },
        ],
        assigned: { number: 7, plan },
        sharedRanges: ranges,
        maximumBps: 5_000_000,
        sharedLans: [
          { prefix: parsePrefix("192.168.1.0/24"), mapped: parsePrefix("100.67.1.0/24") },
          { prefix: parsePrefix("2001:db8:1:1::/64"), mapped: undefined },
        ],
        useLans: false,
        routeOn: { name: "eth2", networks: [] },
        enabled: false,
      },
    ],
    settings: {
      port: 4000,
      lans: [{ name: "eth0", mode: "local" }],
      endpoints: [{ host: "203.0.113.5", port: 4000 }],
      routes: [
        {
          id: "1",
          group: parsePrefix("239.1.2.3/32"),
          source: parsePrefix("192.0.2.0/24"),
          fromVif: "eth+",
          toVifs: ["castaway0"],
        },
        {
          id: "2",
          group: parsePrefix("ff3e::1"),
          source: parsePrefix("2001:db8::1"),
          fromVif: "eth0",
          toVifs: [],
        },
      ],
      owners: [1000],
      reach: {
        portMapping: false,
        dht: true,
        dhtBootstrap: [{ host: "192.0.2.53", port: 49737 }],
        dhtRelays: ["ab".repeat(32)],
        meet: { host: "meet.example", port: 4443 },
        tcp: true,
        tls: false,
        proxy: { host: "proxy.example", port: 3128 },
      },
      sharing: { presets: ["dlna", "iptv"], raiseTtl: ["239.1.2.3", "ff15::1"] },
      metrics: { on: true, listen: "[::1]:9469" },
      proxy: {
        on: true,
        upstream: "wan0",
        downstream: ["lan0", "lan1"],
        quickLeave: true,
        sources: [{ address: "10.0.0.0", length: 8 }],
        allowed: [{ address: "239.0.0.0", length: 8 }],
        denied: [{ address: "ff1e::1", length: 128 }],
        bitsPerSecond: 20_000_000,
      },
      amt: {
        relays: ["192.0.2.77", "relay.example"],
        automatic: false,
        joins: [
          { id: "a1", source: "203.0.113.7", group: "232.1.2.3", relay: null, port: 5004 },
          { id: "a2", source: null, group: "ff3e::4321", relay: "2001:db8::77", port: null },
        ],
        relay: {
          enabled: true,
          maxGateways: 100,
          gatewayBitsPerSecond: 20_000_000,
          port: 2269,
          addresses: ["192.0.2.9", "2001:db8::9"],
          anycast: ["192.52.193.1"],
          interface: "eth0",
          adminScoped: true,
          shortMac: true,
          tellEndpoint: true,
        },
      },
      staticEnabled: false,
      tunnels: [
        {
          ...{ id: "0a1b2c3d", kind: "mcasttunnel", role: "client", address: "home.example", port: 9000 },
          ...{ group: "ff1e::1", groupPort: 5004, ttl: 16 },
        },
        {
          ...{ id: "0a1b2c3e", kind: "sixtunnel", role: "server", address: null, port: 5000 },
          ...{ range: "2001:db8:1::/48", knownOnly: true },
        },
        {
          ...{ id: "0a1b2c3f", kind: "sixtunnel", role: "client", address: "192.0.2.5", port: 5000 },
          ...{ clientId: "00:11:22:33:44:55", defaultRoute: false },
        },
      ],
    },
  };
}

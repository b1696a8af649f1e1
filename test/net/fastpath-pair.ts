// Two fast paths in one process: "home" with a LAN interface, "away" with a TUN, and a wire between them. The slow
// path is played by the test: it hands out keys, routes and endpoints.
import { randomBytes } from "node:crypto";
import { Worker } from "node:worker_threads";
import { openLan } from "#edge/linux/lan.ts";
import { close } from "#edge/linux/libc.ts";
import { openTun } from "#edge/linux/tun.ts";
import { openDatagrams } from "#edge/linux/udp.ts";
import { FastPathThread } from "#fastpath/fast-path-thread.ts";
import { MAX_DATAGRAM } from "#wire/frame.ts";
import type { Datagrams } from "#ports/datagrams.ts";
import type { DataCipher, FastPathEvent, TransportKeys, UnicastRoute, VifDevice } from "#ports/fast-path.ts";
import type { Lan } from "#ports/lan.ts";
import type { TunDevice } from "#ports/tun-device.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import {
  EXIT_LOCAL,
  EXIT_WIRE,
  MAX_VIFS,
  SLOT_ANY_SOURCE,
  SLOT_EGRESS,
  SLOT_GROUP,
  SLOT_USED,
  SLOT_WORDS,
  egressWord,
  hashKey,
} from "#protocol/forwarding/route-table.ts";
import type { RouteTable } from "#protocol/forwarding/route-table.ts";
import { parsePrefix } from "#wire/address.ts";
import type { Address } from "#wire/address.ts";
import { indexOf, inside, ip } from "./edge-namespaces.ts";

const WORKER = new URL("../../helper/fastpath/worker.ts", import.meta.url);
export const LAN = 1;
export const TUN = 2;
export const PEER = 3;
export const HOME_PORT = 4100;
export const AWAY_PORT = 4200;
export const HOME_WAN4 = "10.78.0.1";
export const AWAY_WAN4 = "10.78.0.2";
export const HOME_WAN6 = "fd78::1";
export const AWAY_WAN6 = "fd78::2";

/** A table in which every group goes from any vif to the exits given. */
export function tableOf(groups: ReadonlyMap<Address, readonly number[]>): RouteTable {
  const capacity = 64;
  const slots = new Uint32Array(capacity * SLOT_WORDS);
  const egress: number[] = [];
  for (const [group, words] of groups) {
    const key = new Uint32Array(8);
    writeAddressWords(key, 0, group);
    let i = hashKey(key, 0, 4) & (capacity - 1);
    while (slots[i * SLOT_WORDS + SLOT_USED] !== 0) i = (i + 1) & (capacity - 1);
    const at = i * SLOT_WORDS;
    slots[at + SLOT_USED] = SLOT_ANY_SOURCE;
    slots.set(key.subarray(0, 4), at + SLOT_GROUP);
    slots[at + SLOT_EGRESS] = egress.length;
    egress.push(words.length, ...words);
  }
  return {
    capacityMask: capacity - 1,
    slots,
    egress: Uint32Array.from(egress),
    prefixes: new Uint32Array(0),
    allowed: new Uint8Array((MAX_VIFS * MAX_VIFS) / 8).fill(255),
    native: new Uint8Array(MAX_VIFS / 8),
    vifFlags: new Uint8Array(MAX_VIFS),
    thresholds: new Uint8Array(0),
  };
}

export const toPeer = (vif = PEER): number => egressWord(vif, EXIT_WIRE);
export const toWire = (vif = LAN): number => egressWord(vif, EXIT_WIRE);
export const toLocal = (vif: number): number => egressWord(vif, EXIT_LOCAL);

export interface End {
  readonly namespace: string;
  readonly fastPath: FastPathThread;
  readonly datagrams: Datagrams;
  readonly events: FastPathEvent[];
}

export interface Pair {
  /** Where the LAN's other host is; its end of the LAN is "wire0". */
  readonly source: string;
  readonly home: End & { readonly lan: Lan };
  readonly away: End & { readonly tun: TunDevice };
  routes(end: "home" | "away", groups: Readonly<Record<Address, readonly number[]>>): void;
  unicast(end: "home" | "away", routes: readonly UnicastRoute[]): void;
  rekey(cipher?: DataCipher): void;
  remove(): Promise<void>;
}

export interface PairOptions {
  readonly prefix: string;
  readonly outer?: 4 | 6;
  readonly lanMtu?: number;
  readonly tunMtu?: number;
  readonly mode?: "full" | "local";
  readonly cipher?: DataCipher;
}

export const TUN_CONFIG = {
  addresses: [
    { address: "10.99.0.2", prefixLength: 24 },
    { address: "fd99::2", prefixLength: 64 },
  ],
  routes: ["239.0.0.0/8", "ff1e::/16"].map(parsePrefix),
  lans: [],
};

/** Without close(), which cannot be handed to another thread. */
function lanDevice({ fd, loop4, loop6, interfaceIndex, mac, mtu, mode }: Lan): VifDevice {
  return { kind: "lan", fd, loop4, loop6, interfaceIndex, mac, mtu, mode };
}

function makeNetwork(names: { s: string; h: string; a: string }, lanMtu: number): void {
  const { s, h, a } = names;
  for (const name of [s, h, a]) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
  }
  ip("-n", h, "link", "add", "lan0", "type", "veth", "peer", "name", "wire0", "netns", s);
  ip("-n", h, "link", "add", "wan0", "type", "veth", "peer", "name", "wan0", "netns", a);
  for (const [name, device, address4, address6, mtu] of [
    [s, "wire0", "10.77.0.2/24", "fd77::2/64", lanMtu],
    [h, "lan0", "10.77.0.1/24", "fd77::1/64", lanMtu],
    [h, "wan0", `${HOME_WAN4}/24`, `${HOME_WAN6}/64`, 1500],
    [a, "wan0", `${AWAY_WAN4}/24`, `${AWAY_WAN6}/64`, 1500],
  ] as const) {
    ip("-n", name, "link", "set", device, "mtu", String(mtu));
    ip("-n", name, "addr", "add", address4, "dev", device);
    ip("-n", name, "addr", "add", address6, "dev", device, "nodad");
    ip("-n", name, "link", "set", device, "up");
  }
  ip("-n", s, "route", "add", "224.0.0.0/4", "dev", "wire0");
}

function removeNetwork(names: readonly string[]): void {
  for (const name of names) {
    try {
      ip("netns", "del", name);
    } catch {
      // not there: nothing to remove
    }
  }
}

export async function makePair(options: PairOptions): Promise<Pair> {
  const { prefix, outer = 4, lanMtu = 1500, tunMtu = 1400, mode = "full" } = options;
  const names = { s: `cw-fp-${prefix}-s`, h: `cw-fp-${prefix}-h`, a: `cw-fp-${prefix}-a` };
  removeNetwork(Object.values(names));
  makeNetwork(names, lanMtu);
  const lanIndex = indexOf(names.h, "lan0");
  const macText = /link\/ether (\S+)/.exec(ip("-n", names.h, "link", "show", "lan0"))![1]!;
  const mac = Uint8Array.from(macText.split(":"), (byte) => parseInt(byte, 16));
  const lan = inside(names.h, () => openLan({ index: lanIndex, name: "lan0", mac, mtu: lanMtu }, mode));
  const tun = inside(names.a, () => openTun({ mtu: tunMtu }));
  tun.configure(TUN_CONFIG);
  const start = async (namespace: string, port: number): Promise<End> => {
    const datagrams = inside(namespace, () => openDatagrams(port));
    const events: FastPathEvent[] = [];
    // A name by which the thread can be found among those of the process.
    const fastPath = new FastPathThread((start) => new Worker(WORKER, { ...start, name: namespace }));
    const ready = new Promise<void>((resolve, reject) => {
      fastPath.onEvent((event) => {
        events.push(event);
        if (event.type === "ready") resolve();
      });
      fastPath.ended.catch(reject);
    });
    await ready;
    fastPath.send({ type: "udp", fd: datagrams.fd });
    return { namespace, fastPath, datagrams, events };
  };
  const home = { ...(await start(names.h, HOME_PORT)), lan };
  const away = { ...(await start(names.a, AWAY_PORT)), tun };

  home.fastPath.send({ type: "origin", origin: 1, epoch: 7 });
  away.fastPath.send({ type: "origin", origin: 2, epoch: 9 });
  home.fastPath.send({ type: "vif-add", vif: LAN, device: lanDevice(lan) });
  away.fastPath.send({ type: "vif-add", vif: TUN, device: { kind: "tun", fd: tun.fd, mtu: tunMtu } });
  const any = [{ address: new Uint8Array(16), length: 0 }];
  home.fastPath.send({
    type: "vif-add",
    vif: PEER,
    device: { kind: "peer", onlyOrigin: 2, sources: any },
  });
  away.fastPath.send({
    type: "vif-add",
    vif: PEER,
    device: { kind: "peer", onlyOrigin: 0, sources: any },
  });
  const pair: Pair = {
    source: names.s,
    home,
    away,
    routes: (end, groups) =>
      (end === "home" ? home : away).fastPath.send({
        type: "routes",
        ...tableOf(new Map(Object.entries(groups))),
      }),
    unicast: (end, routes) =>
      (end === "home" ? home : away).fastPath.send({ type: "unicast-routes", routes }),
    rekey: (cipher = options.cipher ?? "aes-256-gcm") => {
      const [there, back] = [randomBytes(32), randomBytes(32)];
      const [a, b] = [randomBytes(4).readUInt32BE(), randomBytes(4).readUInt32BE()];
      const keys = (sendKey: Buffer, receiveKey: Buffer, local: number, remote: number): TransportKeys => ({
        cipher,
        sendKey,
        receiveKey,
        localIndex: local,
        remoteIndex: remote,
      });
      away.fastPath.send({
        type: "peer-keys",
        vif: PEER,
        keys: keys(back, there, b, a),
        confirmed: false,
      });
      home.fastPath.send({ type: "peer-keys", vif: PEER, keys: keys(there, back, a, b), confirmed: true });
    },
    remove: async () => {
      await Promise.all([home.fastPath.stop(), away.fastPath.stop()]);
      for (const { datagrams } of [home, away]) close(datagrams.fd);
      lan.close();
      tun.remove();
      removeNetwork(Object.values(names));
    },
  };
  pair.rekey();
  const endpoint = (address4: string, address6: string, port: number) => ({
    address: outer === 4 ? address4 : address6,
    port,
  });
  home.fastPath.send({
    type: "peer-endpoint",
    vif: PEER,
    endpoint: endpoint(AWAY_WAN4, AWAY_WAN6, AWAY_PORT),
  });
  away.fastPath.send({
    type: "peer-endpoint",
    vif: PEER,
    endpoint: endpoint(HOME_WAN4, HOME_WAN6, HOME_PORT),
  });
  // What the search for the path MTU comes to here.
  const bytes = outer === 4 ? MAX_DATAGRAM : MAX_DATAGRAM - 20;
  for (const { fastPath } of [home, away])
    fastPath.send({ type: "peer-datagram-limit", vif: PEER, bytes, settled: true });
  return pair;
}

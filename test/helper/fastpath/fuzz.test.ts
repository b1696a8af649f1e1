import { write } from "#edge/linux/libc.ts";
import { MAX_IN_FLIGHT } from "#fastpath/in-flight.ts";
import { encodeInnerHeader, INNER_HEADER_LENGTH, KIND_MULTICAST } from "#wire/frame.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { KERNEL_VECTORS } from "#test/helper/wire/membership-vectors.ts";
import { fromHex } from "#test/helper/wire/round-trip.ts";
import { udpBytes } from "./fixtures.ts";
import { lanFrame, packet, plaintexts, tunPacket } from "./fuzz-packets.ts";
import {
  GROUPS,
  HOST,
  LAN,
  MEMBER,
  ORIGINS,
  OWN_LAN,
  peerAddress4,
  PEERS,
  Scene,
  SOCKET,
  TUN,
  WITNESS,
} from "./fuzz-scene.ts";

const MIB = 2 ** 20;
/** Handed up in one turn at most: full buckets of datagrams, membership packets, control messages, beacons. */
const MAX_EVENTS = 500 + 2_000 + PEERS.length * 400 + 200 + MAX_IN_FLIGHT;
const WITNESSED = 20;
const QUERY = fromHex(KERNEL_VECTORS[0]!.hex);
/** The TUN, the LAN's wire, the socket vif, and the two other peers. */
const RECEIVERS = 5;

/**
 * The fast path, whole, but for the kernel's devices: frames with right seals around anything, device reads with any
 * headers, garbage from strangers, and commands in the midst of it.
 */
class FastPathUnderFire implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #scene = new Scene();
  readonly #rssAtStart = process.memoryUsage.rss();
  readonly #recorded = Array.from({ length: 32 }, () => new Uint8Array(4));
  #events = 0;
  #sequence = 0;
  #wrong = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    const before = this.#packets();
    for (let inputs = random.oneIn(20) ? 1 + random.below(60) : 1; inputs > 0; inputs--) this.#input();
    if (random.oneIn(30)) this.#command();
    this.#scene.serve();
    this.#scene.now += random.oneIn(500) ? random.below(400_000) : random.below(5);
    this.#drain();
    return this.#packets() !== before;
  }

  held() {
    return {
      "MiB of the process": [(process.memoryUsage.rss() - this.#rssAtStart) / MIB, 250],
      "events of a turn": [this.#events, MAX_EVENTS],
    } as const;
  }

  /** Packets of somebody who did nothing wrong still come through, to everybody, once. */
  settle(): void {
    const scene = this.#scene;
    scene.now += 10_000;
    for (const vif of [TUN, LAN, OWN_LAN, SOCKET, ...PEERS]) scene.addVif(vif);
    scene.routes();
    for (const vif of PEERS) scene.rekey(vif);
    scene.serve(); // what waited for a vif that was away
    this.#drain();
    for (let i = 0; i < WITNESSED; i++) {
      const payload = Buffer.from(`witness ${this.#sequence}`);
      const content = udpBytes({ source: peerAddress4(WITNESS), group: GROUPS[0]!, payload });
      const plain = new Uint8Array(INNER_HEADER_LENGTH + content.length);
      const header = { kind: KIND_MULTICAST, flags: 0, hops: 8, origin: ORIGINS[WITNESS], epoch: 10 };
      encodeInnerHeader(plain, 0, { ...header, sequence: this.#sequence++ });
      plain.set(content, INNER_HEADER_LENGTH);
      scene.transmit(WITNESS, scene.seal(WITNESS, plain));
      scene.serve();
      if (this.#arrivals(payload) !== RECEIVERS) this.#wrong++;
    }
  }

  left() {
    return { "packets that did not arrive once at each": this.#wrong };
  }

  close(): void {
    this.#scene.close();
  }

  #input(): void {
    const scene = this.#scene;
    const random = this.#random;
    switch (random.below(8)) {
      case 0: {
        // strangers, and what somebody recorded
        scene.transmit(random.pick(PEERS), mutate(random, [random.bytes(148), ...this.#recorded]));
        return;
      }
      case 1:
        return put(scene.tun.far, tunPacket(random));
      case 2:
        return put(scene.lan.far, lanFrame(random));
      case 3:
        return put(scene.ownLan.far, lanFrame(random));
      case 4:
        scene.packetIn(packet(random, "192.168.2.9", "2001:db8:2::9"));
        return;
      default: {
        const vif = random.pick([MEMBER, HOST] as const);
        for (const plain of plaintexts(random, vif)) {
          const frame = scene.seal(vif, plain);
          this.#recorded[random.below(32)] = frame;
          scene.transmit(vif, frame);
        }
      }
    }
  }

  /** The slow path goes on meanwhile. */
  #command(): void {
    const scene = this.#scene;
    const random = this.#random;
    const peer = random.pick(PEERS);
    switch (random.below(8)) {
      case 0:
        return scene.rekey(peer);
      case 1:
        scene.command({ type: "vif-remove", vif: random.pick([TUN, LAN, OWN_LAN, SOCKET, peer]) });
        return;
      case 2:
        return scene.routes();
      case 3:
        return scene.command({ type: "inject", vif: random.pick([LAN, TUN]), packet: QUERY });
      case 4:
        return scene.command({ type: "send-control", vif: peer, message: random.bytes(random.below(3000)) });
      case 5:
        return scene.command({ type: "send-beacon", vif: LAN, payload: random.bytes(60) });
      case 6:
        return scene.command({ type: "peer-keys-clear", vif: peer });
      default:
        for (const vif of [TUN, LAN, OWN_LAN, SOCKET, ...PEERS])
          scene.addVif(vif, random.pick([1500, 576, 100, 9000]));
        for (const vif of PEERS) scene.rekey(vif);
    }
  }

  #packets(): number {
    let sum = 0;
    for (const vif of [TUN, LAN, OWN_LAN, SOCKET, ...PEERS]) sum += this.#scene.counters.read(vif).rxPackets;
    return sum;
  }

  /** Reads out all far ends; whatever leaves by a device must be what the kernel takes. */
  #drain(): void {
    const scene = this.#scene;
    for (const bytes of scene.drain(scene.tun.far)) checkOutgoing(bytes, 10);
    for (const bytes of scene.drain(scene.lan.far)) checkOutgoing(bytes, 24);
    for (const pair of [scene.ownLan, scene.loop]) scene.drain(pair.far);
    for (const vif of PEERS) scene.received(vif);
    this.#events = scene.takeEvents().length;
  }

  #arrivals(payload: Buffer): number {
    const scene = this.#scene;
    const has = (bytes: Uint8Array): boolean => Buffer.from(bytes).includes(payload);
    return (
      scene.drain(scene.tun.far).filter(has).length +
      scene.drain(scene.lan.far).filter(has).length +
      scene.takeEvents().filter((event) => event.type === "packet-out" && has(event.packet)).length +
      scene.received(MEMBER) +
      scene.received(HOST)
    );
  }
}

/** A virtio header that the kernel would take, and an IP packet as long as it says. */
function checkOutgoing(bytes: Uint8Array, headers: number): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const fail = (why: string): never => {
    throw new Error(`${why}: ${Buffer.from(bytes.subarray(0, 120)).toString("hex")}, ${bytes.length} bytes`);
  };
  if (bytes.length < headers) return fail("no packet");
  if (headers === 24 && view.getUint16(22) === 0x88b5) return;
  const length = bytes.length - headers;
  const version = bytes[headers]! >> 4;
  if (headers === 24 && view.getUint16(22) !== (version === 4 ? 0x0800 : 0x86dd)) return fail("ethertype");
  const said = version === 4 ? view.getUint16(headers + 2) : 40 + view.getUint16(headers + 4);
  if (said !== length) return fail(`${length} bytes of IP that say ${said}`);
  const [flags, gso] = [bytes[0]!, bytes[1]!];
  if ((flags & 1) !== 0 && view.getUint16(6, true) + view.getUint16(8, true) + 2 > bytes.length - 10)
    return fail("a checksum outside of the packet");
  if (gso !== 0 && (gso !== 5 || (flags & 1) === 0 || view.getUint16(4, true) === 0))
    return fail("virtio header");
}

function put(fd: number, bytes: Uint8Array): void {
  write(fd, bytes, bytes.length);
}

fuzzMachines([{ name: "the fast path", runs: 3_000, start: (random) => new FastPathUnderFire(random) }]);

import { close, recv, write } from "#edge/linux/libc.ts";
import { MSG_DONTWAIT } from "#edge/linux/constants.ts";
import { linuxStreamSockets } from "#edge/linux/stream-sockets.ts";
import { QUEUE_FRAMES } from "#fastpath/stream-queue.ts";
import { MAX_STREAMS } from "#fastpath/streams.ts";
import { encodeInnerHeader, INNER_HEADER_LENGTH, KIND_CONTROL, KIND_MULTICAST } from "#wire/frame.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { udpBytes } from "./fixtures.ts";
import { GROUPS, LAN, MEMBER, ORIGINS, peerAddress4, Scene } from "./fuzz-scene.ts";

const MOST_OPEN = 12;
const VIFS_WITH_INGRESS = 4;

interface Far {
  readonly stream: number;
  readonly near: number;
  readonly far: number;
}

/** A member and strangers at the far ends of streams: whole frames, pieces, lies about lengths, and readers that stop. */
class ByStreams implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #scene = new Scene();
  readonly #buffer = Buffer.alloc(1 << 18);
  #open: Far[] = [];
  #last = 0;
  #sequence = 1;
  #lost = 0;
  #framing = 0;
  #missing = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    const scene = this.#scene;
    if (this.#open.length === 0 || (this.#open.length < MOST_OPEN && random.oneIn(20))) this.#add();
    const far = random.pick(this.#open);
    scene.now += random.below(random.oneIn(50) ? 3_000 : 5);
    switch (random.below(10)) {
      case 0:
      case 1:
      case 2:
        this.#write(
          far,
          scene.inStream(MEMBER, this.#inner(random.oneIn(4) ? KIND_CONTROL : KIND_MULTICAST)),
        );
        break;
      case 3: {
        const frame = scene.inStream(MEMBER, this.#inner(KIND_MULTICAST));
        this.#write(far, mutate(random, [frame]));
        break;
      }
      case 4:
        for (let count = random.below(80); count > 0; count--)
          scene.packetIn(
            udpBytes({ source: "10.1.1.1", group: GROUPS[0]!, payload: random.bytes(random.below(1400)) }),
          );
        break;
      case 5:
        scene.command({ type: "send-control", vif: MEMBER, message: random.bytes(random.below(600)) });
        break;
      case 6:
        scene.command({
          type: "stream-send",
          stream: far.stream,
          data: random.bytes(1 + random.below(2_048)),
        });
        break;
      case 7:
        this.#read(far);
        break;
      case 8:
        if (random.oneIn(8)) this.#remove(far);
        break;
      default:
        scene.transmit(MEMBER, scene.seal(MEMBER, this.#inner(KIND_MULTICAST)));
    }
    return this.#serve();
  }

  held() {
    const queued = this.#open.map(({ stream }) => this.#scene.engine.streams.get(stream)?.queued ?? 0);
    return {
      ingresses: [this.#scene.engine.ingresses.length, VIFS_WITH_INGRESS + MOST_OPEN],
      "frames in one queue": [Math.max(0, ...queued), QUEUE_FRAMES + 1],
      streams: [this.#open.length, MAX_STREAMS],
    } as const;
  }

  settle(): void {
    for (const far of [...this.#open]) this.#remove(far);
    this.#serve();
    // Nothing was used up: a new stream takes a full queue, and gives all of it out in whole frames.
    this.#add();
    const far = this.#open[0]!;
    this.#scene.now += 10_000;
    this.#write(far, this.#scene.inStream(MEMBER, this.#inner(KIND_MULTICAST)));
    this.#serve();
    this.#scene.drain(this.#scene.lan.far);
    const before = this.#scene.counters.read(LAN).txPackets;
    this.#write(far, this.#scene.inStream(MEMBER, this.#inner(KIND_MULTICAST)));
    this.#serve();
    this.#lost = 1 - (this.#scene.counters.read(LAN).txPackets - before);
    for (let i = 0; i < 10; i++)
      this.#scene.packetIn(udpBytes({ source: "10.1.1.1", group: GROUPS[0]!, payload: new Uint8Array(500) }));
    this.#serve();
    const bytes = this.#readAll(far);
    let at = 0;
    for (let n = 0; n < 10 && at + 2 <= bytes.length; n++) at += 2 + bytes.readUInt16BE(at);
    this.#framing = bytes.length - at;
    for (let i = 0; i < 1_000; i++)
      this.#scene.packetIn(
        udpBytes({ source: "10.1.1.1", group: GROUPS[0]!, payload: new Uint8Array(1_000) }),
      );
    this.#missing = QUEUE_FRAMES - (this.#scene.engine.streams.get(far.stream)?.queued ?? 0);
    this.#remove(far);
    this.#serve();
  }

  left() {
    const { engine } = this.#scene;
    return {
      "packets that were lost": this.#lost,
      "bytes that are no frames": this.#framing,
      "cells that were used up": Math.max(0, this.#missing),
      "ingresses too many": engine.ingresses.length - VIFS_WITH_INGRESS,
    };
  }

  close(): void {
    for (const far of [...this.#open]) this.#remove(far);
    this.#scene.close();
  }

  #inner(kind: number): Uint8Array {
    const content =
      kind === KIND_CONTROL
        ? this.#random.bytes(this.#random.below(100))
        : udpBytes({ source: peerAddress4(MEMBER), group: GROUPS[0]!, payload: this.#random.bytes(60) });
    const bytes = new Uint8Array(INNER_HEADER_LENGTH + content.length);
    encodeInnerHeader(bytes, 0, {
      kind,
      flags: 0,
      hops: 4,
      origin: ORIGINS[MEMBER],
      epoch: 1,
      sequence: this.#sequence++,
    });
    bytes.set(content, INNER_HEADER_LENGTH);
    return bytes;
  }

  #add(): void {
    const [near, far] = linuxStreamSockets.pair();
    const stream = ++this.#last;
    this.#open.push({ stream, near, far });
    this.#scene.command({
      type: "stream-add",
      stream,
      fd: near,
      remote: { address: "203.0.113.9", port: 1 },
    });
  }

  #remove(far: Far): void {
    this.#scene.command({ type: "stream-remove", stream: far.stream });
    this.#gone(far.stream);
  }

  #gone(stream: number): void {
    const at = this.#open.findIndex((one) => one.stream === stream);
    if (at < 0) return;
    const [far] = this.#open.splice(at, 1);
    close(far!.near);
    close(far!.far);
  }

  #write({ far }: Far, bytes: Uint8Array): void {
    if (bytes.length > 0) write(far, bytes, bytes.length); // what does not fit is lost: the frames are cut
  }

  #readAll({ far }: Far): Buffer {
    const got = recv(far, this.#buffer, this.#buffer.length, MSG_DONTWAIT);
    return Buffer.from(this.#buffer.subarray(0, Math.max(0, got)));
  }

  #read({ far }: Far): Buffer {
    const got = recv(far, this.#buffer, 1 + this.#random.below(this.#buffer.length - 1), MSG_DONTWAIT);
    return Buffer.from(this.#buffer.subarray(0, Math.max(0, got)));
  }

  #serve(): boolean {
    const scene = this.#scene;
    const before = scene.counters.read(MEMBER).rxPackets;
    for (const ingress of [...scene.engine.ingresses]) if (ingress.blocked) ingress.writable!(scene.now);
    scene.serve();
    for (const pair of [scene.lan, scene.tun, scene.ownLan, scene.loop]) scene.drain(pair.far);
    scene.received(MEMBER);
    for (const event of scene.takeEvents()) if (event.type === "stream-closed") this.#gone(event.stream);
    if (scene.counters.read(LAN).rxPackets > 0) throw new Error("nothing came by the LAN");
    return scene.counters.read(MEMBER).rxPackets > before;
  }
}

fuzzMachines([{ name: "streams", runs: 3_000, start: (random) => new ByStreams(random) }]);

// Frames in byte streams: an engine with the near end of a stream, the test with the far one.
import { onTestFinished, expect, test } from "vitest";
import { close, recv, write } from "#edge/linux/libc.ts";
import { EBADMSG, MSG_DONTWAIT } from "#edge/linux/constants.ts";
import { linuxStreamSockets } from "#edge/linux/stream-sockets.ts";
import { TRANSPORT_ROW } from "#fastpath/counters.ts";
import { QUEUE_FRAMES, QUEUE_MS } from "#fastpath/stream-queue.ts";
import { MAX_STREAMS } from "#fastpath/streams.ts";
import {
  encodeInnerHeader,
  FRAME_COOKIE_REPLY,
  FRAME_DATA,
  INNER_HEADER_LENGTH,
  KIND_CONTROL,
  KIND_MULTICAST,
  MAX_STREAM_FRAME,
} from "#wire/frame.ts";
import { COOKIE_REPLY_LENGTH } from "#wire/frame-handshake.ts";
import { udpBytes } from "./fixtures.ts";
import { GROUPS, LAN, MEMBER, ORIGINS, Scene, WITNESS, peerAddress4 } from "./fuzz-scene.ts";

const REMOTE = { address: "203.0.113.9", port: 999 };

interface FarEnd {
  readonly number: number;
  readonly fd: number;
  write(bytes: Uint8Array): void;
  /** Everything there is. */
  read(limit?: number): Buffer;
}

function scene(): Scene {
  const made = new Scene();
  onTestFinished(() => made.close());
  return made;
}

let streams = 0;
function openStream(at: Scene): FarEnd {
  const number = ++streams;
  const [near, far] = linuxStreamSockets.pair();
  onTestFinished(() => void [near, far].map((fd) => close(fd)));
  at.command({ type: "stream-add", stream: number, fd: near, remote: REMOTE });
  const buffer = Buffer.alloc(1 << 20);
  return {
    number,
    fd: far,
    write: (bytes) => expect(write(far, bytes, bytes.length)).toBe(bytes.length),
    read: (limit = Infinity) => {
      const parts: Buffer[] = [];
      for (let left = limit; left > 0;) {
        const got = recv(far, buffer, Math.min(left, buffer.length), MSG_DONTWAIT);
        if (got <= 0) break;
        parts.push(Buffer.from(buffer.subarray(0, got)));
        left -= got;
      }
      return Buffer.concat(parts);
    },
  };
}

let sequence = 1;
function inner(kind: number, content: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(INNER_HEADER_LENGTH + content.length);
  const header = { kind, flags: 0, hops: 4, origin: ORIGINS[MEMBER], epoch: 1, sequence: sequence++ };
  encodeInnerHeader(bytes, 0, header);
  bytes.set(content, INNER_HEADER_LENGTH);
  return bytes;
}

const multicast = (length = 100): Uint8Array =>
  inner(
    KIND_MULTICAST,
    udpBytes({
      source: peerAddress4(MEMBER),
      group: GROUPS[0]!,
      payload: new Uint8Array(length).fill(sequence),
    }),
  );

/** The types of whole frames, and how many bytes of another one follow them. */
function frames(bytes: Buffer): { readonly types: number[]; readonly rest: number; readonly all: Buffer[] } {
  const all: Buffer[] = [];
  let at = 0;
  for (; at + 2 <= bytes.length; at += 2 + bytes.readUInt16BE(at)) {
    const end = at + 2 + bytes.readUInt16BE(at);
    if (end > bytes.length) break;
    all.push(bytes.subarray(at + 2, end));
  }
  return { types: all.map((frame) => frame[0]!), rest: bytes.length - at, all };
}

/** Sent by the engine to the member, `count` packets of a socket vif. */
function send(at: Scene, count: number, payload = 1000): void {
  for (let i = 0; i < count; i++)
    at.packetIn(
      udpBytes({ source: "10.1.1.1", group: GROUPS[0]!, payload: new Uint8Array(payload).fill(i) }),
    );
  at.takeEvents();
}

function writable(at: Scene): void {
  for (const ingress of at.engine.ingresses) if (ingress.blocked) ingress.writable!(at.now);
}

const dropsOf = (at: Scene, row: number): Readonly<Record<string, number>> => at.counters.read(row).drops;

test.each([1, 7, 100_000])("frames arrive whole, however the stream is cut: pieces of %i bytes", (piece) => {
  const at = scene();
  const far = openStream(at);
  const bytes = Buffer.concat(Array.from({ length: 20 }, (_, i) => at.inStream(MEMBER, multicast(i * 70))));
  at.drain(at.lan.far);
  for (let done = 0; done < bytes.length; done += piece) {
    far.write(bytes.subarray(done, done + piece));
    at.serve();
  }
  expect(at.drain(at.lan.far).length).toBe(20);
  expect(dropsOf(at, MEMBER)).toEqual({});
});

test("what is no data frame is handed up with the stream's number, so many a second", () => {
  const at = scene();
  const far = openStream(at);
  const reply = Uint8Array.of(
    FRAME_COOKIE_REPLY,
    0,
    0,
    0,
    ...new Uint8Array(COOKIE_REPLY_LENGTH - 4).fill(9),
  );
  far.write(Buffer.from([0, reply.length, ...reply]));
  at.serve();
  const from = { ...REMOTE, stream: far.number };
  expect(at.takeEvents()).toEqual([{ type: "datagram", from, data: reply }]);
  for (let i = 0; i < 100; i++) far.write(Buffer.from([0, reply.length, ...reply]));
  at.serve();
  expect(at.takeEvents().length).toBeLessThan(21);
  expect(dropsOf(at, TRANSPORT_ROW)["rate-limited"]).toBeGreaterThan(79);
});

test("a peer moves onto a stream with its newest packet, is answered there, and moves back", () => {
  const at = scene();
  const far = openStream(at);
  at.transmit(MEMBER, at.seal(MEMBER, multicast()));
  const overtaken = at.inStream(MEMBER, multicast());
  at.serve();
  at.takeEvents();
  at.received(MEMBER);
  far.write(at.inStream(MEMBER, multicast()));
  at.serve();
  const moved = { type: "peer-moved", vif: MEMBER, endpoint: { ...REMOTE, stream: far.number } };
  const authenticated = { type: "stream-authenticated", stream: far.number, vif: MEMBER };
  expect(at.takeEvents()).toEqual(expect.arrayContaining([authenticated, moved]));
  send(at, 3);
  expect(frames(far.read())).toMatchObject({ types: [FRAME_DATA, FRAME_DATA, FRAME_DATA], rest: 0 });
  expect(at.received(MEMBER)).toBe(0);
  at.transmit(MEMBER, at.seal(MEMBER, multicast()));
  far.write(overtaken);
  at.serve();
  send(at, 2);
  expect([at.received(MEMBER), far.read().length]).toEqual([2, 0]);
});

test("a whole Ethernet packet needs no pieces in a stream", () => {
  const at = scene();
  const far = openStream(at);
  far.write(at.inStream(MEMBER, multicast()));
  at.serve();
  send(at, 1, 1472);
  expect(frames(far.read()).all.map((frame) => frame.length)).toEqual([1500 + 48]);
});

test.each([
  ["a length of zero", [0, 0, 1, 2]],
  ["a length beyond any frame", [(MAX_STREAM_FRAME + 1) >> 8, (MAX_STREAM_FRAME + 1) & 255]],
  ["another protocol", [...Buffer.from("GET / HTTP/1.1\r\n\r\n")]],
])("%s ends the stream, and what came before it counts", (_, garbage) => {
  const at = scene();
  const far = openStream(at);
  at.drain(at.lan.far);
  far.write(Buffer.concat([at.inStream(MEMBER, multicast()), Buffer.from(garbage)]));
  at.serve();
  expect(at.takeEvents()).toContainEqual({ type: "stream-closed", stream: far.number, errno: EBADMSG });
  expect(at.drain(at.lan.far).length).toBe(1);
  far.write(at.inStream(MEMBER, multicast()));
  at.serve();
  expect(at.drain(at.lan.far).length).toBe(0);
  send(at, 1);
  expect(dropsOf(at, MEMBER)["no-endpoint"]).toBe(1);
});

test("its end and its removal are told once, and the place is free again", () => {
  const at = scene();
  for (let i = 0; i < MAX_STREAMS + 10; i++) {
    const [near, far] = linuxStreamSockets.pair();
    const number = ++streams;
    at.command({ type: "stream-add", stream: number, fd: near, remote: REMOTE });
    close(far);
    at.serve();
    at.command({ type: "stream-remove", stream: number });
    close(near);
    expect(at.takeEvents()).toEqual([
      { type: "stream-closed", stream: number, errno: 0 },
      { type: "stream-removed", stream: number },
    ]);
  }
  expect(at.engine.ingresses.length).toBe(4);
});

test("there are so many streams and no more", () => {
  const at = scene();
  const [near, far] = linuxStreamSockets.pair();
  onTestFinished(() => void [near, far].map((fd) => close(fd)));
  const add = (): void => at.command({ type: "stream-add", stream: ++streams, fd: near, remote: REMOTE });
  for (let i = 0; i < MAX_STREAMS; i++) add();
  expect(at.takeEvents()).toEqual([]);
  add();
  expect(at.takeEvents()).toMatchObject([{ type: "stream-closed", stream: streams }]);
});

test("a peer that reads nothing: a bounded queue, the oldest packets go, control stays, others are served", () => {
  const at = scene();
  const far = openStream(at);
  far.write(at.inStream(MEMBER, multicast()));
  at.serve();
  at.received(WITNESS);
  const control = (byte: number): void =>
    at.command({ type: "send-control", vif: MEMBER, message: new Uint8Array(32).fill(byte) });
  let sent = 0;
  const burst = (count: number): void => {
    send(at, count);
    sent += count;
  };
  for (let i = 0; i < 4; i++) burst(100); // fills the kernel's buffers
  for (let i = 0; i < 10; i++) control(i);
  for (let i = 0; i < 20; i++) {
    burst(100);
    expect(at.received(WITNESS)).toBeGreaterThan(0);
  }
  const stream = at.engine.streams.get(far.number)!;
  expect(stream.queued).toBeLessThanOrEqual(QUEUE_FRAMES + 1);
  expect(stream.blocked).toBe(true);
  const dropped = dropsOf(at, MEMBER)["stream-full"]!;
  const received: Buffer[] = [];
  for (let part = far.read(); part.length > 0; part = far.read()) {
    received.push(part);
    writable(at);
  }
  const { all, rest } = frames(Buffer.concat(received));
  expect(rest).toBe(0);
  expect(all.filter((frame) => frame.length === 48 + 32).length).toBe(10);
  expect(all.length - 10 + dropped).toBe(sent);
  expect(stream.blocked).toBe(false);
  const counters = all.map((frame) => frame.readUInt32BE(12));
  expect(counters).toEqual([...counters].sort((a, b) => a - b));
  expect(counters.at(-1)).toBe(Math.max(...counters));
});

test("what has waited too long is not sent any more, and is counted", () => {
  const at = scene();
  const far = openStream(at);
  far.write(at.inStream(MEMBER, multicast()));
  at.serve();
  send(at, 250);
  const stream = at.engine.streams.get(far.number)!;
  const waiting = stream.queued;
  expect(waiting).toBeGreaterThan(50);
  at.now += QUEUE_MS;
  const first = far.read();
  writable(at);
  // A frame that was begun is finished, and then comes what is new.
  const dropped = dropsOf(at, MEMBER)["stream-full"]!;
  expect([waiting - 1, waiting]).toContain(dropped);
  send(at, 1);
  const { all, rest } = frames(Buffer.concat([first, far.read()]));
  expect([all.length, rest]).toEqual([250 - dropped + 1, 0]);
});

test("frames that the slow path sends stand in the stream whole, among the others", () => {
  const at = scene();
  const far = openStream(at);
  far.write(at.inStream(MEMBER, multicast()));
  at.serve();
  send(at, 1);
  at.command({ type: "stream-send", stream: far.number, data: Uint8Array.of(2, 0, 0, 0, 7) });
  at.command({ type: "send-control", vif: MEMBER, message: new Uint8Array(8) });
  expect(frames(far.read())).toMatchObject({ types: [FRAME_DATA, 2, FRAME_DATA], rest: 0 });
  at.command({ type: "stream-remove", stream: far.number });
  at.command({ type: "stream-send", stream: far.number, data: Uint8Array.of(2, 0, 0, 0, 7) });
  expect(far.read().length).toBe(0);
});

test("control of a peer reaches the slow path by a stream too", () => {
  const at = scene();
  const far = openStream(at);
  far.write(at.inStream(MEMBER, inner(KIND_CONTROL, Uint8Array.of(1, 2, 3))));
  at.serve();
  const message = Uint8Array.of(1, 2, 3);
  expect(at.takeEvents()).toContainEqual({ type: "control", vif: MEMBER, message });
  expect(at.counters.read(LAN).rxPackets).toBe(0);
});

test("a frame of the slow path leaves by the transport socket, whole and at once", () => {
  const at = scene();
  at.received(WITNESS);
  at.command({ type: "datagram-send", to: at.endpointOf(WITNESS), data: Uint8Array.of(2, 0, 0, 0, 7) });
  expect(at.received(WITNESS)).toBe(1);
  const tooLong = new Uint8Array(MAX_STREAM_FRAME + 1);
  expect(() => at.command({ type: "datagram-send", to: at.endpointOf(WITNESS), data: tooLong })).toThrow(
    "is no handshake",
  );
});

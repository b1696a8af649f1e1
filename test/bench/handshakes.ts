// How many handshakes a second one thread answers, and turns away. `node test/bench/handshakes.ts`
import { randomBytes } from "node:crypto";
import { keyPair } from "#noise/x25519.ts";
import { Acceptor } from "#protocol/session/acceptor.ts";
import { Initiation } from "#protocol/session/initiation.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";
import { LOAD_THRESHOLD } from "#protocol/session/load.ts";

const ROUNDS = 2_000;
const FROM = { address: "198.51.100.7", port: 5000 };
const host = keyPair(randomBytes(32));
const member = keyPair(randomBytes(32));
const psk = randomBytes(32);
const clock = new HandshakeClock(Date.now(), 0);
const entropy = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };

let known = true;
let index = 1;
const acceptor = new Acceptor({
  localStatic: host,
  hasAes: true,
  entropy,
  clock,
  authorize: () => (known ? { psk, status: "ok" } : undefined),
  takeIndex: () => index++,
  now: 0,
});

function call(now: number): Uint8Array {
  const options = {
    localStatic: member,
    remoteStatic: host.publicKey,
    psk,
    inviteId: undefined,
    hasAes: true,
  };
  const fresh = { localIndex: 1, ephemeral: randomBytes(32), timestamp: clock.next(now) };
  return new Initiation({ ...options, ...fresh }).datagram(undefined);
}

/** `spacing`: simulated milliseconds between two calls, which decides whether the acceptor is under load. */
function measure(label: string, frames: Uint8Array[], expected: string, spacing: number, from: number): void {
  const start = process.hrtime.bigint();
  for (const [i, frame] of frames.entries()) {
    const result = acceptor.handleInitiation(frame, FROM, from + i * spacing);
    const outcome = result.type === "dropped" ? result.reason : result.type;
    if (outcome !== expected) throw new Error(`${label}: ${outcome} instead of ${expected}`);
  }
  const us = Number(process.hrtime.bigint() - start) / 1000 / frames.length;
  console.log(`${label.padEnd(44)} ${us.toFixed(1).padStart(7)} us  ${Math.round(1e6 / us)} a second`);
}

const calls = Array.from({ length: ROUNDS }, (_, i) => call(i));
const garbage = calls.map(
  (frame) => new Uint8Array([...frame.subarray(0, 8), ...randomBytes(frame.length - 8)]),
);
const SLOW = 1_000 / LOAD_THRESHOLD + 1;
measure("garbage (wrong mac1)", garbage, "mac1", 0, 0);
measure("accepted", calls, "accepted", SLOW, 0);
measure("replayed", calls, "replay", SLOW, 100_000);
known = false;
measure(
  "stranger who knows our key",
  Array.from({ length: ROUNDS }, (_, i) => call(10_000 + i)),
  "stranger",
  SLOW,
  200_000,
);
for (let i = 0; i < LOAD_THRESHOLD; i++) acceptor.handleInitiation(calls[0]!, FROM, 300_000);
measure("cookie reply, under load", calls, "cookie", 0, 300_000);

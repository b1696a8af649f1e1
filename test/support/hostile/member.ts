// A member with a good invite and bad intentions: shakes hands as every guest does, then sends frames that are
// authentic, and whose content no honest member would send. Run as a program in a machine of the lab:
//
//   node member.ts LINK ATTACK PER_SECOND SECONDS
import { createCipheriv, randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { setTimeout as sleep } from "node:timers/promises";
import { keyPair } from "#noise/x25519.ts";
import type { TransportKeys } from "#ports/fast-path.ts";
import { originId } from "#protocol/addressing/network-id.ts";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { inviteKeys } from "#protocol/invite/invite-secret.ts";
import { IndexTable } from "#protocol/session/index-table.ts";
import { Session } from "#protocol/session/session.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";
import { decodeCookieReply, decodeResponse } from "#wire/frame-handshake.ts";
import {
  DATA_HEADER_LENGTH,
  DATA_TAG_LENGTH,
  encodeDataHeader,
  encodeFragmentHeader,
  encodeInnerHeader,
  encodeNonce,
  FRAGMENT_HEADER_LENGTH,
  FRAME_COOKIE_REPLY,
  FRAME_HANDSHAKE_RESPONSE,
  frameType,
  INNER_HEADER_LENGTH,
  KIND_CONTROL,
  KIND_FRAGMENT,
  KIND_MULTICAST,
  MAX_FRAGMENTS,
  NONCE_LENGTH,
} from "#wire/frame.ts";

const NO_TRAFFIC = {
  lastReceivedAt: -Infinity,
  lastSentAt: -Infinity,
  received: 0,
  sent: 0,
  expected: 0,
  offered: 0,
  multicastBytes: 0,
  broken: 0,
  largestReceived: 0,
  largestSent: 0,
};
const PIECE = 1_000;
const WHOLE = 0xffff;

interface Fragment {
  readonly sequence: number;
  readonly index: number;
  readonly count: number;
  readonly total: number;
  readonly offset: number;
  readonly kind?: number;
}

/** The nth frame of an attack. */
const ATTACKS: Readonly<Record<string, (n: number) => Fragment>> = {
  /** Packets that begin and never end. */
  endless: (n) => ({ sequence: n, index: 0, count: MAX_FRAGMENTS, total: WHOLE, offset: 0 }),
  /** Pieces that lie over one another, by one byte more each time. */
  overlapping: (n) => ({
    sequence: n >> 2,
    index: n & 3,
    count: 4,
    total: 4 * PIECE,
    offset: (n & 3) * (PIECE - 1),
  }),
  /** Pieces that reach beyond the whole, that claim to be too many, that hold a piece again. */
  oversized: (n) =>
    [
      { sequence: n, index: 1, count: 2, total: PIECE, offset: PIECE - 1 },
      { sequence: n, index: 0, count: 255, total: WHOLE, offset: 0 },
      { sequence: n, index: 9, count: 3, total: WHOLE, offset: 0 },
      { sequence: n, index: 0, count: 2, total: WHOLE, offset: 0, kind: KIND_FRAGMENT },
    ][n & 3]!,
  /** The largest packet there is, whole, of zeros: 66 pieces' worth in 64. */
  largest: (n) => ({
    sequence: Math.floor(n / MAX_FRAGMENTS),
    index: n % MAX_FRAGMENTS,
    count: MAX_FRAGMENTS,
    total: MAX_FRAGMENTS * PIECE,
    offset: (n % MAX_FRAGMENTS) * PIECE,
  }),
};

const [link = "", attack = "", perSecond = "0", seconds = "0"] = process.argv.slice(2);
const next = ATTACKS[attack];
if (!next) throw new Error(`no attack "${attack}": there are ${Object.keys(ATTACKS).join(", ")}`);

const invite = decodeInvite(link, Date.now());
const { id: inviteId, psk } = inviteKeys(invite.hostPublicKey, invite.secret);
const localStatic = keyPair(randomBytes(32));
const origin = originId(localStatic.publicKey);
const entropy = { bytes: (length: number) => new Uint8Array(randomBytes(length)) };
const now = (): number => performance.now();
const indices = new IndexTable<string>(entropy);
const socket = createSocket("udp4");
let keys: TransportKeys | undefined;
let counter = 0;
let { host: address, port } = invite.candidates.find(({ host }) => !host.includes(":"))!;

const session = new Session({
  localStatic,
  remoteStatic: invite.hostPublicKey,
  psk,
  inviteId,
  hasAes: true,
  entropy,
  clock: new HandshakeClock(Date.now(), now()),
  takeIndex: () => indices.take("host"),
  releaseIndex: (index) => indices.release(index),
  hello: { minor: 0, incarnation: 1, capabilities: 0, name: "mallory", build: "test" },
  candidates: [{ address, port }],
  mayInitiate: true,
});

/** Authentic, whatever it holds. */
function seal(content: Uint8Array): Uint8Array {
  const { cipher, sendKey, remoteIndex } = keys!;
  const frame = new Uint8Array(DATA_HEADER_LENGTH + content.length + DATA_TAG_LENGTH);
  encodeDataHeader(frame, 0, { receiverIndex: remoteIndex, counter });
  const nonce = new Uint8Array(NONCE_LENGTH);
  encodeNonce(nonce, counter++);
  const sealer =
    cipher === "aes-256-gcm"
      ? createCipheriv("aes-256-gcm", sendKey, nonce)
      : createCipheriv("chacha20-poly1305", sendKey, nonce, { authTagLength: DATA_TAG_LENGTH });
  frame.set(sealer.update(content), DATA_HEADER_LENGTH);
  sealer.final();
  frame.set(sealer.getAuthTag(), DATA_HEADER_LENGTH + content.length);
  return frame;
}

function inner(kind: number, sequence: number, body: Uint8Array): Uint8Array {
  const content = new Uint8Array(INNER_HEADER_LENGTH + body.length);
  encodeInnerHeader(content, 0, { kind, flags: 0, hops: 8, origin, epoch: 1, sequence });
  content.set(body, INNER_HEADER_LENGTH);
  return content;
}

function fragment({ sequence, kind = KIND_MULTICAST, ...header }: Fragment): Uint8Array {
  const body = new Uint8Array(FRAGMENT_HEADER_LENGTH + PIECE);
  encodeFragmentHeader(body, 0, { kind, ...header });
  return inner(KIND_FRAGMENT, sequence, body);
}

function drain(): void {
  for (let command; (command = session.nextCommand());) {
    if (command.type === "send-datagram") socket.send(command.data, command.to.port, command.to.address);
    else if (command.type === "install-keys") [keys, counter] = [command.keys, 0];
    else if (command.type === "set-endpoint") ({ address, port } = command.endpoint);
    else if (command.type === "send-control" && keys)
      socket.send(seal(inner(KIND_CONTROL, 0, command.message)), port, address);
  }
}

socket.on("message", (data, from) => {
  const type = frameType(data);
  const place = { address: from.address, port: from.port };
  if (type === FRAME_HANDSHAKE_RESPONSE)
    session.handleHandshakeResponse(data, decodeResponse(data)?.receiverIndex ?? 0, place, now());
  else if (type === FRAME_COOKIE_REPLY && decodeCookieReply(data))
    session.handleCookieReply(data, place, now());
  drain();
});

session.connect(now());
for (let tries = 0; !keys; tries++) {
  if (tries > 300) throw new Error("the host does not answer");
  session.handleTimeout(now(), NO_TRAFFIC);
  drain();
  await sleep(50);
}
console.log("in");

const start = now();
let sent = 0;
while (now() - start < Number(seconds) * 1_000) {
  const due = ((now() - start) * Number(perSecond)) / 1_000;
  for (; sent < due; sent++) socket.send(seal(fragment(next(sent))), port, address);
  await sleep(5);
}
console.log(`sent ${sent}`);
socket.close();

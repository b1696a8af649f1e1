// castaway://join/ and the base32 of:
//
//   version u8 | flags u8 | host public key [32] | secret [16] | expiry u32 (Unix seconds)
//   | uses u16 | candidates (as many as the flags say) | meeting point (a candidate, where the flags say so)
//   | key in the DHT [32] (where the flags say so) | network name (UTF-8, the rest) | checksum [4]
//
// flags: bit 7 approval needed, bit 6 a meeting point, bit 5 a key in the DHT, bit 4 zero, bits 3..0 number of candidates. The checksum is the first 4 bytes
// of BLAKE2s over all before it. It and the version byte keep their places in every version to come, so that
// damage and "made by a newer version" are told apart for ever.
//
// Base32 and not base64url: 18 characters more in the usual link, but it survives what changes case, it has no
// "_" that chat programs take for italics, and in capitals the link is of a QR code's alphanumeric set, which
// makes the code smaller (version 5, 37 modules wide, instead of 6, 41, for that link).
import { cleanName } from "#protocol/addressing/names.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { labelledHash } from "#protocol/addressing/network-id.ts";
import { DecodeError, EncodeError, Reader, Writer, inRange } from "#wire/cursor.ts";
import { decodeBase32, encodeBase32 } from "./base32.ts";
import { decodeCandidate, encodeCandidate } from "./candidate-codec.ts";
import { InviteError, expiredError } from "./invite-error.ts";
import { SECRET_LENGTH } from "./invite-secret.ts";

export const INVITE_SCHEME = "castaway://join/";
export const INVITE_VERSION = 1;
/** Characters of a link, without white space. */
export const LINK_LENGTH = 2048;
export const MAX_CANDIDATES = 8;
export const MAX_USES = 1000;
export const NETWORK_NAME_BYTES = 40;
const KEY_LENGTH = 32;
const CHECKSUM_LENGTH = 4;
const APPROVAL = 0x80;
const MEET = 0x40;
const DHT = 0x20;
const RESERVED = 0x10;
const COUNT = 0x0f;

/** What an invite's link says. */
export interface Invite {
  readonly hostPublicKey: Uint8Array;
  readonly secret: Uint8Array;
  /** Wall ms, a whole second. */
  readonly expiresAt: number;
  /** 1 to 1,000: for how many computers it was made. */
  readonly uses: number;
  readonly requireApproval: boolean;
  /** 0 to 8. */
  readonly candidates: readonly Candidate[];
  /** Where the host can be called without an address of its own. */
  readonly meet?: Candidate;
  /** Under what the host is announced in the DHT: 32 bytes. */
  readonly dhtKey?: Uint8Array;
  readonly networkName: string;
}

/** The network's name cut to what a link can carry: 40 bytes of UTF-8, whole characters. */
export function networkName(text: string): string {
  const bytes = new Uint8Array(NETWORK_NAME_BYTES);
  const { read } = new TextEncoder().encodeInto(cleanName(text), bytes);
  return cleanName(text).slice(0, read).trimEnd();
}

/** Throws EncodeError where a field is out of its range, or the link gets longer than 2,048 characters. */
export function encodeInvite(invite: Invite): string {
  if (invite.networkName !== networkName(invite.networkName))
    throw new EncodeError("network name", invite.networkName, "a clean name of 40 bytes");
  if (invite.candidates.length > MAX_CANDIDATES)
    throw new EncodeError("candidates", invite.candidates.length, MAX_CANDIDATES);
  if (invite.hostPublicKey.length !== KEY_LENGTH || invite.secret.length !== SECRET_LENGTH)
    throw new EncodeError("key or secret length", invite.hostPublicKey.length, KEY_LENGTH);
  if (invite.uses === 0) throw new EncodeError("uses", 0, `1 to ${MAX_USES}`);
  const writer = new Writer(LINK_LENGTH);
  writer
    .u8(INVITE_VERSION, "version")
    .u8(
      (invite.requireApproval ? APPROVAL : 0) |
        (invite.meet ? MEET : 0) |
        (invite.dhtKey ? DHT : 0) |
        invite.candidates.length,
      "flags",
    )
    .bytes(invite.hostPublicKey, "host public key")
    .bytes(invite.secret, "secret")
    .u32(invite.expiresAt / 1000, "expiry")
    .u16(inRange(invite.uses, MAX_USES, "uses"), "uses");
  for (const candidate of invite.candidates) encodeCandidate(writer, candidate);
  if (invite.meet) encodeCandidate(writer, invite.meet);
  if (invite.dhtKey) {
    if (invite.dhtKey.length !== KEY_LENGTH)
      throw new EncodeError("key in the DHT", invite.dhtKey.length, KEY_LENGTH);
    writer.bytes(invite.dhtKey, "key in the DHT");
  }
  writer.bytes(new TextEncoder().encode(invite.networkName), "network name");
  writer.bytes(checksum(writer.done()), "checksum");
  const link = INVITE_SCHEME + encodeBase32(writer.done()).toLowerCase();
  if (link.length > LINK_LENGTH) throw new EncodeError("invite length", link.length, LINK_LENGTH);
  return link;
}

/** As `readInvite`, of an invite that is still good at `now` (wall ms): throws InviteError "expired" too. */
export function decodeInvite(text: string, now: number): Invite {
  const invite = readInvite(text);
  if (invite.expiresAt <= now) throw expiredError(invite.expiresAt);
  return invite;
}

/**
 * What a link says, whatever white space a mail program put around and inside it, and however old it is.
 * Throws InviteError: too-long, not-an-invite, damaged or newer-version.
 */
export function readInvite(text: string): Invite {
  return parse(payload(text));
}

function payload(text: string): Uint8Array {
  if (text.length > 4 * LINK_LENGTH) throw new InviteError("too-long"); // before any work on it
  // White space, soft hyphens, zero-width characters and mail's angle brackets are no part of a link.
  const link = text.replace(/[\s\u00ad\u200b-\u200d\u2060]/g, "").replace(/^<(.*)>$/, "$1");
  if (!link.toLowerCase().startsWith(INVITE_SCHEME)) throw new InviteError("not-an-invite");
  if (link.length > LINK_LENGTH) throw new InviteError("too-long");
  const bytes = decodeBase32(link.slice(INVITE_SCHEME.length));
  if (!bytes || bytes.length <= CHECKSUM_LENGTH) throw new InviteError("damaged");
  const body = bytes.subarray(0, -CHECKSUM_LENGTH);
  if (checksum(body).toHex() !== bytes.subarray(-CHECKSUM_LENGTH).toHex()) throw new InviteError("damaged");
  return body;
}

function parse(body: Uint8Array): Invite {
  try {
    return decodeBody(new Reader(body));
  } catch (error) {
    // The checksum was right, so whoever made the link did not follow the format.
    if (error instanceof DecodeError || error instanceof TypeError) throw new InviteError("damaged");
    throw error;
  }
}

function decodeBody(reader: Reader): Invite {
  if (reader.u8("version") !== INVITE_VERSION) throw new InviteError("newer-version");
  const flags = reader.u8("flags");
  if (flags & RESERVED) throw new InviteError("newer-version");
  const hostPublicKey = reader.take(KEY_LENGTH, "host public key").slice();
  const secret = reader.take(SECRET_LENGTH, "secret").slice();
  const expiresAt = reader.u32("expiry") * 1000;
  const uses = reader.u16("uses");
  if (uses === 0 || uses > MAX_USES) throw new DecodeError("uses", uses, `1 to ${MAX_USES}`);
  const count = flags & COUNT;
  if (count > MAX_CANDIDATES) throw new DecodeError("candidates", count, MAX_CANDIDATES);
  const candidates = Array.from({ length: count }, () => decodeCandidate(reader));
  const meet = flags & MEET ? decodeCandidate(reader) : undefined;
  const dhtKey = flags & DHT ? reader.take(KEY_LENGTH, "key in the DHT").slice() : undefined;
  // A TypeError where it is no UTF-8; a name that our own encoder would not have written is cleaned, not refused.
  const name = new TextDecoder("utf-8", { fatal: true }).decode(reader.rest());
  const requireApproval = (flags & APPROVAL) !== 0;
  return {
    hostPublicKey,
    secret,
    expiresAt,
    uses,
    requireApproval,
    candidates,
    ...(meet && { meet }),
    ...(dhtKey && { dhtKey }),
    networkName: networkName(name),
  };
}

function checksum(body: Uint8Array): Uint8Array {
  return labelledHash("castaway invite", body).subarray(0, CHECKSUM_LENGTH);
}

// What a guest and its host tell each other through whoever carries it: lists of endpoints, which nobody in between
// may read or forge. Two layers: the outer one is for the holder of the host's private key, and says by which
// invite the guest is (or came) in; the inner one takes that invite's secret. The answer takes both.
import { open, seal, TAG_LENGTH } from "#noise/aead.ts";
import { hmac } from "#noise/hash.ts";
import { NoiseError } from "#noise/noise-error.ts";
import { DHLEN, dh, keyPair, type KeyPair } from "#noise/x25519.ts";
import { DecodeError } from "#wire/cursor.ts";
import { PUNCH_TOKEN_LENGTH } from "#wire/meet-message.ts";
import { decodePathList, encodePathList, type ListedPath } from "#wire/path-list.ts";

const encoder = new TextEncoder();
const LABEL_CALL = encoder.encode("castaway call");
const LABEL_LIST = encoder.encode("castaway call list");
const LABEL_ANSWER = encoder.encode("castaway call answer");
const LABEL_PUNCH = encoder.encode("castaway call punch");
/** Each key seals once: it comes from an ephemeral key of the caller's. */
const NO_NONCE = new Uint8Array(12);
const NONCE_LENGTH = 12;
const NOTHING = new Uint8Array();
const INVITE_ID_LENGTH = 8;

/** What both ends of a call share. */
export interface CallKeys {
  readonly answer: Uint8Array;
  /** What the datagrams carry that open holes: by it each end knows the other's. */
  readonly punch: Uint8Array;
}

export interface SealedCall {
  readonly payload: Uint8Array;
  readonly keys: CallKeys;
}

export interface OpenedCall {
  readonly inviteId: Uint8Array;
  readonly paths: readonly ListedPath[];
  readonly keys: CallKeys;
}

/** The guest's side. `ephemeral`: 32 random bytes. Throws NoiseError for a host key of low order. */
export function sealCall(
  host: Uint8Array,
  invite: { readonly id: Uint8Array; readonly psk: Uint8Array },
  paths: readonly ListedPath[],
  ephemeral: Uint8Array,
): SealedCall {
  const own = keyPair(ephemeral);
  const outer = outerKey(dh(own, host), own.publicKey, host);
  const { list, keys } = innerKeys(outer, invite.psk);
  const inner = seal(list, NO_NONCE, NOTHING, encodePathList(paths));
  const content = joined(invite.id, inner);
  return { payload: joined(own.publicKey, seal(outer, NO_NONCE, NOTHING, content)), keys };
}

/**
 * The host's side. `pskOf`: the secret behind an invite id, undefined where nobody may come in by it. Undefined: not
 * from anybody who may call.
 */
export function openCall(
  host: KeyPair,
  payload: Uint8Array,
  pskOf: (inviteId: Uint8Array) => Uint8Array | undefined,
): OpenedCall | undefined {
  if (payload.length < DHLEN + TAG_LENGTH + INVITE_ID_LENGTH + TAG_LENGTH) return undefined;
  try {
    const caller = payload.subarray(0, DHLEN);
    const outer = outerKey(dh(host, caller), caller, host.publicKey);
    const content = open(outer, NO_NONCE, NOTHING, payload.subarray(DHLEN));
    const inviteId = content.slice(0, INVITE_ID_LENGTH);
    const psk = pskOf(inviteId);
    if (!psk) return undefined;
    const { list, keys } = innerKeys(outer, psk);
    const paths = decodePathList(open(list, NO_NONCE, NOTHING, content.subarray(INVITE_ID_LENGTH)));
    return { inviteId, paths, keys };
  } catch (error) {
    if (error instanceof NoiseError || error instanceof DecodeError) return undefined;
    throw error;
  }
}

/** `nonce`: 12 random bytes, as a host may answer one call with more than one list. */
export function sealAnswer(keys: CallKeys, paths: readonly ListedPath[], nonce: Uint8Array): Uint8Array {
  return joined(nonce, seal(keys.answer, nonce, NOTHING, encodePathList(paths)));
}

/** Undefined: not the host's. */
export function openAnswer(keys: CallKeys, payload: Uint8Array): readonly ListedPath[] | undefined {
  if (payload.length < NONCE_LENGTH) return undefined;
  try {
    const nonce = payload.subarray(0, NONCE_LENGTH);
    return decodePathList(open(keys.answer, nonce, NOTHING, payload.subarray(NONCE_LENGTH)));
  } catch (error) {
    if (error instanceof NoiseError || error instanceof DecodeError) return undefined;
    throw error;
  }
}

function outerKey(shared: Uint8Array, caller: Uint8Array, host: Uint8Array): Uint8Array {
  return hmac(shared, LABEL_CALL, caller, host);
}

function innerKeys(outer: Uint8Array, psk: Uint8Array): { list: Uint8Array; keys: CallKeys } {
  const derive = (label: Uint8Array): Uint8Array => hmac(psk, label, outer);
  const punch = derive(LABEL_PUNCH).subarray(0, PUNCH_TOKEN_LENGTH);
  return { list: derive(LABEL_LIST), keys: { answer: derive(LABEL_ANSWER), punch } };
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}

import type { Address } from "#wire/address.ts";
import { IPV4_MAPPED, samePrefixWords, writeAddressWords } from "./address-words.ts";
import { isBadSourceWords, isNeverRoutedWords } from "./never-routed.ts";
import {
  EXIT_LOCAL,
  EXIT_WIRE,
  MAX_VIFS,
  PREFIX_ANY_VIF,
  PREFIX_DENY,
  PREFIX_EGRESS,
  PREFIX_GROUP,
  PREFIX_GROUP_LENGTH,
  PREFIX_SOURCE,
  PREFIX_SOURCE_LENGTH,
  PREFIX_VIF,
  PREFIX_WORDS,
  SLOT_ANY_SOURCE,
  SLOT_EGRESS,
  SLOT_EMPTY,
  SLOT_GROUP,
  SLOT_PROXY_ONLY,
  SLOT_SOURCE,
  SLOT_SOURCE_GROUP,
  SLOT_USED,
  SLOT_WORDS,
  VIF_LAN,
  VIF_OTHER_QUERIER_4,
  VIF_OTHER_QUERIER_6,
  VIF_PROXIED,
  egressKind,
  egressVif,
  hashKey,
  type ExitKind,
  type RouteTable,
  type VifId,
} from "./route-table.ts";

const ANY_SOURCE_WORDS = new Uint32Array(4);
/** Room for every egress word that a lookup can write. */
export const MAX_EGRESS = 2 * MAX_VIFS;

/**
 * Where a packet from `inVif` goes: writes egress words into `out` (MAX_EGRESS long) and returns their number.
 * Group and source are four words each in `key`, at the offsets given. The rules of route-table.ts are applied:
 * split horizon and scope of networks (`allowed`), one local exit at most, none where local sockets have it already,
 * none of a LAN where another router forwards. A static route may lead from any LAN to any other.
 * Allocates nothing. The table holds routable groups alone, so a group or source that is never routed gets 0.
 */
export function lookupEgress(
  table: RouteTable,
  inVif: VifId,
  key: Uint32Array,
  group: number,
  source: number,
  out: Uint32Array,
): number {
  if (isBadSourceWords(key, source)) return 0;
  let slot = findSlot(table, SLOT_SOURCE_GROUP, key, group, key, source);
  if (slot < 0) slot = findSlot(table, SLOT_ANY_SOURCE, key, group, ANY_SOURCE_WORDS, 0);
  const ofProxy = slot >= 0 && (table.slots[slot + SLOT_USED]! & SLOT_PROXY_ONLY) !== 0;
  if (ofProxy && (table.vifFlags[inVif]! & VIF_PROXIED) === 0) slot = -1;
  let count = 0;
  let served = false;
  if (slot >= 0) {
    const offset = table.slots[slot + SLOT_EGRESS]!;
    served = isNative(table, inVif) || servesLocally(table, offset, inVif);
    count = append(table, inVif, offset, served, otherQuerier(table, inVif, key, group), false, out, 0);
  }
  if (table.prefixes.length > 0) count = appendStatic(table, inVif, key, group, source, served, out, count);
  return count;
}

export interface Egress {
  readonly vif: VifId;
  readonly kind: ExitKind;
}

/** `lookupEgress` for the slow path: addresses in, objects out. */
export function lookup(table: RouteTable, inVif: VifId, source: Address, group: Address): Egress[] {
  const key = new Uint32Array(8);
  writeAddressWords(key, 0, group);
  writeAddressWords(key, 4, source);
  const out = new Uint32Array(MAX_EGRESS);
  const count = lookupEgress(table, inVif, key, 0, 4, out);
  return Array.from(out.subarray(0, count), (word) => ({ vif: egressVif(word), kind: egressKind(word) }));
}

export function isAllowed(allowed: Uint8Array, inVif: VifId, outVif: VifId): boolean {
  const bit = inVif * MAX_VIFS + outVif;
  return (allowed[bit >>> 3]! & (1 << (bit & 7))) !== 0;
}

/** Offset of the slot's first word, -1 where there is none. */
function findSlot(
  table: RouteTable,
  kind: number,
  groupWords: Uint32Array,
  group: number,
  sourceWords: Uint32Array,
  source: number,
): number {
  const { slots, capacityMask } = table;
  for (let i = keyHash(groupWords, group, sourceWords, source) & capacityMask; ; i = (i + 1) & capacityMask) {
    const slot = i * SLOT_WORDS;
    const used = slots[slot + SLOT_USED]!;
    if (used === SLOT_EMPTY) return -1;
    if (
      (used & ~SLOT_PROXY_ONLY) === kind &&
      samePrefixWords(slots, slot + SLOT_GROUP, groupWords, group, 128) &&
      samePrefixWords(slots, slot + SLOT_SOURCE, sourceWords, source, 128)
    )
      return slot;
  }
}

const hashWords = new Uint32Array(8);

function keyHash(groupWords: Uint32Array, group: number, sourceWords: Uint32Array, source: number): number {
  for (let i = 0; i < 4; i++) {
    hashWords[i] = groupWords[group + i]!;
    hashWords[4 + i] = sourceWords[source + i]!;
  }
  return hashKey(hashWords, 0, 4);
}

function isNative(table: RouteTable, vif: VifId): boolean {
  return (table.native[vif >>> 3]! & (1 << (vif & 7))) !== 0;
}

/** Have the local sockets a packet from `inVif` already, because some listen on that vif itself? */
function servesLocally(table: RouteTable, offset: number, inVif: VifId): boolean {
  const end = offset + 1 + table.egress[offset]!;
  for (let i = offset + 1; i < end; i++) {
    const word = table.egress[i]!;
    if (egressKind(word) !== EXIT_LOCAL) return false; // local exits stand first
    if (egressVif(word) === inVif) return true;
  }
  return false;
}

/** The flag of LANs that a packet from another LAN does not go to, because another router forwards there; 0: none. */
function otherQuerier(table: RouteTable, inVif: VifId, key: Uint32Array, group: number): number {
  if ((table.vifFlags[inVif]! & VIF_LAN) === 0) return 0;
  return key[group] === 0 && key[group + 2] === IPV4_MAPPED ? VIF_OTHER_QUERIER_4 : VIF_OTHER_QUERIER_6;
}

/**
 * Adds the list at `offset` to out[0..count): no word twice, one local exit in all, none where `served`, no wire of a
 * vif that has a flag of `barred`. `betweenLans`: from a LAN to another one whatever `allowed` says.
 */
function append(
  table: RouteTable,
  inVif: VifId,
  offset: number,
  served: boolean,
  barred: number,
  betweenLans: boolean,
  out: Uint32Array,
  count: number,
): number {
  const end = offset + 1 + table.egress[offset]!;
  let localTaken = served || hasLocal(out, count);
  let written = count;
  for (let i = offset + 1; i < end; i++) {
    const word = table.egress[i]!;
    const outVif = egressVif(word);
    if (!isAllowed(table.allowed, inVif, outVif)) {
      if (!betweenLans || outVif === inVif || (table.vifFlags[outVif]! & VIF_LAN) === 0) continue;
    } else if ((table.vifFlags[outVif]! & barred) !== 0 && egressKind(word) === EXIT_WIRE) continue;
    if (egressKind(word) === EXIT_LOCAL) {
      if (localTaken) continue;
      localTaken = true;
    } else if (contains(out, count, word)) continue;
    out[written++] = word;
  }
  return written;
}

function appendStatic(
  table: RouteTable,
  inVif: VifId,
  key: Uint32Array,
  group: number,
  source: number,
  served: boolean,
  out: Uint32Array,
  count: number,
): number {
  if (isNeverRoutedWords(key, group)) return count;
  const { prefixes } = table;
  const betweenLans = (table.vifFlags[inVif]! & VIF_LAN) !== 0;
  let written = count;
  for (let at = 0; at < prefixes.length; at += PREFIX_WORDS) {
    const vif = prefixes[at + PREFIX_VIF]!;
    if (vif !== PREFIX_ANY_VIF && vif !== inVif) continue;
    if (!samePrefixWords(prefixes, at + PREFIX_GROUP, key, group, prefixes[at + PREFIX_GROUP_LENGTH]!))
      continue;
    if (!samePrefixWords(prefixes, at + PREFIX_SOURCE, key, source, prefixes[at + PREFIX_SOURCE_LENGTH]!))
      continue;
    if (prefixes[at + PREFIX_EGRESS] === PREFIX_DENY) return count;
    written = append(table, inVif, prefixes[at + PREFIX_EGRESS]!, served, 0, betweenLans, out, written);
  }
  return written;
}

function contains(words: Uint32Array, count: number, word: number): boolean {
  for (let i = 0; i < count; i++) if (words[i] === word) return true;
  return false;
}

function hasLocal(words: Uint32Array, count: number): boolean {
  for (let i = 0; i < count; i++) if (egressKind(words[i]!) === EXIT_LOCAL) return true;
  return false;
}

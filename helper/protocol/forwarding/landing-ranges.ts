import { addressBytes, addressText, parsePrefix, type Prefix } from "#wire/address.ts";
import type { ScopePolicy } from "./scope.ts";

// The routes of a guest: they decide where a program lands that names no interface. What does not cross must land
// on the LAN that the computer visits, or that LAN's SSDP and the like would be gone for such programs.

/** The same as never-routed.ts says, as prefixes. */
const NEVER_ROUTED: readonly Prefix[] = [
  "224.0.0.0/24",
  "224.0.1.129/32",
  "224.0.1.130/31",
  "224.0.1.132/32",
  "ff05::1:3/128",
  ...Array.from("0123456789abcdef", (digit) => [
    ...Array.from("012", (scope) => `ff${digit}${scope}::/16`),
    ...["181/128", "182/127", "184/128"].map((group) => `ff0${digit}::${group}`),
  ]).flat(),
].map(parsePrefix);

/** A prefix as a number: its first address. */
interface Span {
  readonly bits: number; // of an address: 32 or 128
  readonly first: bigint;
  readonly length: number;
}

/** The parts of `ranges` of which every group crosses, as few prefixes as there can be. */
export function landingRanges(ranges: readonly Prefix[], scope: ScopePolicy): Prefix[] {
  const holes = [...scope.except, ...NEVER_ROUTED].map(toSpan);
  const shared = scope.shared.map(toSpan);
  return ranges
    .map(toSpan)
    .flatMap((range) => shared.filter((part) => overlap(range, part)).map((part) => narrower(range, part)))
    .flatMap((part) => without(part, holes))
    .map(toPrefix);
}

function without(span: Span, holes: readonly Span[]): Span[] {
  const inside = holes.filter((hole) => overlap(span, hole));
  if (inside.length === 0) return [span];
  if (inside.some((hole) => hole.length <= span.length)) return [];
  return halves(span).flatMap((half) => without(half, inside));
}

function halves({ bits, first, length }: Span): Span[] {
  const half = 1n << BigInt(bits - length - 1);
  return [first, first + half].map((start) => ({ bits, first: start, length: length + 1 }));
}

/** Prefixes are nested or apart. */
function overlap(a: Span, b: Span): boolean {
  return a.bits === b.bits && (a.first ^ b.first) >> BigInt(a.bits - Math.min(a.length, b.length)) === 0n;
}

function narrower(a: Span, b: Span): Span {
  return a.length >= b.length ? a : b;
}

function toSpan({ address, length }: Prefix): Span {
  const bytes = addressBytes(address);
  return { bits: bytes.length * 8, first: BigInt(`0x${Buffer.from(bytes).toString("hex")}`), length };
}

function toPrefix({ bits, first, length }: Span): Prefix {
  const hex = first.toString(16).padStart(bits / 4, "0");
  return { address: addressText(Buffer.from(hex, "hex")), length };
}

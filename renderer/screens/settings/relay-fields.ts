// Relays and their limits as people type them.
import { MAX_AMT_GATEWAYS, MAX_AMT_RELAYS } from "#contract/amt.ts";
import { relayOf } from "#contract/amt-link.ts";

export type RelaysRead =
  | { readonly ok: true; readonly relays: string[] }
  | { readonly ok: false; readonly fault: "not-a-relay" | "too-many"; readonly most: number };

/** Addresses and names with commas or blanks in between; none at all is a list too. */
export function relaysOf(text: string): RelaysRead {
  const relays = text
    .split(/[\s,;]+/)
    .filter(Boolean)
    .map(relayOf);
  if (relays.length > MAX_AMT_RELAYS) return { ok: false, fault: "too-many", most: MAX_AMT_RELAYS };
  const good = relays.filter((relay) => relay !== undefined);
  return good.length === relays.length
    ? { ok: true, relays: [...new Set(good)] }
    : { ok: false, fault: "not-a-relay", most: MAX_AMT_RELAYS };
}

export function gatewaysOf(text: string): number | undefined {
  const most = Number(text.trim());
  return /^\d{1,6}$/.test(text.trim()) && most >= 1 && most <= MAX_AMT_GATEWAYS ? most : undefined;
}

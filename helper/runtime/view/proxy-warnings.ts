import type { Warning } from "#contract/snapshot.ts";
import type { LanVif } from "../lan-vif.ts";

/** Downstreams of the proxy where another router is the querier, so that the proxy forwards nothing there (RFC 4605). */
export function proxyWarnings(lans: Iterable<LanVif>, since: number): Warning[] {
  return [...lans].flatMap(({ name, use, membership }) => {
    const other = membership?.otherQuerier();
    if (use.role !== "downstream" || !other) return [];
    const families = ([4, 6] as const).filter((family) => other[family]).map((family) => `IPv${family}`);
    if (families.length === 0) return [];
    return [
      {
        code: "proxy-not-querier",
        message: `Another router asks for listeners on ${name} (${families.join(", ")}), so the proxy forwards nothing there`,
        remedy: `Switch the other querier off, or give this computer the lowest address on ${name}: castaway dump says who it is`,
        since,
      },
    ];
  });
}

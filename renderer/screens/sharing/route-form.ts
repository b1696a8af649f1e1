// A static join or route as people type it.
import { canonicalIp, isGroup } from "#contract/address-text.ts";
import type { Params } from "#contract/methods.ts";

export interface RouteForm {
  readonly group: string;
  /** "": any source. */
  readonly source: string;
  readonly fromVif: string;
  /** None: a join. */
  readonly toVifs: readonly string[];
}

export interface RouteFaults {
  readonly group: "missing" | "not-an-address" | "not-a-group" | null;
  readonly source: "not-an-address" | "other-family" | null;
  readonly fromVif: "missing" | null;
  readonly toVifs: "same" | null;
}

/** What can be said before the daemon is asked, which knows more: scopes, sources, ranges. */
export function routeFaults(form: RouteForm): RouteFaults {
  const group = form.group.trim();
  const source = form.source.trim();
  return {
    group:
      group === ""
        ? "missing"
        : !isAddressOrPrefix(group)
          ? "not-an-address"
          : !isGroup(group)
            ? "not-a-group"
            : null,
    source:
      source === ""
        ? null
        : !isAddressOrPrefix(source)
          ? "not-an-address"
          : isAddressOrPrefix(group) && isSix(source) !== isSix(group)
            ? "other-family"
            : null,
    fromVif: form.fromVif === "" ? "missing" : null,
    toVifs: form.toVifs.includes(form.fromVif) && form.fromVif !== "" ? "same" : null,
  };
}

export function routeParams(form: RouteForm): Params<"routes.add"> {
  const source = form.source.trim();
  return {
    group: form.group.trim(),
    fromVif: form.fromVif,
    toVifs: [...form.toVifs],
    ...(source !== "" && { source }),
  };
}

function isSix(text: string): boolean {
  return text.includes(":");
}

function isAddressOrPrefix(text: string): boolean {
  const [address = "", length, ...more] = text.split("/");
  if (more.length > 0) return false;
  const bits = isSix(address) ? 128 : 32;
  if (length !== undefined && (!/^\d{1,3}$/.test(length) || Number(length) > bits)) return false;
  return canonicalIp(address) !== undefined;
}

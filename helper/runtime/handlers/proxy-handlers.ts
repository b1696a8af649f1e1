// The multicast proxy between LANs.
import { ControlError } from "#contract/errors.ts";
import type { ProxyChange } from "#contract/proxy.ts";
import { AddressError, isMulticast, parsePrefix, prefixText, type Prefix } from "#wire/address.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import type { ProxySettings } from "../store/proxy-settings.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";

export function proxyHandlers(parts: HandlerParts): Pick<DaemonApi, `proxy.${"get" | "set"}`> {
  const { engine, keeper } = parts;
  return {
    "proxy.get": async () => engine.proxy.view(),
    "proxy.set": async (change) => {
      const { setElsewhere } = engine.proxy;
      if (setElsewhere !== undefined)
        throw new ControlError(
          "conflict",
          `${setElsewhere} says what the proxy does`,
          "Change its phyint lines there, then: castaway reload",
        );
      const next = applyChange(keeper.state.settings.proxy, change);
      if (next.on && !engine.access.devices)
        throw new ControlError(
          "permission-denied",
          "the service runs without the privileges that a proxy needs",
          "Start it as root: sudo castaway daemon",
        );
      keeper.setSettings({ proxy: next });
      engine.settingsChanged();
      await saved(parts);
      return engine.proxy.view();
    },
  };
}

/** Throws ControlError where it makes no sense. */
export function applyChange(before: ProxySettings, change: ProxyChange): ProxySettings {
  const next: ProxySettings = {
    on: change.on ?? before.on,
    upstream: change.upstream === undefined ? before.upstream : change.upstream,
    downstream: change.downstream ? [...new Set(change.downstream)] : before.downstream,
    quickLeave: change.quickLeave ?? before.quickLeave,
    sources: change.sources?.map((text) => sourcePrefix(text)) ?? before.sources,
    allowed: change.allowed?.map((text) => groupPrefix(text)) ?? before.allowed,
    denied: change.denied?.map((text) => groupPrefix(text)) ?? before.denied,
    bitsPerSecond: change.bitsPerSecond === undefined ? before.bitsPerSecond : change.bitsPerSecond,
  };
  if (next.upstream !== null && next.downstream.includes(next.upstream))
    throw new ControlError("bad-request", `${next.upstream} cannot be upstream and downstream`);
  return next;
}

function sourcePrefix(text: string): Prefix {
  const prefix = parsed(text);
  if (isMulticast(prefix.address)) throw new ControlError("bad-request", `${text} are groups, not sources`);
  return prefix;
}

function groupPrefix(text: string): Prefix {
  const prefix = parsed(text);
  const least = prefix.address.includes(":") ? 8 : 4;
  if (!isMulticast(prefix.address) || prefix.length < least)
    throw new ControlError("bad-request", `${prefixText(prefix)} is no range of groups`);
  return prefix;
}

function parsed(text: string): Prefix {
  try {
    return parsePrefix(text);
  } catch (error) {
    if (error instanceof AddressError) throw new ControlError("bad-request", error.message);
    throw error;
  }
}

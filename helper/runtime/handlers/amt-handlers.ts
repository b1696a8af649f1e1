// Streams of the Internet's that people ask for, and the relays to ask.
import { randomBytes } from "node:crypto";
import type { AmtRelayChange } from "#contract/amt.ts";
import { ControlError } from "#contract/errors.ts";
import { isForwardableSource } from "#protocol/forwarding/scope.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { canonicalAddress, isMulticast, type Address } from "#wire/address.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { MAX_KEPT_JOINS, type AmtSettings, type KeptJoin } from "../store/amt-settings.ts";
import type { RelaySettings } from "../store/relay-settings.ts";
import { saved, type HandlerParts } from "./handler-parts.ts";

type AmtMethod = `amt.${"join" | "leave" | "relays" | "automatic" | "relay"}`;

export function amtHandlers(parts: HandlerParts): Pick<DaemonApi, AmtMethod> {
  const { engine, keeper } = parts;
  const settings = (): AmtSettings => keeper.state.settings.amt;
  const set = async (change: Partial<AmtSettings>): Promise<Record<string, never>> => {
    keeper.setSettings({ amt: { ...settings(), ...change } });
    engine.settingsChanged();
    engine.core.changed();
    return saved(parts);
  };
  return {
    "amt.join": async ({ group: groupText, source: sourceText, relay, port }) => {
      const group = parseGroup(groupText, (address) => engine.core.forwarding.mayCross(address));
      const source = sourceText === undefined ? null : parseSource(sourceText, group);
      const place = relay === undefined ? null : parseRelay(relay);
      if (source === null && place === null && settings().relays.length === 0)
        throw new ControlError(
          "bad-request",
          `who sends to ${group} is not known, so neither is a relay`,
          "Name the source or a relay: castaway amt join SOURCE GROUP",
        );
      const { joins } = settings();
      const known = joins.find((join) => join.group === group && join.source === source);
      if (!known && joins.length >= MAX_KEPT_JOINS)
        throw new ControlError("conflict", `there are ${MAX_KEPT_JOINS} joins already, the most possible`);
      const id = known?.id ?? randomBytes(4).toString("hex");
      const join: KeptJoin = { id, source, group, relay: place, port: port ?? known?.port ?? null };
      await set({ joins: [...joins.filter((one) => one !== known), join] });
      return { id };
    },
    "amt.leave": async (which) => {
      const { joins } = settings();
      const left = joins.find((join) =>
        "id" in which
          ? join.id === which.id
          : join.group === canonicalAddress(which.group) &&
            join.source === (which.source === undefined ? null : canonicalAddress(which.source)),
      );
      if (!left)
        throw new ControlError("not-found", "nothing of that kind was asked for", "List them: castaway amt");
      return set({ joins: joins.filter((join) => join !== left) });
    },
    "amt.relays": async ({ relays }) => set({ relays: [...new Set(relays.map(parseRelay))] }),
    "amt.automatic": async ({ on }) => set({ automatic: on }),
    "amt.relay": async (change) => set({ relay: changedRelay(settings().relay, change) }),
  };
}

function changedRelay(before: RelaySettings, change: AmtRelayChange): RelaySettings {
  const { addresses, anycast, ...rest } = change;
  const set = Object.entries(rest).filter(([, value]) => value !== undefined);
  return {
    ...before,
    ...Object.fromEntries(set),
    ...(addresses && { addresses: addresses.map(parseOwn) }),
    ...(anycast && { anycast: anycast.map(parseOwn) }),
  };
}

function parseOwn(text: string): Address {
  const address = canonicalAddress(text);
  if (address === undefined || isMulticast(address))
    throw new ControlError("bad-request", `${text} is no address of a computer`);
  return address;
}

function parseGroup(text: string, mayCross: (group: Address) => boolean): Address {
  const group = canonicalAddress(text);
  if (group === undefined || !isMulticast(group))
    throw new ControlError(
      "bad-request",
      `${text} is no group`,
      "Groups are 224.0.0.0 to 239.255.255.255 and ff00::/8",
    );
  if (!mayCross(group)) throw new ControlError("bad-request", `${group} stays on its link: no relay has it`);
  return group;
}

function parseSource(text: string, group: Address): Address {
  const source = canonicalAddress(text);
  if (source === undefined || !isForwardableSource(source, group))
    throw new ControlError("bad-request", `${text} cannot be the source of packets to ${group}`);
  return source;
}

function parseRelay(text: string): string {
  const place = canonicalAddress(text) ?? text.toLowerCase();
  if (!isCandidateHost(place) || isMulticast(place))
    throw new ControlError("bad-request", `${text} is no address or host name`);
  return place;
}

// How a network stands, in plain words: made of its state, the way to its host and the round trip, so that it can be
// said in every language. The daemon's own sentence is shown below it where something is the matter.
import type { Member, Network } from "#contract/snapshot.ts";
import type { Tone } from "#renderer/components/StatusBadge.svelte";
import { millisecondsText, nameText } from "#renderer/i18n/formats.ts";
import { t } from "#renderer/i18n/i18n.svelte.ts";

export interface NetworkWords {
  readonly tone: Tone;
  readonly status: string;
  readonly sentence: string;
  /** In the daemon's words; null where there is nothing to add. */
  readonly detail: string | null;
}

const TONES: Readonly<Record<Network["state"], Tone>> = {
  off: "off",
  connecting: "busy",
  connected: "good",
  refused: "bad",
  attention: "warn",
};

const CALLING = { host: "home:opening", guest: "home:calling", static: "home:callingPeers" } as const;

/** `known` false: the service is away, and this is how the network last was. */
export function networkWords(network: Network, known = true): NetworkWords {
  if (!known)
    return { tone: "off", status: t("home:state_unknown"), sentence: t("home:unknown"), detail: null };
  const troubled = network.state === "attention" || network.state === "refused";
  return {
    tone: TONES[network.state],
    status: t(`home:state_${network.state}`),
    sentence: sentence(network),
    detail: troubled && network.detail !== "" ? network.detail : null,
  };
}

function sentence(network: Network): string {
  const name = nameText(network.name);
  switch (network.state) {
    case "off":
      return t(network.role === "host" ? "home:offHost" : "home:offGuest", { name });
    case "connecting":
      return t(CALLING[network.role], { name });
    case "refused":
      return t("home:refused", { name });
    case "attention":
      return t("home:attention", { name });
    case "connected":
      if (network.role === "host") return hosting(network);
      return network.role === "static"
        ? t("home:staticWith", { name, count: othersHere(network) })
        : t("home:connectedBy", { name, way: wayToHost(network) });
  }
}

function hosting(network: Network): string {
  const count = othersHere(network);
  return count === 0 ? t("home:openAlone") : t("home:openWith", { count });
}

function othersHere(network: Network): number {
  return network.members.filter((member) => member.online && !member.self).length;
}

function wayToHost(network: Network): string {
  const host = network.members.find((member) => member.role === "host" && !member.self);
  return host && host.path !== "none" ? wayText(host) : t("home:way_unknown");
}

/** "directly over UDP, 18 ms". */
export function wayText(member: Member): string {
  const way = t(`home:way_${member.path}`);
  return member.rttMs === null ? way : t("home:wayWithTime", { way, time: millisecondsText(member.rttMs) });
}

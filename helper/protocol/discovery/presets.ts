// What an application needs, as data: which groups cross, which discovery proxies run, and whether people will want to
// reach devices of the LAN by their own addresses. Everything else follows from this table.
import { DEFAULT_SHARED } from "#protocol/forwarding/scope.ts";
import { parsePrefix, prefixContains, type Prefix } from "#wire/address.ts";

export const PROXIES = ["mdns", "ssdp"] as const;
export type ProxyName = (typeof PROXIES)[number];

export interface Preset {
  /** One sentence: what it opens. */
  readonly summary: string;
  /** Beside what is shared in any case (DEFAULT_SHARED). What is never routed stays so. */
  readonly ranges: readonly string[];
  readonly proxies: readonly ProxyName[];
  /** What is found sits on the LAN and is used by unicast. */
  readonly lan: boolean;
  /** What groups of its ranges are called, where they are for one thing. */
  readonly carries?: string;
}

/** AD-HOC blocks I to III (RFC 5771 sections 6, 7 and 9) without the registered control protocols of 224.0.1.0/24. */
const AD_HOC = [
  "224.0.2.0/23",
  "224.0.4.0/22",
  "224.0.8.0/21",
  "224.0.16.0/20",
  "224.0.32.0/19",
  "224.0.64.0/18",
  "224.0.128.0/17",
  "224.3.0.0/16",
  "224.4.0.0/16",
];

export const PRESETS = {
  iptv: {
    summary:
      "Television and radio streams of the provider and of tuners on the LAN, by any group that they use.",
    ranges: AD_HOC,
    proxies: [],
    lan: false,
  },
  dlna: {
    summary: "Media servers and players of the LAN are found by UPnP; playing from them needs LAN access.",
    ranges: [],
    proxies: ["ssdp"],
    lan: true,
  },
  cast: {
    summary:
      "AirPlay and Chromecast devices, and whatever else mDNS announces, are found; using them needs LAN access.",
    ranges: [],
    proxies: ["mdns", "ssdp"],
    lan: true,
  },
  ros2: {
    summary:
      "ROS 2 and other DDS participants find each other by multicast (239.255.0.1) and exchange samples.",
    ranges: ["239.255.0.0/16"],
    proxies: [],
    lan: true,
    carries: "ROS 2 or DDS",
  },
  minecraft: {
    summary: "Worlds that are open to the LAN show up in the game's list (224.0.2.60).",
    ranges: ["224.0.2.60/32"],
    proxies: [],
    lan: true,
    carries: "Minecraft LAN worlds",
  },
  librecast: {
    summary: "Librecast channels: any IPv6 group of global, organisation or site scope.",
    ranges: ["ff1e::/16", "ff18::/16", "ff15::/16", "ff3e::/16"],
    proxies: [],
    lan: false,
    carries: "Librecast channel",
  },
  mdns: {
    summary: "Names and services that mDNS/DNS-SD (Bonjour, Avahi) announces, without anything else.",
    ranges: [],
    proxies: ["mdns"],
    lan: true,
  },
  ssdp: {
    summary: "Devices that SSDP (UPnP) announces, without anything else.",
    ranges: [],
    proxies: ["ssdp"],
    lan: true,
  },
  everything: {
    summary:
      "Every group that can be routed at all, registered control protocols included, and all discovery.",
    ranges: ["224.0.0.0/4", "ff00::/8"],
    proxies: ["mdns", "ssdp"],
    lan: true,
  },
} as const satisfies Record<string, Preset>;

export type PresetName = keyof typeof PRESETS;
export const PRESET_NAMES = Object.keys(PRESETS) as PresetName[];

export function isPresetName(name: string): name is PresetName {
  return Object.hasOwn(PRESETS, name);
}

export function preset(name: PresetName): Preset {
  return PRESETS[name];
}

/** The ranges that a network shares with these presets on; no prefix lies in another. */
export function sharedRanges(on: readonly PresetName[]): Prefix[] {
  return widest([...DEFAULT_SHARED, ...on.flatMap((name) => preset(name).ranges)].map(parsePrefix));
}

export function proxiesOf(on: readonly PresetName[]): Set<ProxyName> {
  return new Set(on.flatMap((name) => preset(name).proxies));
}

/** Without those that lie in another one, and each once. */
export function widest(prefixes: readonly Prefix[]): Prefix[] {
  return prefixes.filter(
    (one, i) =>
      !prefixes.some(
        (other, j) =>
          i !== j &&
          prefixContains(other, one.address) &&
          (other.length < one.length || (other.length === one.length && j < i)),
      ),
  );
}

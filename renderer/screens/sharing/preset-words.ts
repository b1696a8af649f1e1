// The daemon's presets in the interface's language. One that a newer daemon has says itself what it opens.
import { plainText } from "#contract/plain-text.ts";
import type { Preset } from "#contract/sharing.ts";
import { t, type WordKey } from "#renderer/i18n/i18n.svelte.ts";

const WORDS: Readonly<Record<string, readonly [title: WordKey, text: WordKey]>> = {
  iptv: ["sharing:presetIptv", "sharing:presetIptvText"],
  dlna: ["sharing:presetDlna", "sharing:presetDlnaText"],
  cast: ["sharing:presetCast", "sharing:presetCastText"],
  ros2: ["sharing:presetRos2", "sharing:presetRos2Text"],
  minecraft: ["sharing:presetMinecraft", "sharing:presetMinecraftText"],
  librecast: ["sharing:presetLibrecast", "sharing:presetLibrecastText"],
  mdns: ["sharing:presetMdns", "sharing:presetMdnsText"],
  ssdp: ["sharing:presetSsdp", "sharing:presetSsdpText"],
  everything: ["sharing:presetEverything", "sharing:presetEverythingText"],
};

export interface PresetWords {
  readonly title: string;
  readonly text: string;
}

export function presetWords({ name, summary }: Preset): PresetWords {
  const words = Object.hasOwn(WORDS, name) ? WORDS[name] : undefined;
  return words
    ? { title: t(words[0]), text: t(words[1]) }
    : { title: plainText(name), text: plainText(summary) };
}

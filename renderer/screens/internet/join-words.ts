// What a row says about a stream of the Internet's.
import type { AmtJoin } from "#contract/amt.ts";
import { plainText } from "#contract/plain-text.ts";
import type { Group } from "#contract/snapshot.ts";
import type { Tone } from "#renderer/components/StatusBadge.svelte";
import { codeText, millisecondsText } from "#renderer/i18n/formats.ts";
import { t } from "#renderer/i18n/i18n.svelte.ts";

export const TONES: Readonly<Record<AmtJoin["state"], Tone>> = {
  looking: "busy",
  asking: "busy",
  waiting: "busy",
  receiving: "good",
  failed: "bad",
};

/** What is carried of it; of several sources the busiest. */
export function carriedGroup(join: AmtJoin, groups: readonly Group[]): Group | undefined {
  return groups
    .filter(({ group, source }) => group === join.group && (join.source === null || source === join.source))
    .toSorted((a, b) => b.rateBps - a.rateBps)[0];
}

/** Its name, where one is announced, or the group. */
export function joinTitle(join: AmtJoin, group: Group | undefined): string {
  return plainText(group?.name ?? "").trim() || join.group;
}

export function sourceText({ source }: AmtJoin): string {
  return t("internet:from", { source: source === null ? t("internet:anySource") : codeText(source) });
}

/** "" while no relay is known. */
export function viaText({ via, roundTripMs }: AmtJoin): string {
  if (via === null) return "";
  const values = { relay: codeText(via.address), how: t(`internet:how_${via.how}`) };
  return roundTripMs === null
    ? t("internet:via", values)
    : t("internet:viaTime", { ...values, time: millisecondsText(roundTripMs) });
}

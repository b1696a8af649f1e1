// Places and payloads as they stand in a sentence.
import type { Group } from "#contract/snapshot.ts";
import { codeText, nameText } from "#renderer/i18n/formats.ts";
import { t } from "#renderer/i18n/i18n.svelte.ts";
import type { Place } from "./places.ts";

export function placeText(place: Place): string {
  switch (place.kind) {
    case "here":
      return t("streams:thisComputer");
    case "member":
      return nameText(place.name);
    case "lan":
      return t("streams:lanNamed", { name: codeText(place.name) });
    case "internet":
      return t("streams:tab_internet");
    case "site":
      return codeText(place.name);
  }
}

export function payloadText(payload: NonNullable<Group["payload"]>): string {
  return t(payload === "other" ? "streams:payload_data" : `streams:payload_${payload}`);
}

// What stands under a node of the picture, and in the sentences beside it.
import { codeText, nameText } from "#renderer/i18n/formats.ts";
import { t } from "#renderer/i18n/i18n.svelte.ts";
import { INTERNET_ID, type PictureNode } from "./picture-flows.ts";

export function nodeText(node: PictureNode): string {
  if (node.self) return t("streams:thisComputer");
  switch (node.kind) {
    case "others":
      return t("streams:otherMembers", { count: node.count });
    case "lan":
      return t("streams:lanNamed", { name: codeText(node.name) });
    case "site":
      return node.id === INTERNET_ID ? t("streams:tab_internet") : codeText(node.name);
    default:
      return nameText(node.name);
  }
}

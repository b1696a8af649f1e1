// The tray's picture, its tooltip and its menu, as a pure function of the app's state. Everything in the menu is in
// the window too: where a desktop has no tray, nothing is missing.
import { plainText } from "#contract/plain-text.ts";
import type { Member, Network } from "#contract/snapshot.ts";
import { chosenLanguage } from "#main/contract/settings.ts";
import type { AppState, ServiceAction } from "#main/contract/state.ts";
import { fill, type Words, wordsOf } from "./words.ts";

export type TrayIcon = "off" | "connecting" | "connected" | "attention";

export type TrayAction =
  | { readonly type: "open" }
  | { readonly type: "connect"; readonly network: string }
  | { readonly type: "disconnect"; readonly network: string }
  | { readonly type: "copy-invite"; readonly network: string }
  | { readonly type: "service"; readonly action: ServiceAction }
  | { readonly type: "quit" }
  | { readonly type: "disconnect-and-quit" };

/** Labels are plain text: what a toolkit takes for a mnemonic is the shell's to escape. */
export type TrayEntry =
  | { readonly kind: "separator" }
  | { readonly kind: "status"; readonly label: string }
  | { readonly kind: "item"; readonly label: string; readonly action: TrayAction }
  | { readonly kind: "submenu"; readonly label: string; readonly entries: readonly TrayEntry[] };

export interface TrayModel {
  readonly icon: TrayIcon;
  readonly tooltip: string;
  readonly menu: readonly TrayEntry[];
}

/** A menu is read at a glance; the window shows the rest. */
const MAX_NETWORKS = 5;
const MAX_MEMBERS = 15;
const MAX_NAME_CHARACTERS = 40;
const SEPARATOR: TrayEntry = { kind: "separator" };

export function trayModel(state: AppState): TrayModel {
  const words = wordsOf(chosenLanguage(state.settings.language, state.shell.languages));
  const status = statusLines(state, words);
  const sections = [
    status.map((label): TrayEntry => ({ kind: "status", label })),
    serviceEntries(state, words),
    ...networksOf(state)
      .slice(0, MAX_NETWORKS)
      .map((network, _, all) =>
        networkEntries(network, all.length > 1, state.service.access === "own", words),
      ),
    [item(words.open, { type: "open" })],
    quitEntries(state, words),
  ];
  return {
    icon: trayIcon(state),
    tooltip: ["Castaway", ...status].join("\n"),
    menu: sections
      .filter((entries) => entries.length > 0)
      .flatMap((entries, index) => (index === 0 ? entries : [SEPARATOR, ...entries])),
  };
}

export function trayIcon(state: AppState): TrayIcon {
  switch (state.service.state) {
    case "connecting":
    case "restarting":
      return "connecting";
    case "running":
      break;
    default:
      return "attention";
  }
  const networks = networksOf(state);
  const has = (wanted: Network["state"]): boolean => networks.some((network) => network.state === wanted);
  const waiting = networks.some(({ requests }) => requests.length > 0);
  if (has("attention") || has("refused") || waiting) return "attention";
  if (has("connecting")) return "connecting";
  return has("connected") ? "connected" : "off";
}

function networksOf({ snapshot }: AppState): readonly Network[] {
  return snapshot?.networks ?? [];
}

/** A name that somebody else chose: one short line of it. */
export function shortName(name: string): string {
  const characters = [...plainText(name).trim()];
  return characters.length > MAX_NAME_CHARACTERS
    ? `${characters.slice(0, MAX_NAME_CHARACTERS - 1).join("")}…`
    : characters.join("");
}

function statusLines(state: AppState, words: Words): string[] {
  const { service } = state;
  const lines = service.state === "running" ? [] : [words.service[service.state]];
  if (!state.snapshot) return lines.length > 0 ? lines : [words.service.connecting];
  const networks = networksOf(state);
  if (networks.length === 0) return [...lines, words.noNetworks];
  for (const network of networks.slice(0, MAX_NETWORKS)) {
    const name = shortName(network.name);
    lines.push(fill(words.network[network.state], { network: name }));
    const guest = network.requests[0];
    if (guest) lines.push(fill(words.waiting, { name: shortName(guest.name), network: name }));
  }
  return lines;
}

function serviceEntries({ service }: AppState, words: Words): TrayEntry[] {
  return service.action === null
    ? []
    : [item(words.act[service.action], { type: "service", action: service.action })];
}

function networkEntries(network: Network, several: boolean, mayChange: boolean, words: Words): TrayEntry[] {
  const name = shortName(network.name);
  const label = (one: string, named: string): string => (several ? fill(named, { network: name }) : one);
  const entries: TrayEntry[] = [];
  if (mayChange && network.state === "off")
    entries.push(item(label(words.connect, words.connectNamed), { type: "connect", network: network.id }));
  if (mayChange && network.state !== "off")
    entries.push(
      item(label(words.disconnect, words.disconnectNamed), { type: "disconnect", network: network.id }),
    );
  if (network.members.length > 0) entries.push(membersEntry(network, name, words));
  if (mayChange && network.role === "host")
    entries.push(
      item(label(words.copyInvite, words.copyInviteNamed), { type: "copy-invite", network: network.id }),
    );
  return entries;
}

function membersEntry({ members }: Network, network: string, words: Words): TrayEntry {
  const online = members.filter((member) => member.self || member.online).length;
  // Who is there comes first; the daemon's order otherwise.
  const sorted = members.toSorted((a, b) => Number(b.self || b.online) - Number(a.self || a.online));
  const shown = sorted
    .slice(0, MAX_MEMBERS)
    .map((member) => item(memberLabel(member, words), { type: "open" }));
  const rest = members.length - shown.length;
  return {
    kind: "submenu",
    label: fill(words.members, { network, online, all: members.length }),
    entries: rest > 0 ? [...shown, item(fill(words.moreMembers, { count: rest }), { type: "open" })] : shown,
  };
}

/** Without round-trip times: they change by the second, and a menu that is rebuilt while it is open closes. */
function memberLabel({ name, self, online }: Member, words: Words): string {
  const state = self ? words.you : online ? "" : words.offline;
  return state === "" ? shortName(name) : `${shortName(name)} (${state})`;
}

function quitEntries(state: AppState, words: Words): TrayEntry[] {
  const up = networksOf(state).some((network) => network.state !== "off");
  const entries = [item(up ? words.quitAlone : words.quit, { type: "quit" })];
  if (up && state.service.access === "own")
    entries.push(item(words.disconnectAndQuit, { type: "disconnect-and-quit" }));
  return entries;
}

function item(label: string, action: TrayAction): TrayEntry {
  return { kind: "item", label, action };
}

// Whole scenes for looking at the interface without a daemon: what a person might have on the screen.
import type { Group } from "#contract/snapshot.ts";
import type { AppState } from "#main/contract/state.ts";
import { answerInternet, internetSnapshot } from "./fake-amt.ts";
import { fakePeerVif } from "./fake-peer-vif.ts";
import type { FakeShell } from "./fake-shell.ts";
import { fakeGroup, fakeMember, fakeNetwork, fakeSnapshot, fakeState } from "./fake-state.ts";
import { answerScreens, busySnapshot } from "./screen-answers.ts";
import { historyOf, streamsSnapshot } from "./fake-streams.ts";

export const SCENES: Readonly<Record<string, () => AppState>> = {
  /** A guest at home and the host of a studio. */
  networks: () =>
    fakeState({
      snapshot: fakeSnapshot({
        networks: [
          fakeNetwork({
            members: [
              fakeMember(0, { name: "living-room", rttMs: 18 }),
              fakeMember(1, { name: "laptop", self: true, path: "none" }),
              fakeMember(2, { name: "Anna's computer", path: "host", rttMs: 31 }),
              fakeMember(3, { name: "garden", online: false, path: "none", rttMs: null }),
            ],
          }),
          fakeNetwork({
            id: "n2",
            name: "Studio",
            role: "host",
            ownNumber: 0,
            members: [
              fakeMember(0, { name: "laptop", self: true, path: "none" }),
              fakeMember(1, { name: "mixer", path: "punched", rttMs: 24, lossRatio: 0.013 }),
              fakeMember(2, { name: "stage-left", path: "relayed", rttMs: 71 }),
            ],
          }),
        ],
        vifs: [fakePeerVif("peer-home-0", "n1", 0), fakePeerVif("peer-studio-1", "n2", 1)],
      }),
    }),
  /** Two hundred members and five hundred streams. */
  crowd: () =>
    fakeState({
      snapshot: fakeSnapshot({
        networks: [
          fakeNetwork({
            role: "host",
            members: Array.from({ length: 200 }, (_, number) => fakeMember(number, { self: number === 0 })),
          }),
        ],
        vifs: [fakePeerVif("peer-home-0", "n1", 1)],
        groups: Array.from({ length: 500 }, (_, index) => fakeGroup(index)),
      }),
    }),
  /** A guest who listens and sends, and some whom nothing reaches. */
  streams: () => fakeState({ snapshot: streamsSnapshot(8, 14) }),
  /** As `crowd`, seen by a guest, with streams of every kind. */
  "streams-crowd": () => fakeState({ snapshot: streamsSnapshot(200, 500) }),
  /** Streams of the Internet's, in every state. */
  internet: () => fakeState({ snapshot: internetSnapshot() }),
  /** Connected, and nobody sends. */
  silence: () => fakeState({ snapshot: fakeSnapshot({ groups: [] }) }),
  /** A host with guests at the door, and a guest whose own LAN has the addresses of the host's. */
  busy: () => fakeState({ snapshot: busySnapshot() }),
  /** Just installed. */
  first: () =>
    fakeState({
      settings: { ...fakeState().settings, welcomed: false },
      snapshot: fakeSnapshot({ networks: [], groups: [] }),
    }),
};

/** Answers as a service would, where the interface shows what came of it. */
export function answerCalls(shell: FakeShell): void {
  answerScreens(shell);
  answerInternet(shell);
  shell.handlers["settings.set"] = (changes) => {
    const settings = { ...shell.state.settings, ...changes };
    shell.change({ settings });
    return settings;
  };
  shell.handlers["history"] = () => historyOf(shell.state.snapshot ?? fakeSnapshot(), Date.now());
  const switchTo = (state: "connected" | "off") => (params: Record<string, unknown>) => {
    const networks = (shell.state.snapshot?.networks ?? []).map((network) =>
      params["network"] === undefined || params["network"] === network.id ? { ...network, state } : network,
    );
    if (networks.length === 0)
      networks.push(fakeNetwork({ name: String(params["name"] ?? "Home"), role: "host" }));
    shell.change({ snapshot: { networks } });
    return {};
  };
  shell.handlers["daemon:up"] = switchTo("connected");
  shell.handlers["daemon:down"] = switchTo("off");
  shell.handlers["daemon:reach.set"] = (changes) => {
    const before = shell.state.snapshot?.reach ?? fakeSnapshot().reach;
    const reach = { ...before, ...changes };
    shell.change({ snapshot: { reach } });
    return reach;
  };
}

/** The groups a moment later: their rates move. */
export function moved(groups: readonly Group[]): Group[] {
  return groups.map((group) =>
    group.rateBps === 0 ? group : { ...group, rateBps: group.rateBps * (0.9 + 0.2 * Math.random()) },
  );
}

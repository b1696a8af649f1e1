// Streams with names, senders and listeners of every kind, and what they carried before.
import type { Group, Member, Snapshot, Vif } from "#contract/snapshot.ts";
import type { History } from "#main/contract/calls.ts";
import { groupKey, multicastRates } from "#main/contract/rates.ts";
import { fakePeerVif } from "./fake-peer-vif.ts";
import { fakeGroup, fakeMember, fakeNetwork, fakeSnapshot } from "./fake-state.ts";

const NAMES = ["Das Erste HD", "BBC One", "Radio France – FIP", "قناة الجزيرة", "Kitchen microphone", null];
const PAYLOADS = ["rtp-mpegts", "mpegts", "rtp", "other"] as const;

export function fakeVif(name: string, kind: Vif["kind"], changes: Partial<Vif> = {}): Vif {
  const peer = fakePeerVif(name, "", 0);
  return {
    ...peer,
    kind,
    mode: kind === "lan" ? "full" : null,
    networkId: null,
    memberNumber: null,
    ...changes,
  };
}

/** A guest's computer in a network of so many; every fifth member is away. */
export function streamsSnapshot(members: number, groups: number): Snapshot {
  const others = Array.from({ length: Math.max(0, members - 2) }, (_, i): Member => {
    const number = i + 2;
    return fakeMember(number, { name: `member-${number}`, online: number % 5 !== 0 });
  });
  const network = fakeNetwork();
  return fakeSnapshot({
    networks: [{ ...network, members: [...network.members, ...others] }],
    vifs: [
      fakeVif("castaway0", "tun"),
      fakeVif("eth0", "lan"),
      fakePeerVif("peer-home-0", "n1", 0),
      ...others
        .filter(({ online }) => online)
        .map(({ number }) => fakePeerVif(`peer-home-${number}`, "n1", number)),
    ],
    groups: Array.from({ length: groups }, (_, i) => streamsGroup(members, i)),
  });
}

function streamsGroup(members: number, i: number): Group {
  const waits = i % 9 === 8;
  const rateBps = waits || i % 7 === 5 ? 0 : Math.round(12_000_000 / (1 + (i % 40)));
  const name = NAMES[i % NAMES.length];
  const payload = PAYLOADS[i % PAYLOADS.length]!;
  const fromLan = i % 6 === 4;
  return fakeGroup(i, {
    name: name === null || name === undefined ? null : `${name}${i < NAMES.length ? "" : ` ${i}`}`,
    nameFrom: name ? "announcement" : null,
    source: waits ? null : `192.168.1.${20 + (i % 8)}`,
    sourceName: i % 3 === 0 ? "tv-server" : null,
    inVif: waits ? null : fromLan ? "eth0" : `peer-home-${i % 4 === 1 && members > 6 ? 2 + (i % 3) : 0}`,
    payload: waits ? null : payload,
    port: waits ? null : 5004,
    listeners: listeners(members, i, fromLan),
    rateBps,
    pps: Math.round(rateBps / 10_528),
    lossRatio: i % 5 === 2 ? 0.013 : i % 5 === 3 ? null : 0,
    lossOf: i % 2 === 0 ? "stream" : "session",
    ttl: i % 11 === 3 ? 1 : 16,
  });
}

function listeners(members: number, i: number, fromLan: boolean): Group["listeners"] {
  const [model] = fakeGroup(0).listeners;
  if (!model) return [];
  const guest = { ...model, vif: `peer-home-${members > 6 && i % 3 === 0 ? 3 : 0}`, local: false };
  const include = { ...guest, mode: "include" as const, sources: ["192.168.1.20", "192.168.1.21"] };
  return fromLan ? [i % 2 === 0 ? guest : include] : i % 7 === 6 ? [] : [model];
}

/** What the shell would have kept of the same streams: ten minutes that end at `endsAt`, each rate swinging by a third. */
export function historyOf({ groups, vifs }: Pick<Snapshot, "groups" | "vifs">, endsAt: number): History {
  const { received, sent } = multicastRates({ groups, vifs });
  const swing = (rate: number, phase: number, steps: number): number[] =>
    Array.from({ length: steps }, (_, i) => rate * (1 + 0.3 * Math.sin((i - steps) / 7 + phase)));
  return {
    endsAt,
    stepMs: 1_000,
    received: swing(received, 0, 600),
    sent: swing(sent, 2, 600),
    groups: Object.fromEntries(
      groups.filter(({ rateBps }) => rateBps > 0).map((one, i) => [groupKey(one), swing(one.rateBps, i, 60)]),
    ),
  };
}

// Streams of the Internet's in every state, and a daemon's answers about them.
import type { Amt, AmtJoin } from "#contract/amt.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import type { FakeShell } from "./fake-shell.ts";
import { fakeGroup, fakeSnapshot } from "./fake-state.ts";
import { fakeVif } from "./fake-streams.ts";

export function fakeAmtJoin(id: string, changes: Partial<AmtJoin> = {}): AmtJoin {
  return {
    id,
    source: "198.51.100.10",
    group: "232.1.1.1",
    relay: null,
    port: 5001,
    kept: true,
    state: "receiving",
    detail: "It comes from the relay 192.0.2.7.",
    via: { address: "192.0.2.7", how: "driad" },
    roundTripMs: 18.4,
    packets: 1000,
    bytes: 1_316_000,
    rateBps: 4_000_000,
    ...changes,
  };
}

const QUIET = { packets: 0, bytes: 0, rateBps: 0 } as const;
const JOINS: readonly AmtJoin[] = [
  fakeAmtJoin("a1"),
  fakeAmtJoin("a2", {
    source: "2001:db8:4:5:6:7:8:10",
    group: "ff3e::8000:1",
    via: { address: "2001:db8::7", how: "given" },
    relay: "relay.example.net",
    state: "waiting",
    ...QUIET,
  }),
  fakeAmtJoin("a3", { group: "232.1.1.3", via: null, roundTripMs: null, state: "looking", ...QUIET }),
  fakeAmtJoin("a4", {
    group: "232.1.1.4",
    via: null,
    roundTripMs: null,
    state: "failed",
    detail: "No relay answered: tried relay.example.net, 192.52.193.1. It is tried again in 2 min.",
    ...QUIET,
  }),
  fakeAmtJoin("a5", {
    group: "232.9.9.9",
    source: "203.0.113.77",
    kept: false,
    via: { address: "192.52.193.44", how: "anycast" },
  }),
];

/** A laptop that receives two of them, and is a relay for three others. */
export function internetSnapshot(): Snapshot {
  const plain = fakeSnapshot();
  const stream = { inVif: "amt-1", sourceName: null, port: 5001 };
  return fakeSnapshot({
    vifs: [fakeVif("castaway0", "tun"), fakeVif("amt-1", "amt-gateway")],
    groups: [
      fakeGroup(0, { ...stream, group: "232.1.1.1", source: "198.51.100.10", name: "Observatory" }),
      fakeGroup(1, { ...stream, group: "232.9.9.9", source: "203.0.113.77", name: null, payload: "mpegts" }),
    ],
    amt: {
      ...plain.amt,
      relays: ["relay.example.net"],
      joins: [...JOINS],
      relay: {
        ...plain.amt.relay,
        enabled: true,
        state: "up",
        addresses: ["198.51.100.9"],
        gateways: 3,
        groups: 2,
        bytes: 1_579_200,
      },
    },
  });
}

export function answerInternet(shell: FakeShell): void {
  const change = (work: (amt: Amt) => Partial<Amt>): void => {
    const before = (shell.state.snapshot ?? fakeSnapshot()).amt;
    shell.change({ snapshot: { amt: { ...before, ...work(before) } } });
  };
  let next = 100;
  shell.handlers["daemon:amt.join"] = ({ group, source, relay, port }) => {
    const id = `a${next++}`;
    const join = fakeAmtJoin(id, {
      group: String(group),
      source: typeof source === "string" ? source : null,
      relay: typeof relay === "string" ? relay : null,
      port: typeof port === "number" ? port : null,
      state: "looking",
      via: null,
      roundTripMs: null,
      ...QUIET,
    });
    change(({ joins }) => ({ joins: [...joins, join] }));
    shell.change({ pendingStream: null });
    return { id };
  };
  shell.handlers["daemon:amt.leave"] = ({ id }) =>
    change(({ joins }) => ({ joins: joins.filter((join) => join.id !== id) }));
  shell.handlers["daemon:amt.relays"] = ({ relays }) => change(() => ({ relays: relays as string[] }));
  shell.handlers["daemon:amt.automatic"] = ({ on }) => change(() => ({ automatic: on === true }));
  shell.handlers["daemon:amt.relay"] = ({ enabled, maxGateways }) =>
    change(({ relay }) => ({
      relay: {
        ...relay,
        enabled: enabled === true,
        state: enabled === true ? "up" : "off",
        maxGateways: typeof maxGateways === "number" ? maxGateways : relay.maxGateways,
      },
    }));
  shell.handlers["stream.dismiss"] = () => shell.change({ pendingStream: null });
}

import { expect, test } from "vitest";
import type { Group, Snapshot } from "#contract/snapshot.ts";
import { RateHistory } from "#main/app/history.ts";
import { groupKey, multicastRates } from "#main/contract/rates.ts";
import { fakeGroup } from "../../support/app/fake-state.ts";

const START = Date.UTC(2026, 5, 1, 12);
const second = (number: number): number => START + 1000 * number;

type Carried = Pick<Snapshot, "groups" | "vifs">;

function vif(name: string, kind: Snapshot["vifs"][number]["kind"]): Snapshot["vifs"][number] {
  return {
    id: 1,
    name,
    kind,
    mode: null,
    state: "up",
    detail: "",
    mtu: 1420,
    addresses: [],
    networkId: null,
    memberNumber: null,
    traffic: { rxPackets: 0, rxBytes: 0, txPackets: 0, txBytes: 0 },
    drops: {},
    queriers: [],
  };
}
const VIFS = [vif("peer-1", "peer"), vif("peer-2", "peer"), vif("eth0", "lan"), vif("castaway0", "tun")];

function listener(name: string): Group["listeners"][number] {
  return { vif: name, mode: "exclude", sources: [], local: false, since: 0, packets: 0, bytes: 0 };
}

function carried(...groups: Partial<Group>[]): Carried {
  return { vifs: VIFS, groups: groups.map((changes, i) => fakeGroup(i, { inVif: "peer-1", ...changes })) };
}

test("what comes by a member is received, what goes to members is sent, each time that it goes", () => {
  const rates = multicastRates(
    carried(
      { rateBps: 4, inVif: "peer-1", listeners: [listener("castaway0"), listener("peer-2")] },
      {
        rateBps: 10,
        inVif: "eth0",
        listeners: [listener("peer-1"), listener("peer-2"), listener("castaway0")],
      },
      { rateBps: 100, inVif: "eth0", listeners: [listener("castaway0")] },
      { rateBps: 1000, inVif: null, listeners: [listener("peer-1")] },
    ),
  );
  expect(rates).toEqual({ received: 4, sent: 24 });
});

test("a key names the group, and its source where it has one", () => {
  expect(groupKey({ group: "239.1.2.3", source: null })).toBe("239.1.2.3");
  expect(groupKey({ group: "232.1.2.3", source: "192.0.2.1" })).toBe("192.0.2.1 232.1.2.3");
});

test("one value a second, the oldest first, ending at the last", () => {
  const history = new RateHistory();
  for (let i = 0; i < 3; i++) history.add(carried({ rateBps: 100 * (i + 1) }), second(i) + 20);
  const { endsAt, stepMs, received, groups } = history.read();
  expect({ endsAt, stepMs, received }).toEqual({
    endsAt: second(2),
    stepMs: 1000,
    received: [100, 200, 300],
  });
  expect(Object.values(groups)).toEqual([[100, 200, 300]]);
});

test("ten minutes of the sums, one of each group", () => {
  const history = new RateHistory();
  for (let i = 0; i < 700; i++) history.add(carried({ rateBps: i + 1 }), second(i));
  const { received, sent, groups } = history.read();
  expect(received).toHaveLength(600);
  expect(received.at(0)).toBe(101);
  expect(received.at(-1)).toBe(700);
  expect(sent).toHaveLength(600);
  expect(Object.values(groups)[0]).toHaveLength(60);
});

test("what was not seen counts as nothing, and an early timer as no step", () => {
  const history = new RateHistory();
  history.add(carried({ rateBps: 5 }), second(0));
  history.add(carried({ rateBps: 6 }), second(0) + 990);
  history.add(carried({ rateBps: 7 }), second(3));
  expect(history.read().received).toEqual([5, 0, 0, 7]);
  history.add(carried({ rateBps: 8 }), second(100_000));
  const { received } = history.read();
  expect(received).toHaveLength(600);
  expect(received.filter((rate) => rate !== 0)).toEqual([8]);
});

test("a clock that was set back begins a new axis", () => {
  const history = new RateHistory();
  history.add(carried({ rateBps: 5 }), second(100));
  history.add(carried({ rateBps: 6 }), second(10));
  expect(history.read()).toMatchObject({ endsAt: second(10), received: [6] });
});

test("without a daemon nothing was carried", () => {
  const history = new RateHistory();
  history.add(carried({ rateBps: 5 }), second(0));
  history.add(null, second(1));
  expect(history.read().received).toEqual([5, 0]);
});

test("a group that is silent for a minute is forgotten, and one that never spoke is not kept", () => {
  const history = new RateHistory();
  history.add(carried({ rateBps: 5 }, { rateBps: 0 }), second(0));
  expect(Object.keys(history.read().groups)).toHaveLength(1);
  for (let i = 1; i <= 59; i++) history.add(carried(), second(i));
  expect(Object.keys(history.read().groups)).toHaveLength(1);
  history.add(carried(), second(60));
  expect(history.read().groups).toEqual({});
});

test("the number of groups is bounded; the sums have them all", () => {
  const history = new RateHistory();
  history.add(carried(...Array.from({ length: 3_000 }, () => ({ rateBps: 1 }))), second(0));
  const { received, groups } = history.read();
  expect(Object.keys(groups)).toHaveLength(1_024);
  expect(received).toEqual([3_000]);
});

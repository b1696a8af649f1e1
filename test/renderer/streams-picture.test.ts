import { describe, expect, test } from "vitest";
import type { Group, Snapshot } from "#contract/snapshot.ts";
import { nodeText } from "#renderer/screens/streams/node-words.ts";
import { OTHERS_ID, type Picture, pictureOf } from "#renderer/screens/streams/picture-flows.ts";
import {
  flowWidth,
  layoutPicture,
  nodeRadius,
  pictureRoom,
} from "#renderer/screens/streams/picture-layout.ts";
import { fakePeerVif } from "#test/support/app/fake-peer-vif.ts";
import { fakeGroup, fakeMember, fakeNetwork, fakeSnapshot } from "#test/support/app/fake-state.ts";
import { fakeVif, streamsSnapshot } from "#test/support/app/fake-streams.ts";

const HOST = "member n1 0";
const [LISTENER] = fakeGroup(0).listeners;
if (!LISTENER) throw new Error("the fake group has a listener");

const to = (vif: string, local = false): Group["listeners"][number] => ({ ...LISTENER, vif, local });

function snapshot(groups: readonly Partial<Group>[]): Snapshot {
  return fakeSnapshot({
    networks: [fakeNetwork(), fakeNetwork({ id: "n2", members: [fakeMember(1)] })],
    vifs: [
      fakePeerVif("peer-home-0", "n1", 0),
      fakePeerVif("peer-studio-1", "n2", 1),
      fakeVif("castaway0", "tun"),
      fakeVif("eth0", "lan"),
      fakeVif("wlan0", "lan", { state: "down" }),
      fakeVif("amt0", "amt-gateway"),
    ],
    groups: groups.map((changes, i) => fakeGroup(i, { rateBps: 1_000_000, ...changes })),
  });
}

const home = fakeNetwork();
const flowsOf = (...groups: Partial<Group>[]) =>
  pictureOf(snapshot(groups), home, 10).flows.map(({ from, to, rateBps, streams }) => [
    from,
    to,
    rateBps,
    streams,
  ]);

describe("who sends to whom", () => {
  test("streams are summed by their way, and each listener gets its own", () => {
    expect(
      flowsOf(
        { inVif: "peer-home-0", listeners: [to("castaway0", true)] },
        { inVif: "peer-home-0", listeners: [to("castaway0", true), to("eth0")] },
        { inVif: "eth0", listeners: [to("peer-home-0")] },
      ),
    ).toEqual([
      [HOST, "here", 2_000_000, 2],
      ["here", "lan eth0", 1_000_000, 1],
      ["lan eth0", "here", 1_000_000, 1],
      ["here", HOST, 1_000_000, 1],
    ]);
  });

  test("what this computer sends itself comes from no LAN", () => {
    expect(
      flowsOf({ inVif: "eth0", source: "192.168.1.7", listeners: [to("peer-home-0"), to("eth0")] }),
    ).toEqual([
      ["here", HOST, 1_000_000, 1],
      ["here", "lan eth0", 1_000_000, 1],
    ]);
  });

  test("what nobody wants, what is silent and what another network has is not in it", () => {
    expect(
      flowsOf(
        { inVif: "peer-home-0", listeners: [] },
        { inVif: "peer-home-0", rateBps: 0 },
        { inVif: null },
        { inVif: "peer-studio-1" },
        { inVif: "eth0", listeners: [to("eth0")] },
      ),
    ).toEqual([]);
  });

  test("home comes first; LANs that are up, and sites that carry something, are in it", () => {
    const { nodes } = pictureOf(snapshot([{ inVif: "amt0" }]), home, 10);
    expect(nodes.map(({ id, kind }) => [id, kind])).toEqual([
      [HOST, "home"],
      ["here", "here"],
      ["lan eth0", "lan"],
      ["internet", "site"],
    ]);
  });

  test("whatever relays streams of the Internet's come by, it is one place", () => {
    const both = snapshot([{ inVif: "amt0" }, { inVif: "amt1" }]);
    const vifs = [...both.vifs, fakeVif("amt1", "amt-gateway")];
    const { nodes, flows } = pictureOf({ ...both, vifs }, home, 10);
    expect(nodes.filter(({ kind }) => kind === "site").map(nodeText)).toEqual(["Internet"]);
    expect(flows.filter(({ from }) => from === "internet")).toMatchObject([{ to: "here", streams: 2 }]);
  });

  test("a host is home itself; without a network there is this computer alone", () => {
    const hosting = fakeNetwork({ role: "host", members: [fakeMember(0, { self: true }), fakeMember(1)] });
    expect(pictureOf(snapshot([]), hosting, 10).nodes[0]).toMatchObject({ id: "here", kind: "home" });
    expect(pictureOf(fakeSnapshot({ vifs: [] }), null, 10)).toEqual({
      nodes: [{ id: "here", kind: "home", name: "", online: true, self: true, count: 1 }],
      flows: [],
    });
  });

  test("names are plain, and never empty", () => {
    const members = [fakeMember(0, { name: "\u202Egnp.exe" }), fakeMember(2, { name: "\u200B" })];
    const { nodes } = pictureOf(snapshot([]), fakeNetwork({ members }), 10);
    expect(nodes.map(({ name }) => name)).toEqual(["gnp.exe", "", "2", "eth0"]);
  });

  test("of two hundred those with traffic are drawn, the rest is a heap that loses nothing", () => {
    const crowd = streamsSnapshot(200, 500);
    const [network] = crowd.networks;
    const whole = pictureOf(crowd, network ?? null, 1_000);
    const small = pictureOf(crowd, network ?? null, 3);
    const members = small.nodes.filter(({ kind }) => kind === "member" || kind === "home");
    expect(members.map(({ id }) => id)).toEqual([HOST, "member n1 2"]);
    expect(small.nodes.find(({ id }) => id === OTHERS_ID)?.count).toBe(197);
    const sum = ({ flows }: Picture): number => flows.reduce((all, { rateBps }) => all + rateBps, 0);
    expect(sum(small)).toBe(sum(whole));
    expect(small.flows.some(({ from }) => from === OTHERS_ID)).toBe(true);
  });
});

describe("the layout", () => {
  const crowd = streamsSnapshot(200, 500);
  const [network] = crowd.networks;

  test.each([200, 328, 519, 640, 878, 1_600])("at %i px is within its box, without overlaps", (width) => {
    const { nodes, height } = layoutPicture(pictureOf(crowd, network ?? null, pictureRoom(width)), width);
    for (const node of nodes) {
      const r = nodeRadius(node);
      expect(node.x - r).toBeGreaterThanOrEqual(0);
      expect(node.x + r).toBeLessThanOrEqual(width);
      expect(node.y - r).toBeGreaterThanOrEqual(0);
      expect(node.y + r + 20).toBeLessThanOrEqual(height); // and its name
      for (const other of nodes)
        if (other !== node)
          expect(Math.hypot(node.x - other.x, node.y - other.y)).toBeGreaterThan(r + nodeRadius(other));
    }
  });

  test("has home in the middle, this computer at the foot, and its LANs beside it", () => {
    const { nodes } = layoutPicture(pictureOf(snapshot([]), home, 10), 600);
    const at = (id: string) => nodes.find((node) => node.id === id);
    expect(at(HOST)).toMatchObject({ x: 300 });
    expect(at("here")).toMatchObject({ x: 300 });
    expect(at("here")?.y).toBeGreaterThan(at(HOST)?.y ?? 0);
  });

  test("is the same for the same picture, and stands still while rates move", () => {
    const picture = pictureOf(crowd, network ?? null, 10);
    expect(layoutPicture(picture, 600)).toEqual(layoutPicture(structuredClone(picture), 600));
    const where = (groups: Group[]) =>
      layoutPicture(pictureOf({ ...crowd, groups }, network ?? null, 10), 600).nodes;
    const later = crowd.groups.map((group, i) => ({
      ...group,
      rateBps: group.rateBps * (i % 2 ? 1.2 : 0.8),
    }));
    expect(where(later)).toEqual(where(crowd.groups));
  });

  test("has finite curves, also between two that meet", () => {
    const { flows, ties } = layoutPicture(pictureOf(crowd, network ?? null, 10), 1);
    for (const { path } of [...flows, ...ties]) expect(path).toMatch(/^M[-\d. ]+Q[-\d. ]+$/);
  });

  test("leads no line through home that does not end there", () => {
    const { nodes, flows } = layoutPicture(pictureOf(crowd, network ?? null, pictureRoom(640)), 640);
    const [middle] = nodes;
    for (const { from, to, path } of flows) {
      if (!middle || from === middle.id || to === middle.id) continue;
      const [x0, y0, x1, y1, x2, y2] = [...path.matchAll(/-?[\d.]+/g)].map(Number) as [
        number,
        number,
        number,
        number,
        number,
        number,
      ];
      for (let at = 0; at <= 1; at += 0.05) {
        const [a, b, c] = [(1 - at) ** 2, 2 * at * (1 - at), at ** 2];
        const distance = Math.hypot(a * x0 + b * x1 + c * x2 - middle.x, a * y0 + b * y1 + c * y2 - middle.y);
        expect(distance).toBeGreaterThan(nodeRadius(middle) + 4);
      }
    }
  });

  test("makes wider what carries more, within bounds", () => {
    const widths = [0, 1, 1e4, 1e6, 1e7, 1e9, 1e15].map(flowWidth);
    expect(widths).toEqual([...widths].sort((a, b) => a - b));
    expect(widths[0]).toBe(1.5);
    expect(widths.at(-1)).toBe(9);
  });
});

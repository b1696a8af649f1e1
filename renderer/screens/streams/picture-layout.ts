// Where everything stands in the picture: home in the middle, the others on a ring around it, this computer at its foot
// with its LANs beside it. CSS pixels, so that words keep their size whatever the width is.
import type { Flow, Picture, PictureNode } from "./picture-flows.ts";

export interface PlacedNode extends PictureNode {
  readonly x: number;
  readonly y: number;
}

export interface PlacedFlow extends Flow {
  /** A curve from the edge of one node to the edge of the other. */
  readonly path: string;
  /** Of the line. */
  readonly width: number;
  /** Towards this computer, or away from it. */
  readonly incoming: boolean;
}

export interface PlacedPicture {
  readonly width: number;
  readonly height: number;
  readonly nodes: readonly PlacedNode[];
  readonly flows: readonly PlacedFlow[];
  /** Faint lines: who is connected with home. */
  readonly ties: readonly { readonly id: string; readonly path: string }[];
}

const NARROW = 520;
const LABEL_WIDTH = 104;
const MARGIN_X = 56;
const MARGIN_TOP = 40;
const MARGIN_FOOT = 58; // a node and its name
const RADIUS = { home: 30, here: 24, member: 20, lan: 24, site: 22, others: 24 } as const;
const GAP = 5;
/** What lines keep from home. */
const CLEAR = 28;

export function nodeRadius({ kind }: PictureNode): number {
  return RADIUS[kind];
}

/** How many members a picture of this width can show one by one. */
export function pictureRoom(width: number): number {
  const { rx, ry } = ring(width);
  return Math.max(4, Math.min(20, Math.floor((Math.PI * (rx + ry)) / LABEL_WIDTH) - 3));
}

function ring(width: number): { height: number; rx: number; ry: number } {
  const height = width < NARROW ? 440 : 400;
  return { height, rx: Math.max(60, width / 2 - MARGIN_X), ry: (height - MARGIN_TOP - MARGIN_FOOT) / 2 };
}

export function layoutPicture(picture: Picture, width: number): PlacedPicture {
  const { height, rx, ry } = ring(width);
  const centre = { x: width / 2, y: MARGIN_TOP + ry };
  const home = picture.nodes.find(({ kind }) => kind === "home") ?? picture.nodes[0];
  const around = atTheFoot(picture.nodes.filter((node) => node !== home));
  const nodes: PlacedNode[] = home ? [{ ...home, ...centre }] : [];
  for (const [i, node] of around.entries()) {
    const angle = Math.PI / 2 + (2 * Math.PI * i) / around.length;
    nodes.push({
      ...node,
      x: rounded(centre.x + rx * Math.cos(angle)),
      y: rounded(centre.y + ry * Math.sin(angle)),
    });
  }
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const self = nodes.find((node) => node.self);
  return { width, height, nodes, flows: placeFlows(picture.flows, byId, nodes[0]), ties: ties(nodes, self) };
}

/** This computer first, which is the foot of the ring, its LANs on both sides of it. */
function atTheFoot(nodes: readonly PictureNode[]): PictureNode[] {
  const self = nodes.filter(({ self }) => self);
  const lans = nodes.filter(({ kind }) => kind === "lan");
  const half = Math.ceil(lans.length / 2);
  const others = nodes.filter((node) => !node.self && node.kind !== "lan");
  return [...self, ...lans.slice(0, half), ...others, ...lans.slice(half)];
}

function placeFlows(
  flows: readonly Flow[],
  byId: ReadonlyMap<string, PlacedNode>,
  home: PlacedNode | undefined,
): PlacedFlow[] {
  const placed: PlacedFlow[] = [];
  for (const flow of flows) {
    const from = byId.get(flow.from);
    const to = byId.get(flow.to);
    if (!from || !to) continue;
    const path = curve(from, to, bendOf(from, to, home));
    placed.push({ ...flow, path, width: flowWidth(flow.rateBps), incoming: to.self });
  }
  return placed;
}

/**
 * How far a line leaves the straight way, as a share of its length; positive to the right of it. What begins or ends at
 * home keeps right, so that both directions show. What passes goes inside the ring, away from the others on it, and
 * round home where that stands in the way.
 */
function bendOf(from: PlacedNode, to: PlacedNode, home: PlacedNode | undefined): number {
  if (!home || from === home || to === home) return 0.14;
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const side = dx * (home.y - from.y) - dy * (home.x - from.x); // positive: home is to the right
  const length = Math.hypot(dx, dy) || 1;
  const missing = nodeRadius(home) + CLEAR - Math.abs(side) / length;
  const bend = (missing > 0 ? (-2 * missing) / length : 0.13) - (to.self ? 0 : 0.09);
  return side < 0 ? -bend : bend;
}

/** 1.5 px for little, 9 px for a gigabit: each factor of ten is as much wider as the last one. */
export function flowWidth(rateBps: number): number {
  const decades = Math.log10(Math.max(rateBps, 1e4) / 1e4);
  return rounded(Math.min(9, 1.5 + decades * 1.5));
}

function ties(nodes: readonly PlacedNode[], self: PlacedNode | undefined): { id: string; path: string }[] {
  const home = nodes[0];
  if (!home) return [];
  return nodes.slice(1).flatMap((node) => {
    const other = node.kind === "lan" || node.kind === "site" ? self : home;
    return other && node.online ? [{ id: node.id, path: curve(other, node, 0) }] : [];
  });
}

function curve(from: PlacedNode, to: PlacedNode, bend: number): string {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  const middle = { x: (from.x + to.x) / 2 - dy * bend, y: (from.y + to.y) / 2 + dx * bend };
  const start = towards(from, middle, nodeRadius(from) + GAP);
  // Room for the head of the arrow.
  const end = towards(to, middle, Math.min(nodeRadius(to) + GAP + (bend === 0 ? 0 : 7), length / 2));
  return `M${start.x} ${start.y}Q${rounded(middle.x)} ${rounded(middle.y)} ${end.x} ${end.y}`;
}

function towards(from: PlacedNode, to: { x: number; y: number }, distance: number): { x: number; y: number } {
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  const length = Math.hypot(dx, dy) || 1;
  return { x: rounded(from.x + (dx / length) * distance), y: rounded(from.y + (dy / length) * distance) };
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

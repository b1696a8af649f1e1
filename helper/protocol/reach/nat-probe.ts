import { endpointText, sameEndpoint, type Endpoint } from "#ports/endpoint.ts";
import { TokenBucket } from "#protocol/session/load.ts";
import { family, isMulticast, parsePrefix, prefixContains, type Prefix } from "#wire/address.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeDhtPong, encodeDhtPing } from "#wire/dht-ping.ts";

/** Nodes kept to ask, and of these asked at a time. */
const MAX_NODES = 16;
const ASKED = 3;
/** So many different nodes must have answered before anything is said about the NAT. */
const ENOUGH = 2;
const TRY_MS = [0, 250, 500];
const GIVE_UP_MS = 1_000;
/** Whatever the DHT's process says: so many pings a second leave this computer, and so many at once. */
export const PING_RATE = 2;
export const PING_BURST = 12;

// No node of the public DHT has such an address, and the process that names the nodes is not trusted.
const NEVER_ASKED: readonly Prefix[] = [
  "0.0.0.0/8",
  "10.0.0.0/8",
  "100.64.0.0/10",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "172.16.0.0/12",
  "192.168.0.0/16",
  "240.0.0.0/4",
].map(parsePrefix);

/**
 * How this computer's NAT maps the transport socket. "same": every node saw the same address and port, so a peer
 * can be told it. "varies": a port for each destination (symmetric), which no peer can be told.
 */
export type NatMapping = "unknown" | "same" | "varies";

export interface NatView {
  readonly mapping: NatMapping;
  /** As seen from outside, where it is the same for all. */
  readonly endpoint?: Endpoint;
  /** When that was seen. */
  readonly at: number;
}

export interface NatProbeCounters {
  /** Nodes that were named and are none to ask. */
  refused: number;
  sent: number;
  /** Not sent, because enough were. */
  limited: number;
  /** Answers that nobody asked for, or that are none. */
  bad: number;
}

interface Asked {
  readonly node: Endpoint;
  readonly tid: number;
  seen?: Endpoint;
}

/** Learns the public address of the transport socket by pings to nodes of the DHT, sent from that very socket. */
export class NatProbe {
  readonly counters: NatProbeCounters = { refused: 0, sent: 0, limited: 0, bad: 0 };
  readonly #bucket: TokenBucket;
  /** 16 random bits: a stranger must guess them, and the node's address. */
  readonly #randomTid: () => number;
  #nodes: Endpoint[] = [];
  #asked: Asked[] = [];
  #began = 0;
  #round = TRY_MS.length;
  #running = false;
  #view: NatView = { mapping: "unknown", at: -Infinity };
  readonly #out: { readonly to: Endpoint; readonly data: Uint8Array }[] = [];

  constructor(options: { readonly randomTid: () => number; readonly now: number }) {
    this.#randomTid = options.randomTid;
    this.#bucket = new TokenBucket(PING_RATE, PING_BURST, options.now);
  }

  get view(): NatView {
    return this.#view;
  }

  get running(): boolean {
    return this.#running;
  }

  /** Nodes that can be asked. They come from a process that is not trusted. */
  handleNodes(nodes: readonly Endpoint[]): void {
    const usable: Endpoint[] = [];
    for (const node of nodes) {
      if (usable.length === MAX_NODES) break;
      if (!askable(node)) this.counters.refused++;
      // Two ports of one address may be one machine, which would tell the same twice.
      else if (!usable.some(({ address }) => address === node.address)) usable.push(node);
    }
    this.#nodes = usable;
  }

  get nodes(): number {
    return this.#nodes.length;
  }

  /** Asks anew. Does nothing where it is under way, or nobody can be asked. */
  start(now: number): void {
    if (this.#running || this.#nodes.length === 0) return;
    const first = this.#randomTid() % this.#nodes.length;
    const chosen = [...this.#nodes.slice(first), ...this.#nodes.slice(0, first)].slice(0, ASKED);
    const tids = new Set<number>();
    while (tids.size < chosen.length) tids.add((this.#randomTid() + tids.size) & 0xffff);
    this.#asked = chosen.map((node, i) => ({ node, tid: [...tids][i]! }));
    this.#began = now;
    this.#round = 0;
    this.#running = true;
    this.handleTimeout(now);
  }

  /** What a datagram of the DHT's type holds. Returns whether it was an answer to us. */
  handleDatagram(data: Uint8Array, from: Endpoint, now: number): boolean {
    try {
      const { tid, address, port } = decodeDhtPong(data);
      const asked = this.#asked.find((one) => one.tid === tid && sameEndpoint(one.node, from));
      if (asked && this.#running) {
        asked.seen = { address, port };
        const answers = this.#asked.filter((one) => one.seen).length;
        if (answers === this.#asked.length) this.#conclude(now);
        return true;
      }
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
    }
    this.counters.bad++;
    return false;
  }

  /** The addresses of this computer have changed: what was seen counts no more. */
  handleNetworkChanged(now: number): void {
    this.#running = false;
    this.#asked = [];
    this.#view = { mapping: "unknown", at: -Infinity };
    this.start(now);
  }

  nextDatagram(): { readonly to: Endpoint; readonly data: Uint8Array } | undefined {
    return this.#out.shift();
  }

  pollTimeout(): number | undefined {
    if (!this.#running) return undefined;
    return this.#began + (TRY_MS[this.#round] ?? GIVE_UP_MS);
  }

  handleTimeout(now: number): void {
    while (this.#running && now >= this.pollTimeout()!) {
      if (this.#round >= TRY_MS.length) return this.#conclude(now);
      // Two that agree are enough not to wait for a third that may be gone.
      if (this.#round > 0 && this.#asked.filter((one) => one.seen).length >= ENOUGH)
        return this.#conclude(now);
      this.#round++;
      for (const { node, tid, seen } of this.#asked) if (!seen) this.#ping(node, tid, now);
    }
  }

  #ping(node: Endpoint, tid: number, now: number): void {
    if (!this.#bucket.take(now)) {
      this.counters.limited++;
      return;
    }
    this.counters.sent++;
    this.#out.push({ to: node, data: encodeDhtPing({ tid, ...node }) });
  }

  #conclude(now: number): void {
    this.#running = false;
    const seen = this.#asked.flatMap((one) => (one.seen ? [one.seen] : []));
    this.#asked = [];
    if (seen.length < ENOUGH) {
      this.#view = { mapping: "unknown", at: now, ...(seen[0] ? { endpoint: seen[0] } : {}) };
      return;
    }
    const texts = seen.map(endpointText);
    // One liar among three nodes must not make a good NAT look bad.
    const common = seen.find((_, i) => texts.indexOf(texts[i]!) !== texts.lastIndexOf(texts[i]!));
    this.#view = common ? { mapping: "same", endpoint: common, at: now } : { mapping: "varies", at: now };
  }
}

function askable({ address, port, stream }: Endpoint & { readonly stream?: number }): boolean {
  return (
    stream === undefined &&
    family(address) === 4 &&
    port >= 1 &&
    port <= 0xffff &&
    !isMulticast(address) &&
    !NEVER_ASKED.some((prefix) => prefixContains(prefix, address))
  );
}

import type HyperDHT from "hyperdht";
import { MAX_NAMED_NODES, type DhtEvent } from "./messages.ts";

/** What the daemon is told of the DHT itself: how we are there, and nodes of it. */
export class NodeReport {
  readonly #dht: HyperDHT;
  readonly #emit: (event: DhtEvent) => void;
  #lastState = "";

  constructor(dht: HyperDHT, emit: (event: DhtEvent) => void) {
    this.#dht = dht;
    this.#emit = emit;
  }

  /** Where it has changed. `announced`: at so many nodes our network is. */
  state(announced: number): void {
    const event: DhtEvent = {
      type: "state",
      online: this.#dht.online && this.#dht.bootstrapped && this.#dht.nodes.length > 0,
      nodes: this.#dht.nodes.length,
      announced,
    };
    const text = JSON.stringify(event);
    if (text === this.#lastState) return;
    this.#lastState = text;
    this.#emit(event);
  }

  /** Those heard of last, of different addresses. */
  nameNodes(): void {
    const known = [...this.#dht.toArray({ limit: 4 * MAX_NAMED_NODES }), ...this.#dht.bootstrapNodes];
    const byHost = new Map(known.map(({ host, port }) => [host, { address: host, port }] as const));
    this.#emit({
      type: "nodes",
      nodes: [...byHost.values()].filter((node) => isIpv4(node.address)).slice(0, MAX_NAMED_NODES),
    });
  }
}

function isIpv4(text: string): boolean {
  return /^\d{1,3}(\.\d{1,3}){3}$/.test(text);
}

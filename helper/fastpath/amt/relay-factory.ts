// The memory that a relay's parts need of the arena, taken once: there is one relay at a time.
import { type AmtRelayDevice, type AmtRelayEvent, MAX_RELAY_SOCKETS } from "#ports/amt-relay.ts";
import type { Arena } from "../arena.ts";
import type { Counters } from "../counters.ts";
import type { Ingress } from "../ingress.ts";
import { ReceiveRing } from "../receive-ring.ts";
import { TokenBucket } from "../token-bucket.ts";
import type { Vif } from "../vif.ts";
import { FanOutTable } from "./fan-out-table.ts";
import { GATEWAY_NAMES_BYTES, GatewayTable } from "./gateway-table.ts";
import { RelayExit } from "./relay-exit.ts";
import { RelayFragments } from "./relay-fragments.ts";
import { RelayIngress, STRANGERS_BURST, STRANGERS_RATE } from "./relay-ingress.ts";
import { RelayMemory } from "./relay-memory.ts";
import { RelaySender } from "./relay-sender.ts";
import { StreamRuns } from "./stream-runs.ts";

const SOCKADDR_IN6 = 28;
/** What it needs of the arena, with some room for what it shares it in. */
export const RELAY_ARENA_BYTES =
  GATEWAY_NAMES_BYTES + StreamRuns.BYTES + MAX_RELAY_SOCKETS * RelaySender.BYTES + 64 * 1024;

export interface RelayFactoryParts {
  readonly arena: Arena;
  readonly counters: Counters;
  /** Receive slots: one burst at a time is in them. */
  readonly slots: number;
  readonly emit: (event: AmtRelayEvent) => void;
}

export class RelayFactory {
  readonly #p: RelayFactoryParts;
  readonly #names: number;
  readonly #headers: number;
  readonly #ring: ReceiveRing;
  readonly #runs: StreamRuns;
  readonly #fragments: RelayFragments;

  constructor(parts: RelayFactoryParts) {
    const { arena, slots } = parts;
    this.#p = parts;
    this.#names = arena.reserve(GATEWAY_NAMES_BYTES);
    this.#headers = arena.reserve(MAX_RELAY_SOCKETS * RelaySender.BYTES);
    this.#ring = new ReceiveRing(arena, slots, 0, SOCKADDR_IN6);
    this.#runs = new StreamRuns(arena);
    this.#fragments = new RelayFragments(arena);
  }

  /** Throws RangeError for more sockets than there is room for. */
  make(id: number, { fds, memory, seed }: AmtRelayDevice): { vif: Vif; ingresses: Ingress[] } {
    if (fds.length > MAX_RELAY_SOCKETS) throw new RangeError(`${fds.length} sockets of a relay`);
    const { arena, counters, emit } = this.#p;
    const gateways = new GatewayTable(arena, this.#names, seed);
    const delivered = new RelayMemory(memory);
    const wire = new RelayExit(id, {
      arena,
      counters,
      fds,
      table: new FanOutTable(seed, (entry) => delivered.clearEntry(entry)),
      gateways,
      memory: delivered,
      runs: this.#runs,
      fragments: this.#fragments,
      headers: this.#headers,
    });
    const vif: Vif = {
      id,
      kind: "amt-relay",
      wire,
      local: undefined,
      peer: undefined,
      sources: undefined,
    };
    const strangers = new TokenBucket(STRANGERS_RATE, STRANGERS_BURST);
    const parts = { arena, counters, ring: this.#ring, gateways, strangers, emit };
    return { vif, ingresses: fds.map((fd, i) => new RelayIngress(vif, fd, i, parts)) };
  }
}

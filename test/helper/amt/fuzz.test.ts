// A relay among strangers and gateways: some honest, most not.
import { FanOutTable } from "#fastpath/amt/fan-out-table.ts";
import { AmtRelay } from "#protocol/amt/relay.ts";
import { RELAY_DEFAULTS } from "#protocol/amt/relay-types.ts";
import { MAX_GROUPS } from "#protocol/amt/relay-gateway.ts";
import { RelayFanOut } from "#protocol/amt/relay-fan-out.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { decodeAmt, encodeAmt } from "#wire/amt.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { AMT_MESSAGES } from "../wire/fuzz-amt-targets.ts";

const LIMITS = { maxGroups: 40, maxSourcesPerGroup: 8, maxEntries: 100 };
const MAX_GATEWAYS = 30;
const RECORDS = ["is-include", "is-exclude", "to-include", "to-exclude", "allow", "block"] as const;

class Relay implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #corpus = AMT_MESSAGES.map(encodeAmt);
  readonly #relay: AmtRelay;
  readonly #fanOut = new RelayFanOut(LIMITS);
  readonly #table = new FanOutTable(1);
  /** Gateways that the fast path would know. */
  readonly #introduced = new Set<number>();
  readonly #wants = new Set<string>();
  #now = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    const options = {
      ...RELAY_DEFAULTS,
      maxGateways: MAX_GATEWAYS,
      addresses: { 4: "203.0.113.1", 6: "2001:db8::1" },
    };
    this.#relay = new AmtRelay(options, { bytes: (length) => random.bytes(length) }, 0);
  }

  step(): boolean {
    const random = this.#random;
    const from = { address: `198.51.100.${random.below(6)}`, port: 1_000 + random.below(20) };
    this.#now += random.oneIn(200) ? 60_000 : random.below(40);
    if (this.#relay.pollTimeout() <= this.#now) this.#relay.handleTimeout(this.#now);
    this.#pump();
    const understood = random.oneIn(2) && this.#honest(from);
    if (!understood) this.#relay.handleDatagram(mutate(random, this.#corpus), from, this.#now);
    this.#pump();
    return understood;
  }

  held() {
    return {
      gateways: [this.#relay.size, MAX_GATEWAYS],
      introduced: [this.#introduced.size, MAX_GATEWAYS],
      "groups of a gateway": [Math.max(0, ...[...this.#relay.gateways].map((one) => one.groups)), MAX_GROUPS],
      groups: [this.#fanOut.groups, LIMITS.maxGroups],
      entries: [this.#fanOut.entryCount, LIMITS.maxEntries],
      wants: [this.#wants.size, LIMITS.maxGroups],
    } as const;
  }

  settle(): void {
    this.#now += 600_000;
    this.#relay.handleTimeout(this.#now);
    this.#pump();
  }

  left() {
    return {
      gateways: this.#relay.size,
      introduced: this.#introduced.size,
      groups: this.#fanOut.groups,
      entries: this.#fanOut.entryCount,
      wants: this.#wants.size,
    };
  }

  /** Request, and an Update with what came, whose report may be anything. */
  #honest(from: Endpoint): boolean {
    const random = this.#random;
    const request = { kind: "request", nonce: random.below(3), family: 4, flag: "rfc" } as const;
    this.#relay.handleDatagram(encodeAmt(request), from, this.#now);
    const command = this.#relay.nextCommand();
    if (command?.type !== "send") return false;
    const query = decodeAmt(command.datagram);
    if (query.kind !== "membership-query") throw new Error(`a Request was answered with ${query.kind}`);
    const records = Array.from({ length: random.below(5) }, () => ({
      type: random.pick(RECORDS),
      group: `232.1.1.${random.below(60)}`,
      sources: Array.from({ length: random.below(4) }, () => `192.0.2.${random.below(20)}`),
    }));
    const packet = encodeMembershipPacket({ kind: "report", version: 3, records }, "0.0.0.0");
    const { mac, nonce } = query;
    const update = encodeAmt({ kind: "membership-update", mac, nonce, packet });
    this.#relay.handleDatagram(random.oneIn(4) ? mutate(random, [update]) : update, from, this.#now);
    return true;
  }

  #pump(): void {
    const gone: number[] = [];
    for (let command; (command = this.#relay.nextCommand());)
      if (command.type === "gateway") this.#introduced.add(command.id);
      else if (command.type === "listeners") {
        if (!this.#introduced.has(command.id)) throw new Error(`who is gateway ${command.id}?`);
        this.#fanOut.set(command.id, command.group, command.filter);
      } else if (command.type === "gateway-gone") gone.push(command.id);
    const changes = this.#fanOut.drainChanges();
    if (changes) this.#table.apply(changes);
    for (const { group, filter } of this.#fanOut.drainWants())
      if (filter) this.#wants.add(group);
      else this.#wants.delete(group);
    for (const id of gone) this.#introduced.delete(id);
  }
}

fuzzMachines([{ name: "an AMT relay", understood: 0.05, start: (random) => new Relay(random) }]);

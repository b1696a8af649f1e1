import type { Datagrams } from "#ports/datagrams.ts";
import { endpointText, type Endpoint } from "#ports/endpoint.ts";
import { AmtGateway, type GatewayDrop } from "#protocol/amt/gateway.ts";
import type { StreamKey } from "#protocol/amt/automatic-streams.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import { sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import type { Core, RuntimeVif } from "../core.ts";
import type { Timed } from "../scheduler.ts";
import type { RelayWay } from "./relay-search.ts";

/** While data comes it is looked at so often whether it still does. */
const LOOK_MS = 1_500;
/** So long without any, after there was some: the relay may be gone, or a NAT may have forgotten us. */
const SILENT_MS = 3_000;
/** Nothing comes: looked at so often whether something has begun; sooner while something may be about to. */
const IDLE_LOOK_MS = 10_000;
const ATTENTIVE_MS = 30_000;

export interface AmtTunnelOptions {
  readonly core: Core;
  readonly id: VifId;
  readonly name: string;
  readonly ways: readonly RelayWay[];
  readonly socket: Datagrams;
  readonly send: (to: Endpoint, datagram: Uint8Array) => void;
  /** Packets that came, so far. */
  readonly received: () => number;
  /** Something that is shown has changed. */
  readonly changed: () => void;
  /** None of its relays answers. */
  readonly exhausted: () => void;
}

/** A vif: multicast that one AMT relay sends here, by a socket of its own. What is asked for is what it is told. */
export class AmtTunnel implements RuntimeVif, Timed {
  readonly id: VifId;
  readonly name: string;
  readonly ways: readonly RelayWay[];
  readonly gateway: AmtGateway;
  /** Its socket failed. */
  problem: string | undefined;
  readonly #o: AmtTunnelOptions;
  readonly #wanted = new Map<Address, SourceFilter>();
  #packets = 0;
  #heardAt: number | undefined;
  #lookAt: number;
  #attentiveUntil: number;

  constructor(options: AmtTunnelOptions) {
    const { core, id, name, ways, socket } = options;
    this.#o = options;
    this.id = id;
    this.name = name;
    this.ways = ways;
    this.gateway = new AmtGateway(ways, core.entropy);
    this.#lookAt = core.clock.now() + LOOK_MS;
    this.#attentiveUntil = core.clock.now() + ATTENTIVE_MS;
    core.addVif(this, { kind: "amt-gateway", upstream: false });
    core.fastPath.send({ type: "vif-add", vif: id, device: { kind: "amt-gateway", fd: socket.fd } });
    core.scheduler.add(this);
  }

  get relay(): Endpoint | undefined {
    return this.gateway.relay;
  }

  /** How the relay in use, or in question, was found. */
  get way(): RelayWay | undefined {
    const { candidate } = this.gateway;
    return candidate && this.ways.find((way) => way === candidate);
  }

  get drops(): ReadonlyMap<GatewayDrop, number> {
    return this.gateway.drops;
  }

  /** All that is asked of the relay from now on. */
  want(wanted: ReadonlyMap<Address, SourceFilter>, now: number): void {
    let isChanged = false;
    for (const group of this.#wanted.keys())
      if (!wanted.has(group)) {
        this.#wanted.delete(group);
        this.gateway.want(group, undefined, now);
        isChanged = true;
      }
    for (const [group, filter] of wanted) {
      const before = this.#wanted.get(group);
      if (before && sameFilter(before, filter)) continue;
      this.#wanted.set(group, filter);
      this.gateway.want(group, filter, now);
      isChanged = true;
    }
    if (!isChanged) return;
    this.#attentiveUntil = now + ATTENTIVE_MS;
    this.#lookAt = Math.min(this.#lookAt, now + LOOK_MS);
    // The fast path first: what the relay sends at once is to be taken.
    this.#o.core.fastPath.send({ type: "amt-joined", vif: this.id, streams: streamWords(this.#wanted) });
    this.#drain();
  }

  message(data: Uint8Array, from: Endpoint, now: number): void {
    this.gateway.handleDatagram(data, from, now);
    this.#drain();
  }

  /** Addresses or routes have changed. */
  networkChanged(now: number): void {
    this.gateway.handleNetworkChange(now);
  }

  pollTimeout(): number {
    return Math.min(this.gateway.pollTimeout() ?? Infinity, this.#lookAt);
  }

  handleTimeout(now: number): void {
    if (this.#lookAt <= now) this.#look(now);
    this.gateway.handleTimeout(now);
    this.#drain();
  }

  failed(errno: number): void {
    this.problem = `the socket failed (errno ${errno})`;
    this.#o.core.log.write("warn", "an AMT tunnel failed", { vif: this.name, errno });
    this.#o.changed();
  }

  /** Takes leave of the relay. */
  close(): void {
    const { core, socket } = this.#o;
    this.gateway.close();
    this.#drain();
    core.scheduler.remove(this);
    core.removeVif(this.id, () => socket.close());
  }

  upstreamWants(): void {} // internet-streams.ts tells which part of it is this relay's
  membershipPacket(): void {}
  control(): void {}
  flush(): void {}

  /** A relay that is gone says nothing: what came, and comes no more, is a reason to ask. */
  #look(now: number): void {
    const rxPackets = this.#o.received();
    if (rxPackets !== this.#packets) {
      this.#packets = rxPackets;
      if (this.#heardAt === undefined)
        this.#o.core.log.write("info", "multicast comes from an AMT relay", { vif: this.name });
      this.#heardAt = now;
    } else if (this.#heardAt !== undefined && now - this.#heardAt >= SILENT_MS) {
      this.#heardAt = undefined; // once
      this.#o.core.log.write("info", "no multicast comes from an AMT relay any more", { vif: this.name });
      this.#attentiveUntil = now + ATTENTIVE_MS;
      this.gateway.handleSilence(now);
    }
    const isIdle = this.#heardAt === undefined && now >= this.#attentiveUntil;
    this.#lookAt = now + (isIdle ? IDLE_LOOK_MS : LOOK_MS);
  }

  #drain(): void {
    const { core, send, changed, exhausted } = this.#o;
    for (let command; (command = this.gateway.nextCommand());) {
      if (command.type === "send") send(command.to, command.datagram);
      else if (command.type === "relay") {
        const { relay } = command;
        core.fastPath.send({ type: "amt-relay", vif: this.id, relay });
        if (relay)
          core.log.write("info", "an AMT relay is asked", {
            vif: this.name,
            relay: endpointText(relay),
            found: this.way?.how ?? "",
          });
        else core.log.write("info", "an AMT relay is left", { vif: this.name });
      } else {
        core.log.write("warn", "no AMT relay answers", {
          vif: this.name,
          tried: this.ways.map(({ address }) => address).join(" "),
        });
        exhausted();
      }
    }
    changed();
  }
}

/** Group and source, four words each, as the fast path looks them up. */
function streamWords(wanted: ReadonlyMap<Address, SourceFilter>): Uint32Array<ArrayBuffer> {
  const streams = [...wanted].flatMap(([group, { mode, sources }]): StreamKey[] =>
    mode === "exclude"
      ? [{ group, source: undefined }] // what is excluded has no listener either
      : [...sources].map((source) => ({ group, source })),
  );
  const words = new Uint32Array(8 * streams.length);
  for (const [i, { group, source }] of streams.entries()) {
    writeAddressWords(words, 8 * i, group);
    if (source !== undefined) writeAddressWords(words, 8 * i + 4, source);
  }
  return words;
}

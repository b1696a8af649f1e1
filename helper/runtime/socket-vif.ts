import { InFlight, inFlightBytes } from "#fastpath/in-flight.ts";
import type { GroupDatagram, GroupInterface, GroupPort, GroupSocket } from "#ports/group-socket.ts";
import { RESENT_PORT } from "#ports/group-socket.ts";
import { IpReassembly } from "#protocol/forwarding/ip-reassembly.ts";
import { EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import {
  ANY_SOURCE,
  mergeFilters,
  wantsSource,
  type SourceFilter,
} from "#protocol/membership/source-filter.ts";
import { family, type Address, type Family } from "#wire/address.ts";
import { decodeIpPart, encodeAddressed, type IpPart } from "#wire/addressed-datagram.ts";
import { DecodeError } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";
import { decodeUdp } from "#wire/udp.ts";
import type { Core, RuntimeVif } from "./core.ts";
import type { Timed } from "./scheduler.ts";

/** Plain sockets do not tell the TTL that a datagram came with. */
const TTL = 64;
/** What was heard on the link within this time is there already, and is not sent there from the tunnel too. */
const HEARD_MS = 3_000;
const MAX_HEARD = 1024;
/** A socket that could not be opened is tried again, also where nothing tells that it would work now. */
const RETRY_MS = 5_000;

export interface SocketVifOptions {
  readonly core: Core;
  readonly id: VifId;
  readonly name: string;
  /** One entry a group and port. */
  readonly groups: readonly GroupPort[];
  /** The interface as it is now; a text says why there is none. */
  readonly find: () => GroupInterface | string;
  readonly open: (
    groups: readonly GroupPort[],
    where: GroupInterface,
    received: (datagram: GroupDatagram) => void,
    failed: (error: Error) => void,
  ) => Promise<GroupSocket>;
  /** This computer's address in a network: 127.0.0.1 and ::1 mean another computer everywhere else. */
  readonly ownAddress: (of: Family) => Address | undefined;
}

type DropReason =
  | "queue-full"
  | "bad-source"
  | "malformed"
  | "not-udp"
  | "other-port"
  | "loop"
  | "send-failed";

/**
 * Chosen groups and ports by plain sockets, without privileges. What it sends has this computer's own source address:
 * a foreign one cannot be kept. Its listeners are the choice itself, so nothing is asked and nobody reports.
 */
export class SocketVif implements RuntimeVif, Timed {
  readonly id: VifId;
  readonly name: string;
  readonly groups: readonly GroupPort[];
  /** Packets by reason, on top of what the fast path counts. */
  readonly drops: Partial<Record<DropReason, number>> = {};
  /** Why it does not work now. */
  problem: string | undefined;
  readonly #options: SocketVifOptions;
  readonly #arriving: InFlight;
  readonly #leaving: InFlight;
  readonly #reassembly = new IpReassembly();
  readonly #heard = new Map<string, number>(); // by source, group and port; latest last
  readonly #filters: ReadonlyMap<string, SourceFilter>; // by group and port
  #socket: GroupSocket | undefined;
  #where = "";
  #opening = 0;
  #retryAt: number | undefined;
  #identification: number;

  constructor(options: SocketVifOptions) {
    const { core, id, name, groups } = options;
    this.#options = options;
    this.id = id;
    this.name = name;
    this.groups = groups;
    this.#identification = new DataView(core.entropy.bytes(4).buffer).getUint32(0);
    const inFlight = new SharedArrayBuffer(inFlightBytes());
    this.#arriving = new InFlight(inFlight, "in");
    this.#leaving = new InFlight(inFlight, "out");
    this.#filters = new Map(groups.map((wanted) => [key(wanted.group, wanted.port), filterOf(wanted)]));
    core.addVif(this, { kind: "socket", upstream: true });
    core.fastPath.send({ type: "vif-add", vif: id, device: { kind: "socket", inFlight } });
    for (const [group, filter] of listeners(groups)) core.listeners(id, EXIT_WIRE, group, filter);
    core.scheduler.add(this);
    this.#open();
  }

  /** Routes or addresses have changed: another interface may be the right one now. */
  networkChanged(): void {
    this.#open();
  }

  /** A packet for its groups out of the fast path, perhaps a fragment. */
  packetOut(packet: Uint8Array, now: number): void {
    this.#send(packet, now).finally(() => this.#leaving.end(packet.length));
  }

  pollTimeout(): number | undefined {
    return this.#retryAt;
  }

  handleTimeout(): void {
    this.#open();
  }

  close(): void {
    this.#opening++; // what is being opened is not wanted any more
    this.#options.core.scheduler.remove(this);
    this.#options.core.removeVif(this.id);
    void this.#socket?.close();
    this.#socket = undefined;
  }

  upstreamWants(): void {} // joined from the start
  membershipPacket(): void {}
  control(): void {}
  failed(): void {}
  flush(): void {}

  async #send(packet: Uint8Array, now: number): Promise<void> {
    let part: IpPart | undefined;
    try {
      part = this.#reassembly.add(decodeIpPart(packet), now);
      if (!part) return;
      if (part.protocol !== IpProtocol.UDP) return this.#drop("not-udp");
      const { source, destination, ttl } = part;
      const { sourcePort, destinationPort, payload } = decodeUdp(part.payload, source, destination);
      const filter = this.#filters.get(key(destination, destinationPort));
      if (!filter || !wantsSource(filter, source)) return this.#drop("other-port");
      if (sourcePort === RESENT_PORT || this.#heardHere(`${source} ${destination} ${destinationPort}`, now))
        return this.#drop("loop");
      if (!this.#socket) return this.#drop("send-failed");
      await this.#socket.send(destination, destinationPort, ttl, payload);
    } catch (error) {
      this.#drop(error instanceof DecodeError ? "malformed" : "send-failed");
    }
  }

  #heardHere(flow: string, now: number): boolean {
    const at = this.#heard.get(flow);
    return at !== undefined && now - at < HEARD_MS;
  }

  #hear(flow: string): void {
    this.#heard.delete(flow);
    this.#heard.set(flow, this.#options.core.clock.now());
    if (this.#heard.size <= MAX_HEARD) return;
    for (const oldest of this.#heard.keys()) return void this.#heard.delete(oldest);
  }

  #received({ group, port, source: from, sourcePort, payload }: GroupDatagram): void {
    const { core, ownAddress } = this.#options;
    const source = isLoopback(from) ? ownAddress(family(from)) : from;
    if (source === undefined) return this.#drop("bad-source"); // in no network yet: nobody to carry it to
    this.#hear(`${source} ${group} ${port}`);
    const datagram = { source, sourcePort, destination: group, destinationPort: port, ttl: TTL, payload };
    for (const packet of encodeAddressed(datagram, this.#identification++))
      if (this.#arriving.begin(packet.length))
        core.fastPath.send({ type: "packet-in", vif: this.id, packet });
      else this.#drop("queue-full");
  }

  #open(): void {
    this.#retryAt = undefined;
    const { core, find, open } = this.#options;
    const where = find();
    const found = JSON.stringify(where);
    // The system's own choice is not to be seen: it may have changed whenever something else did.
    if (this.#socket && found === this.#where && typeof where !== "string" && where.name !== undefined)
      return;
    const turn = ++this.#opening;
    void this.#socket?.close();
    this.#socket = undefined;
    this.#where = found;
    if (typeof where === "string") return this.#failed(where);
    open(
      this.groups,
      where,
      (datagram) => this.#received(datagram),
      (error) => {
        if (turn === this.#opening) this.#failed(error.message);
      },
    ).then(
      (socket) => {
        if (turn !== this.#opening) return void socket.close();
        this.#socket = socket;
        this.problem = undefined;
        core.log.write("info", "a socket vif is open", { vif: this.name });
        core.changed();
      },
      (error: unknown) => {
        if (turn === this.#opening) this.#failed(error instanceof Error ? error.message : String(error));
      },
    );
  }

  #failed(reason: string): void {
    const { core } = this.#options;
    if (this.problem !== reason)
      core.log.write("warn", "a socket vif does not work", { vif: this.name, reason });
    this.problem = reason;
    void this.#socket?.close();
    this.#socket = undefined;
    this.#retryAt = core.clock.now() + RETRY_MS;
    core.scheduler.arm();
    core.changed();
  }

  #drop(reason: DropReason): void {
    this.drops[reason] = (this.drops[reason] ?? 0) + 1;
  }
}

function key(group: Address, port: number): string {
  return `${group} ${port}`;
}

function filterOf({ sources }: GroupPort): SourceFilter {
  return sources ? { mode: "include", sources: new Set(sources) } : ANY_SOURCE;
}

/** Ports are no part of what crosses the tunnel: a group is wanted as all its ports together want it. */
function listeners(groups: readonly GroupPort[]): Map<Address, SourceFilter> {
  const all = new Map<Address, SourceFilter>();
  for (const wanted of groups) {
    const before = all.get(wanted.group);
    all.set(wanted.group, before ? mergeFilters(before, filterOf(wanted)) : filterOf(wanted));
  }
  return all;
}

function isLoopback(address: Address): boolean {
  return address === "::1" || address.startsWith("127.");
}

import {
  BEACON_MAC_LENGTH,
  MAX_BEACON_NETWORKS,
  beaconMacInput,
  decodeBeacon,
  encodeBeacon,
  type Beacon,
  type BeaconNetwork,
} from "#wire/beacon.ts";
import { DecodeError } from "#wire/cursor.ts";
import { LanRivals, isPreferred, type Candidate } from "./lan-rivals.ts";

export const BEACON_INTERVAL_MS = 5_000;
/** Three beacons missed, and the time one may be late. */
export const RIVAL_TIMEOUT_MS = 3 * BEACON_INTERVAL_MS + 500;
/** How long a member that comes listens before it forwards: those that are there answer at once. */
export const LISTEN_MS = 250;
/** No more than one beacon in this time, whatever others provoke. */
const MIN_SPACING_MS = 100;

export interface LanElectionOptions {
  readonly priority: number; // u16
  readonly memberId: Uint8Array; // 8 bytes, unique in every network
  readonly interfaceMac: Uint8Array; // 6 bytes
  /** u32, higher at every start (seconds since 1970): beacons of an earlier run must not look new. */
  readonly epoch: number;
  /** A keyed hash of 16 bytes or more, of which 16 are used. */
  readonly mac: (key: Uint8Array, data: Uint8Array) => Uint8Array;
}

export interface LanElectionNetwork {
  readonly name: string;
  readonly tag: Uint8Array; // 8 bytes
  /** The network's secret. Without one, what others say for this network is believed unseen. */
  readonly key: Uint8Array | undefined;
}

export type LanRole = "forwarder" | "passive";

export type LanElectionCommand =
  | { readonly type: "send-beacon"; readonly payload: Uint8Array }
  /** A network starts as passive; what follows from listening is told, and from then on each change. */
  | { readonly type: "role"; readonly network: string; readonly role: LanRole };

export interface LanElectionDrops {
  malformed: number;
  badMac: number;
  replayed: number;
  tooManyRivals: number;
}

interface Contest {
  readonly network: LanElectionNetwork;
  readonly rivals: LanRivals;
  listenUntil: number; // -Infinity once that is over
  role: LanRole;
}

/**
 * Where several members of a network sit on the same LAN, one of them forwards, or each packet would cross as
 * many times, and round in circles. One machine for each LAN interface; each network has a contest of its own.
 * A forwarder yields to a preferred member only when that one forwards, so that no gap opens between the two.
 */
export class LanElection {
  readonly drops: LanElectionDrops = { malformed: 0, badMac: 0, replayed: 0, tooManyRivals: 0 };
  readonly #options: LanElectionOptions;
  readonly #own: Candidate;
  readonly #ownMac: string;
  readonly #contests = new Map<string, Contest>(); // by tag in hex
  readonly #commands: LanElectionCommand[] = [];
  #sequence: bigint;
  #beaconAt = Infinity;
  #lastBeaconAt = -Infinity;

  constructor(options: LanElectionOptions) {
    this.#options = options;
    this.#own = { priority: options.priority, identity: identityOf(options.memberId, options.interfaceMac) };
    this.#ownMac = options.interfaceMac.toHex();
    this.#sequence = BigInt(options.epoch) << 32n;
  }

  /** Throws RangeError for more networks than a beacon holds. */
  addNetwork(network: LanElectionNetwork, now: number): void {
    if (this.#contests.size >= MAX_BEACON_NETWORKS)
      throw new RangeError(`a LAN carries ${MAX_BEACON_NETWORKS} networks at most`);
    this.#contests.set(network.tag.toHex(), {
      network,
      rivals: new LanRivals(),
      listenUntil: now + LISTEN_MS,
      role: "passive",
    });
    this.#beaconSoon(now);
  }

  /** Says good-bye for the network, so that another takes over at once. */
  removeNetwork(name: string, now: number): void {
    for (const [tag, { network }] of this.#contests)
      if (network.name === name) {
        this.#sendBeacon(now, name);
        this.#contests.delete(tag);
      }
    if (this.#contests.size === 0) this.#beaconAt = Infinity;
  }

  role(name: string): LanRole | undefined {
    for (const { network, role } of this.#contests.values()) if (network.name === name) return role;
    return undefined;
  }

  /** The other members of a network that are heard on this LAN. */
  rivals(name: string): number {
    for (const { network, rivals } of this.#contests.values())
      if (network.name === name) return rivals.all().length;
    return 0;
  }

  /** `payload` of an Ethernet frame with our type; its source address tells our own echo. */
  handleBeacon(payload: Uint8Array, fromMac: Uint8Array, now: number): void {
    if (fromMac.toHex() === this.#ownMac) return;
    let beacon: Beacon;
    try {
      beacon = decodeBeacon(payload);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.drops.malformed++;
      return;
    }
    const identity = identityOf(beacon.memberId, beacon.interface);
    if (identity === this.#own.identity) return; // our own, reflected
    for (const entry of beacon.networks) this.#handleEntry(beacon, entry, identity, now);
  }

  handleTimeout(now: number): void {
    for (const contest of this.#contests.values()) {
      contest.rivals.expire(now);
      this.#decide(contest, now);
    }
    if (this.#beaconAt <= now) this.#sendBeacon(now);
  }

  pollTimeout(): number | undefined {
    let due = this.#beaconAt;
    for (const { rivals, listenUntil } of this.#contests.values()) {
      due = Math.min(due, rivals.nextExpiry());
      if (listenUntil !== -Infinity) due = Math.min(due, listenUntil);
    }
    return due === Infinity ? undefined : due;
  }

  nextCommand(): LanElectionCommand | undefined {
    return this.#commands.shift();
  }

  #handleEntry(beacon: Beacon, entry: BeaconNetwork, identity: string, now: number): void {
    const contest = this.#contests.get(entry.tag.toHex());
    if (!contest) return;
    const { network, rivals } = contest;
    if (network.key && !sameBytes(this.#mac(network.key, beacon, entry), entry.mac)) {
      this.drops.badMac++;
      return;
    }
    if (!rivals.isFresh(identity, beacon.sequence)) {
      this.drops.replayed++;
      return;
    }
    if (entry.leaving) rivals.delete(identity);
    else {
      const { priority } = beacon;
      const { forwarding } = entry;
      const isNew = rivals.find(identity) === undefined;
      if (!rivals.set({ priority, identity, forwarding, expiresAt: now + RIVAL_TIMEOUT_MS })) {
        this.drops.tooManyRivals++;
        return;
      }
      // It must learn of us: it just came, or it forwards where we should.
      const conflict =
        forwarding && contest.role === "forwarder" && isPreferred(this.#own, { priority, identity });
      if (isNew || conflict) this.#beaconSoon(now);
    }
    this.#decide(contest, now);
  }

  #decide(contest: Contest, now: number): void {
    if (contest.listenUntil > now) return;
    const first = contest.listenUntil !== -Infinity;
    contest.listenUntil = -Infinity;
    const preferred = contest.rivals.preferredTo(this.#own);
    const yields =
      contest.role === "forwarder" ? preferred.some(({ forwarding }) => forwarding) : preferred.length > 0;
    const role = yields ? "passive" : "forwarder";
    const changed = role !== contest.role;
    contest.role = role;
    if (changed || first) this.#commands.push({ type: "role", network: contest.network.name, role });
    if (changed) this.#beaconSoon(now);
  }

  #beaconSoon(now: number): void {
    const earliest = Math.max(now, this.#lastBeaconAt + MIN_SPACING_MS);
    this.#beaconAt = Math.min(this.#beaconAt, earliest);
  }

  #sendBeacon(now: number, leaving?: string): void {
    this.#lastBeaconAt = now;
    this.#beaconAt = now + BEACON_INTERVAL_MS;
    this.#sequence++;
    const { priority, memberId, interfaceMac } = this.#options;
    const contests = [...this.#contests.values()];
    const networks = contests.map(({ network, role }) => ({
      tag: network.tag,
      forwarding: role === "forwarder" && network.name !== leaving,
      leaving: network.name === leaving,
      mac: new Uint8Array(BEACON_MAC_LENGTH),
    }));
    const beacon: Beacon = {
      priority,
      memberId,
      interface: interfaceMac,
      sequence: this.#sequence,
      networks,
    };
    const signed = networks.map((entry, i) => {
      const { key } = contests[i]!.network;
      return key ? { ...entry, mac: this.#mac(key, beacon, entry) } : entry;
    });
    this.#commands.push({ type: "send-beacon", payload: encodeBeacon({ ...beacon, networks: signed }) });
  }

  #mac(key: Uint8Array, beacon: Beacon, entry: BeaconNetwork): Uint8Array {
    return this.#options.mac(key, beaconMacInput(beacon, entry)).slice(0, BEACON_MAC_LENGTH);
  }
}

function identityOf(memberId: Uint8Array, interfaceMac: Uint8Array): string {
  return memberId.toHex() + interfaceMac.toHex();
}

/** In a time that does not tell where the difference is. */
function sameBytes(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length;
  for (const [i, byte] of a.entries()) difference |= byte ^ (b[i] ?? 0);
  return difference === 0;
}

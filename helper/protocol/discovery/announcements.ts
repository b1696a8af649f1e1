import { cleanName } from "#protocol/addressing/names.ts";
import type { Address } from "#wire/address.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeSap, SDP_TYPE, type SapMessage } from "#wire/sap.ts";
import { decodeSdp, type SessionDescription } from "#wire/sdp.ts";
import { streamFits, streamsOf, type AnnouncedStream } from "./announced-streams.ts";

/** RFC 2974 section 3: of the global scope, and the highest address of the local and the organisation's scope. */
export const SAP_GROUPS_4: readonly Address[] = ["224.2.127.254", "239.195.255.255", "239.255.255.255"];
/** ff0X::2:7ffe of the scopes that cross by default: site, organisation, global. */
export const SAP_GROUPS_6: readonly Address[] = ["ff05::2:7ffe", "ff08::2:7ffe", "ff0e::2:7ffe"];

export function isSapGroup(group: Address): boolean {
  return SAP_GROUPS_4.includes(group) || SAP_GROUPS_6.includes(group);
}

export const MAX_ANNOUNCEMENTS = 512;
export const MAX_FROM_ONE = 64;
/** Announcements of one group that are looked through, its sender's own apart. */
const MAX_CONSULTED = 32;
const ORIGIN_LINE = "o".charCodeAt(0);
/** Code points of a stream's name. */
export const STREAM_NAME_LENGTH = 80;
/** Section 4: gone when it was not heard for an hour, or for ten times its period where that is longer. */
const TIMEOUT = 3_600_000;
const PERIODS = 10;
/** So long that a period is no guess any more. */
const LONGEST = 24 * 3_600_000;

/** For a session without a name: RFC 8866 section 5.3 has "-", ffmpeg the words. */
const UNNAMED: ReadonlySet<string> = new Set(["", "-", "no name"]);

interface Announcement {
  readonly key: string;
  /** Who sent the packet: more than the announcement says of itself. */
  readonly from: Address;
  /** What its message said of itself, for a deletion that says no more: source and hash. */
  readonly id: string;
  readonly name: string;
  readonly streams: readonly AnnouncedStream[];
  readonly firstHeard: number;
  readonly heardAt: number;
  readonly expiresAt: number;
}

export interface AnnouncementCounters {
  heard: number;
  deleted: number;
  malformed: number;
  /** Times that one had to make room for another. */
  full: number;
}

/** What is announced by SAP, and so what groups are called. Everything in it was said by strangers. */
export class Announcements {
  readonly counters: AnnouncementCounters = { heard: 0, deleted: 0, malformed: 0, full: 0 };
  readonly #known = new Map<string, Announcement>();
  /** By group and sender, those that have a stream of the group. */
  readonly #byGroup = new Map<Address, Map<Address, Set<Announcement>>>();
  readonly #fromOne = new Map<Address, number>();

  get size(): number {
    return this.#known.size;
  }

  /** How much there is of what others can make grow. */
  get sizes(): { readonly known: number; readonly groups: number; readonly senders: number } {
    return { known: this.#known.size, groups: this.#byGroup.size, senders: this.#fromOne.size };
  }

  /** The payload of a datagram to a SAP group. Does it change what anything is called? */
  handleDatagram(payload: Uint8Array, from: Address, now: number): boolean {
    this.counters.heard++;
    try {
      return this.#handle(decodeSap(payload), from, now);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.counters.malformed++;
      return false;
    }
  }

  /**
   * What a stream is called. Its own sender's word comes first, then that of who names its source or its port; among
   * equals the first that was heard, so that nobody takes a name over.
   */
  nameOf(group: Address, source: Address | undefined, port: number | undefined): string | undefined {
    const senders = this.#byGroup.get(group);
    if (!senders) return undefined;
    const fitting = (some: Iterable<Announcement>): string | undefined => bestName(some, group, source, port);
    return (source && fitting(senders.get(source) ?? [])) ?? fitting(others(senders.values()));
  }

  /** A stream of each announced group that is `wanted`, `most` at most. */
  streams(most: number, wanted: (group: Address) => boolean): Map<Address, AnnouncedStream> {
    const found = new Map<Address, AnnouncedStream>();
    for (const { streams } of this.#known.values())
      for (const stream of streams) {
        if (found.size >= most) return found;
        if (!found.has(stream.group) && wanted(stream.group)) found.set(stream.group, stream);
      }
    return found;
  }

  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const { expiresAt } of this.#known.values()) earliest = Math.min(earliest, expiresAt);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const one of this.#known.values()) if (one.expiresAt <= now) this.#forget(one);
  }

  #handle(message: SapMessage, from: Address, now: number): boolean {
    if (message.payloadType !== undefined && message.payloadType.toLowerCase() !== SDP_TYPE)
      throw new DecodeError("SAP payload type", message.payloadType, SDP_TYPE);
    const id = `${message.source} ${message.hash}`;
    if (message.deletion && isOriginAlone(message.payload)) return this.#deleteById(from, id);
    const description = decodeSdp(message.payload);
    const key = keyOf(from, description);
    const before = this.#known.get(key);
    if (message.deletion) return before !== undefined && this.#delete(before);
    const name = cleanName(description.name, STREAM_NAME_LENGTH);
    const streams = streamsOf(description);
    if (UNNAMED.has(name.toLowerCase()) || streams.length === 0)
      return before !== undefined && this.#delete(before);
    if (before) this.#forget(before);
    else this.#makeRoom(from);
    this.#keep({ key, from, id, name, streams, ...times(before, now) });
    return before?.name !== name || !sameGroups(before.streams, streams);
  }

  #deleteById(from: Address, id: string): boolean {
    const meant = [...this.#known.values()].filter((one) => one.from === from && one.id === id);
    for (const one of meant) this.#delete(one);
    return meant.length > 0;
  }

  /** Only who announced it takes it back: the key has the sender in it. */
  #delete(one: Announcement): boolean {
    this.counters.deleted++;
    this.#forget(one);
    return true;
  }

  #keep(one: Announcement): void {
    this.#known.set(one.key, one);
    this.#fromOne.set(one.from, (this.#fromOne.get(one.from) ?? 0) + 1);
    for (const { group } of one.streams) {
      const senders = this.#byGroup.get(group) ?? new Map<Address, Set<Announcement>>();
      this.#byGroup.set(group, senders);
      senders.set(one.from, (senders.get(one.from) ?? new Set()).add(one));
    }
  }

  #forget(one: Announcement): void {
    this.#known.delete(one.key);
    for (const { group } of one.streams) {
      const senders = this.#byGroup.get(group);
      const own = senders?.get(one.from);
      own?.delete(one);
      if (own?.size === 0) senders?.delete(one.from);
      if (senders?.size === 0) this.#byGroup.delete(group);
    }
    const left = (this.#fromOne.get(one.from) ?? 1) - 1;
    if (left > 0) this.#fromOne.set(one.from, left);
    else this.#fromOne.delete(one.from);
  }

  /** Who has the most loses what it has not said for longest: a flood pushes itself out. */
  #makeRoom(from: Address): void {
    const own = this.#fromOne.get(from) ?? 0;
    if (own < MAX_FROM_ONE && this.#known.size < MAX_ANNOUNCEMENTS) return;
    this.counters.full++;
    let [loser, most] = [from, own];
    if (own < MAX_FROM_ONE)
      for (const [other, count] of this.#fromOne) if (count > most) [loser, most] = [other, count];
    let oldest: Announcement | undefined;
    for (const one of this.#known.values())
      if (one.from === loser && (!oldest || one.heardAt < oldest.heardAt)) oldest = one;
    if (oldest) this.#forget(oldest);
  }
}

function bestName(
  some: Iterable<Announcement>,
  group: Address,
  source: Address | undefined,
  port: number | undefined,
): string | undefined {
  let best: Announcement | undefined;
  let bestScore = -1;
  for (const one of some)
    for (const stream of one.streams) {
      const score = streamFits(stream, group, source, port);
      const earlier = best !== undefined && one.firstHeard < best.firstHeard;
      if (score > bestScore || (score === bestScore && score >= 0 && earlier))
        [best, bestScore] = [one, score];
    }
  return best?.name;
}

/** As many as are worth looking through for each stream that flows. */
function* others(senders: Iterable<Iterable<Announcement>>): Iterable<Announcement> {
  let n = 0;
  for (const some of senders)
    for (const one of some) {
      if (n++ === MAX_CONSULTED) return;
      yield one;
    }
}

/** Section 5: a deletion may hold the origin line alone. */
function isOriginAlone(payload: Uint8Array): boolean {
  return payload[0] === ORIGIN_LINE;
}

function sameGroups(a: readonly AnnouncedStream[], b: readonly AnnouncedStream[]): boolean {
  return (
    a.length === b.length && a.every(({ group, port }, i) => group === b[i]!.group && port === b[i]!.port)
  );
}

function times(
  before: Announcement | undefined,
  now: number,
): Pick<Announcement, "firstHeard" | "heardAt" | "expiresAt"> {
  const period = before ? now - before.heardAt : 0;
  const expiresAt = now + Math.min(LONGEST, Math.max(TIMEOUT, PERIODS * period));
  return { firstHeard: before?.firstHeard ?? now, heardAt: now, expiresAt };
}

/** Section 5.2 of RFC 8866: what stays the same while a session changes. Of another sender it is another session. */
function keyOf(from: Address, { origin }: SessionDescription): string {
  return `${from} ${origin.username} ${origin.sessionId} ${origin.address}`;
}

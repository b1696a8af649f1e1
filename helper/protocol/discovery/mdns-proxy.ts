import type { Address } from "#wire/address.ts";
import type { ServiceEntry, ServiceRecord } from "#wire/control-services.ts";
import { isLinkName } from "#wire/dns-name.ts";
import { LinkRecords } from "./link-records.ts";
import type { MdnsCommand } from "./mdns-command.ts";
import { MDNS_PORT, RELAYED_ID, type MdnsMessage, type MdnsQuestion, type MdnsSource } from "./mdns.ts";
import { MdnsQuestions, recentQuestions } from "./mdns-questions.ts";
import { HERE, MdnsViews, sideOf } from "./mdns-views.ts";
import type { ProxyLinkOptions, ProxyOptions, ProxyPeerOptions } from "./proxy-options.ts";
import type { RecentlyAsked } from "./recently-asked.ts";
import { UniqueNames } from "./unique-names.ts";

/**
 * What changed is worked into everything at once: after this time, and a millisecond more for so many records that
 * somebody has to see. A flood costs no more than that, however many peers there are.
 */
const SETTLE_MS = 100;
const SEEN_IN_A_MS = 20;
/** A peer that is gone may be back at once: its services stay for this long. */
const PEER_GRACE = 15_000;
const RENEWALS = 16;

interface Link {
  options: ProxyLinkOptions;
  readonly heard: LinkRecords;
  /** What is shown here and is not from here, by recordKey. */
  shown: Map<string, ServiceRecord>;
  readonly sentAt: Map<string, number>;
  readonly asked: RecentlyAsked;
}

interface Peer {
  options: ProxyPeerOptions;
  records: readonly ServiceEntry[];
  readonly asked: RecentlyAsked; // by us
  readonly asks: RecentlyAsked; // us
  readonly numbers: Map<string, string>; // keys of what it is told, by recordKey
  lostAt: number | undefined;
}

export interface MdnsCounters {
  recordsRefused: number; // no room to show or tell them
  relayed: number; // messages of other proxies, left alone
  questionsLimited: number;
}

/**
 * Carries DNS-SD between this computer's links and its peers. Each record stays where it came from: what a link said
 * is never said to it again, nor what a peer told to that peer; links are not joined with each other, nor networks.
 * Answers come from what is known; questions go on, so that those are asked who may know more.
 */
export class MdnsProxy {
  readonly #options: ProxyOptions;
  readonly #links = new Map<number, Link>();
  readonly #peers = new Map<number, Peer>();
  readonly #names = new UniqueNames();
  readonly #views: MdnsViews;
  readonly #questions: MdnsQuestions;
  readonly #commands: MdnsCommand[] = [];
  #settleAt: number | undefined;
  #settledAt = -Infinity;
  /** Records times those who see them, at the last settling. */
  #work = 0;
  #nextNumber = 1;
  #relayed = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
    this.#views = new MdnsViews(options, this.#names);
    this.#questions = new MdnsQuestions(this.#links, this.#peers, this.#names, (command) =>
      this.#commands.push(command),
    );
  }

  /** How much there is of what others can make grow. */
  get sizes(): { readonly heard: number; readonly shown: number; readonly told: number } {
    const links = [...this.#links.values()];
    return {
      heard: links.reduce((sum, { heard }) => sum + heard.size, 0),
      shown: links.reduce((sum, { shown }) => sum + shown.size, 0),
      told: [...this.#peers.values()].reduce((sum, { numbers }) => sum + numbers.size, 0),
    };
  }

  get counters(): Readonly<MdnsCounters> {
    return {
      relayed: this.#relayed,
      questionsLimited: this.#questions.limited,
      recordsRefused: this.#views.refused,
    };
  }

  /**
   * Names of hosts, without ".local", by their addresses. What this computer's own links said comes first, and of that
   * what a host said of itself.
   */
  hostNames(): Map<Address, string> {
    const names = new Map<Address, string>();
    for (const { records } of this.#peers.values()) for (const record of records) nameHost(names, record);
    for (const own of [false, true])
      for (const { heard } of this.#links.values())
        for (const { record, from } of heard.values())
          if (own === ("address" in record.data && record.data.address === from)) nameHost(names, record);
    return names;
  }

  nextCommand(): MdnsCommand | undefined {
    return this.#commands.shift();
  }

  setLink(id: number, options: ProxyLinkOptions, now: number): void {
    const link = this.#links.get(id);
    if (link && link.options.whole !== options.whole) this.removeLink(id, now); // what was heard was heard otherwise
    if (link && link.options.whole === options.whole) link.options = options;
    else
      this.#links.set(id, {
        options,
        heard: new LinkRecords(),
        shown: new Map(),
        sentAt: new Map(),
        asked: recentQuestions(),
      });
    this.#changed(now);
  }

  /** The link is gone, or not ours any more. What was shown there is taken back where that is still possible. */
  removeLink(id: number, now: number): void {
    const link = this.#links.get(id);
    if (!link) return;
    this.#say(id, [...link.shown.values()].map(goodbye));
    this.#links.delete(id);
    this.#changed(now);
  }

  setPeer(id: number, options: ProxyPeerOptions, now: number): void {
    const peer = this.#peers.get(id);
    if (peer) {
      peer.options = options;
      peer.lostAt = undefined;
    } else
      this.#peers.set(id, {
        options,
        records: [],
        asked: recentQuestions(),
        asks: recentQuestions(),
        numbers: new Map(),
        lostAt: undefined,
      });
    this.#changed(now);
  }

  /** `lost`: it may come back soon. Otherwise what it told goes at once. */
  removePeer(id: number, lost: boolean, now: number): void {
    const peer = this.#peers.get(id);
    if (!peer) return;
    if (lost) peer.lostAt ??= now;
    else {
      this.#peers.delete(id);
      this.#changed(now);
    }
  }

  /** All that a peer tells now. */
  setPeerRecords(id: number, entries: Iterable<ServiceEntry>, now: number): void {
    const peer = this.#peers.get(id);
    if (!peer || peer.lostAt !== undefined) return;
    peer.records = [...entries].filter(
      (entry) => entry.origin !== this.#options.origin && isLinkName(entry.name),
    );
    this.#changed(now);
  }

  handleMessage(linkId: number, message: MdnsMessage, source: MdnsSource, now: number): void {
    const link = this.#links.get(linkId);
    if (!link) return;
    if (message.id === RELAYED_ID) {
      this.#relayed++;
      return;
    }
    if (message.response) {
      if (source.port !== MDNS_PORT) return; // RFC 6762 section 11
      if (link.heard.hear(message, source, link.options.whole || source.own, now)) this.#changed(now);
      return;
    }
    // What strangers on a link ask that is not shared as a whole is none of our business.
    if (!link.options.whole && !source.own) return;
    this.#questions.handleLink(linkId, link, message, source, now);
  }

  /** A peer wants to know. */
  handleQuestions(peerId: number, questions: readonly MdnsQuestion[], now: number): void {
    const peer = this.#peers.get(peerId);
    if (peer) this.#questions.handlePeer(peerId, peer, questions, now);
  }

  pollTimeout(): number | undefined {
    let earliest = this.#settleAt ?? Infinity;
    for (const { heard } of this.#links.values())
      earliest = Math.min(earliest, heard.pollTimeout() ?? Infinity);
    for (const { lostAt } of this.#peers.values())
      if (lostAt !== undefined) earliest = Math.min(earliest, lostAt + PEER_GRACE);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const [id, peer] of this.#peers)
      if (peer.lostAt !== undefined && now - peer.lostAt >= PEER_GRACE) this.removePeer(id, false, now);
    for (const [id, link] of this.#links) {
      if (link.heard.expire(now)) this.#changed(now);
      const due = link.heard.toRenew(now, RENEWALS);
      if (due.length > 0 && this.#peers.size > 0) this.#questions.askLink(id, link, due, now);
    }
    if (this.#settleAt !== undefined && now >= this.#settleAt) this.#settle(now);
  }

  /** Takes back what is shown on every link, and says no more. */
  close(now: number): void {
    for (const id of [...this.#links.keys()]) this.removeLink(id, now);
    this.#peers.clear();
    this.#settleAt = undefined;
  }

  // ── who sees what ────────────────────────────────────────────────────────

  #changed(now: number): void {
    this.#settleAt ??= Math.max(now, this.#settledAt + SETTLE_MS + this.#work / SEEN_IN_A_MS);
  }

  /** Everything follows from what was heard and told: what each side should see is put together, and compared. */
  #settle(now: number): void {
    this.#settleAt = undefined;
    this.#settledAt = now;
    this.#names.update([
      { id: HERE, records: this.#heardHere() },
      ...[...this.#peers].map(([id, { records }]) => ({ id: sideOf(id), records })),
    ]);
    for (const [id, link] of this.#links) this.#showOn(id, link, now);
    for (const [id, peer] of this.#peers) this.#tell(id, peer);
    let records = 0;
    for (const { heard } of this.#links.values()) records += heard.size;
    for (const peer of this.#peers.values()) records += peer.records.length;
    this.#work = records * (this.#links.size + this.#peers.size);
  }

  *#heardHere(): Iterable<ServiceRecord> {
    for (const { heard } of this.#links.values()) for (const { record } of heard.values()) yield record;
  }

  #showOn(id: number, link: Link, now: number): void {
    const shown = this.#views.shownOn(link, this.#peers);
    const gone = [...link.shown].filter(([key]) => !shown.has(key) && !link.heard.has(key));
    const come = [...shown].filter(([key]) => !link.shown.has(key));
    for (const key of link.shown.keys()) if (!shown.has(key)) link.sentAt.delete(key);
    for (const [key] of come) link.sentAt.set(key, now);
    link.shown = shown;
    this.#say(id, [...gone.map(([, record]) => goodbye(record)), ...come.map(([, record]) => record)]);
  }

  /** A record that stays keeps its number: nothing is sent for it. */
  #tell(id: number, peer: Peer): void {
    const told = this.#views.toldTo(id, this.#peers, this.#links.values());
    const entries = new Map<string, ServiceEntry>();
    for (const key of peer.numbers.keys()) if (!told.has(key)) peer.numbers.delete(key);
    for (const [key, entry] of told) {
      const number = peer.numbers.get(key) ?? String(this.#nextNumber++ >>> 0);
      peer.numbers.set(key, number);
      entries.set(number, entry);
    }
    this.#commands.push({ type: "tell-peer", peer: id, entries });
  }

  #say(id: number, records: readonly ServiceRecord[]): void {
    if (records.length === 0) return;
    this.#commands.push({
      type: "send",
      link: id,
      message: { id: RELAYED_ID, response: true, questions: [], records },
    });
  }
}

function nameHost(names: Map<Address, string>, { name, data }: ServiceRecord): void {
  if ("address" in data) names.set(data.address, name.replace(/\.local\.?$/i, ""));
}

function goodbye(record: ServiceRecord): ServiceRecord {
  return { ...record, ttl: 0 };
}

import type { ServiceRecord } from "#wire/control-services.ts";
import { MAX_QUESTIONS } from "#wire/control-discovery.ts";
import { isLinkName } from "#wire/dns-name.ts";
import { answersTo } from "./mdns-answers.ts";
import type { MdnsCommand } from "./mdns-command.ts";
import {
  MDNS_PORT,
  RELAYED_ID,
  type MdnsMessage,
  type MdnsQuestion,
  type MdnsSource,
  type OutgoingMdns,
} from "./mdns.ts";
import { HERE, sideOf } from "./mdns-views.ts";
import type { ProxyLinkOptions, ProxyPeerOptions } from "./proxy-options.ts";
import { RecentlyAsked } from "./recently-asked.ts";
import type { UniqueNames } from "./unique-names.ts";

/** RFC 6762 section 6.7: what somebody is told who asked from another port. */
const LEGACY_TTL = 10;
/** RFC 6762 section 6: no record is multicast twice within a second. */
const REPEAT_MS = 1_000;
/** The same question passes once in this time, and so many a second in all. */
const QUESTION_MS = 900;

export interface QuestionedLink {
  readonly options: ProxyLinkOptions;
  /** What is shown here and is not from here, by recordKey. */
  readonly shown: ReadonlyMap<string, ServiceRecord>;
  /** When each of them was multicast last. */
  readonly sentAt: Map<string, number>;
  readonly asked: RecentlyAsked;
}

export interface QuestionedPeer {
  readonly options: ProxyPeerOptions;
  readonly asked: RecentlyAsked; // by us
  readonly asks: RecentlyAsked; // us
}

export function recentQuestions(): RecentlyAsked {
  return new RecentlyAsked(QUESTION_MS);
}

/** Questions: each is answered from what is known, and goes on to those who may know more. */
export class MdnsQuestions {
  readonly #links: ReadonlyMap<number, QuestionedLink>;
  readonly #peers: ReadonlyMap<number, QuestionedPeer>;
  readonly #names: UniqueNames;
  readonly #command: (command: MdnsCommand) => void;
  /** Questions that did not pass, because there were too many. */
  limited = 0;

  constructor(
    links: ReadonlyMap<number, QuestionedLink>,
    peers: ReadonlyMap<number, QuestionedPeer>,
    names: UniqueNames,
    command: (command: MdnsCommand) => void,
  ) {
    this.#links = links;
    this.#peers = peers;
    this.#names = names;
    this.#command = command;
  }

  /** Somebody on a link wants to know. */
  handleLink(id: number, link: QuestionedLink, message: MdnsMessage, source: MdnsSource, now: number): void {
    this.#answer(id, link, message, source, now);
    this.#askPeers(link, message.questions, undefined, now);
  }

  /** A peer wants to know: asked on the links, and of the other peers of its network. */
  handlePeer(peerId: number, peer: QuestionedPeer, questions: readonly MdnsQuestion[], now: number): void {
    const fresh = questions
      .filter(({ name }) => isLinkName(name))
      .filter((question) => this.#mayAsk(peer.asks, question, now));
    if (fresh.length === 0) return;
    if (peer.options.tells)
      for (const [id, link] of this.#links) {
        if (link.options.passiveFor.has(peer.options.network)) continue;
        const local = fresh.map(({ type, name }) => ({ type, name: this.#names.originalName(HERE, name) }));
        this.askLink(id, link, local, now);
      }
    this.#askPeers(undefined, fresh, { id: peerId, network: peer.options.network }, now);
  }

  /** What was asked there lately is not asked again. */
  askLink(id: number, link: QuestionedLink, questions: readonly MdnsQuestion[], now: number): void {
    const fresh = questions.filter((question) => this.#mayAsk(link.asked, question, now));
    if (fresh.length > 0)
      this.#command({
        type: "send",
        link: id,
        message: { id: RELAYED_ID, response: false, questions: fresh, records: [] },
      });
  }

  #answer(id: number, link: QuestionedLink, message: MdnsMessage, source: MdnsSource, now: number): void {
    const legacy = source.port !== MDNS_PORT;
    const saidLately = (key: string): boolean =>
      !legacy && now - (link.sentAt.get(key) ?? -Infinity) < REPEAT_MS;
    const found = answersTo(message, link.shown, saidLately);
    if (found.size === 0) return;
    if (!legacy) {
      for (const key of found.keys()) link.sentAt.set(key, now);
      const said = { id: RELAYED_ID, response: true, questions: [], records: [...found.values()] };
      this.#command({ type: "send", link: id, message: said });
      return;
    }
    const records = [...found.values()].map((record) => ({
      ...record,
      ttl: Math.min(record.ttl, LEGACY_TTL),
    }));
    const answer: OutgoingMdns = { id: message.id, response: true, questions: message.questions, records };
    this.#command({ type: "send", link: id, message: answer, to: source });
  }

  #askPeers(
    link: QuestionedLink | undefined,
    questions: readonly MdnsQuestion[],
    from: { readonly id: number; readonly network: string } | undefined,
    now: number,
  ): void {
    for (const [id, peer] of this.#peers) {
      const { network } = peer.options;
      if (id === from?.id || (from && network !== from.network) || link?.options.passiveFor.has(network))
        continue;
      const asked = questions
        .slice(0, MAX_QUESTIONS)
        .filter(({ name }) => isLinkName(name))
        .map(({ type, name }) => ({ type, name: this.#names.originalName(sideOf(id), name) }))
        .filter((question) => from !== undefined || this.#mayAsk(peer.asked, question, now));
      if (asked.length > 0) this.#command({ type: "ask-peer", peer: id, questions: asked });
    }
  }

  #mayAsk(asked: RecentlyAsked, { type, name }: MdnsQuestion, now: number): boolean {
    const may = asked.ask(`${type} ${name.toLowerCase()}`, now);
    if (may === "limited") this.limited++;
    return may === "yes";
  }
}

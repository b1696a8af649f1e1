import type { LinkSocket, LinkSocketOptions } from "#ports/link-socket.ts";
import { family, parsePrefix, prefixContains, type Address, type Prefix } from "#wire/address.ts";
import type { Core } from "../core.ts";

/** Bytes a second that are looked at on one link, and at once; one datagram counts as 200 at least. */
const RATE = 100_000;
const BURST = 400_000;
const LEAST = 200;

export interface DiscoveryLink {
  readonly id: number;
  readonly name: string;
  readonly index: number;
  /** The whole link, or this computer's programs alone: then nothing is sent that leaves it. */
  readonly whole: boolean;
  readonly passiveFor: ReadonlySet<string>;
  readonly families: ReadonlySet<4 | 6>;
  /** What is on the link. */
  readonly prefixes: readonly Prefix[];
}

export interface LinkSocketsOptions {
  readonly core: Core;
  readonly open: (options: LinkSocketOptions) => LinkSocket;
  readonly groups: readonly Address[];
  readonly port: number;
  /** Towards a whole link. */
  readonly ttl: number;
  readonly hearsGroup: boolean;
  readonly received: (
    link: number,
    group: Address,
    payload: Uint8Array,
    from: { readonly address: Address; readonly port: number },
  ) => void;
}

interface Opened {
  link: DiscoveryLink;
  readonly sockets: Map<4 | 6, LinkSocket>;
  tokens: number;
  filledAt: number;
}

/** Sockets of one protocol on all links that take part. */
export class LinkSockets {
  limited = 0;
  readonly #options: LinkSocketsOptions;
  readonly #links = new Map<number, Opened>();
  readonly #complained = new Set<string>();

  constructor(options: LinkSocketsOptions) {
    this.#options = options;
  }

  /** Opens and closes what has changed. Returns the links that are gone. */
  set(links: readonly DiscoveryLink[]): number[] {
    const wanted = new Map(links.map((link) => [link.id, link]));
    const gone: number[] = [];
    for (const [id, { link }] of this.#links) {
      const now = wanted.get(id);
      if (now && same(now, link)) {
        this.#links.get(id)!.link = now;
        continue;
      }
      this.#close(id);
      if (!now) gone.push(id);
    }
    for (const [id, link] of wanted) if (!this.#links.has(id)) this.#open(link);
    return gone;
  }

  get(id: number): DiscoveryLink | undefined {
    return this.#links.get(id)?.link;
  }

  ids(): Iterable<number> {
    return this.#links.keys();
  }

  /** To the groups of all families, or to one address. */
  send(link: number, payload: Uint8Array, to?: { readonly address: Address; readonly port: number }): void {
    const sockets = this.#links.get(link)?.sockets;
    if (to) sockets?.get(family(to.address))?.send(payload, to);
    else for (const socket of sockets?.values() ?? []) socket.send(payload);
  }

  close(): void {
    for (const id of [...this.#links.keys()]) this.#close(id);
  }

  #open(link: DiscoveryLink): void {
    const { core, open, groups, port, ttl, hearsGroup, received } = this.#options;
    const opened: Opened = { link, sockets: new Map(), tokens: BURST, filledAt: core.clock.now() };
    for (const group of groups) {
      const of = family(group);
      if (!link.families.has(of)) continue;
      try {
        const socket = open({
          interfaceIndex: link.index,
          interfaceName: link.name,
          group,
          port,
          ttl: link.whole ? ttl : 0,
          hearsGroup,
          received: (payload, from) => {
            if (!this.#take(opened, payload.length)) return;
            received(link.id, group, payload, from);
            core.turn();
          },
        });
        opened.sockets.set(of, socket);
      } catch (error) {
        this.#complain(link, group, error);
      }
    }
    this.#links.set(link.id, opened);
  }

  #take(opened: Opened, bytes: number): boolean {
    const now = this.#options.core.clock.now();
    opened.tokens = Math.min(BURST, opened.tokens + ((now - opened.filledAt) / 1000) * RATE);
    opened.filledAt = now;
    const cost = Math.max(LEAST, bytes);
    if (opened.tokens < cost) {
      this.limited++;
      return false;
    }
    opened.tokens -= cost;
    return true;
  }

  #complain(link: DiscoveryLink, group: Address, error: unknown): void {
    const key = `${link.name} ${group}`;
    if (this.#complained.has(key)) return;
    this.#complained.add(key);
    this.#options.core.log.write("warn", "a discovery proxy cannot use an interface", {
      interface: link.name,
      group,
      error: error instanceof Error ? error.message : String(error),
    });
  }

  #close(id: number): void {
    for (const socket of this.#links.get(id)?.sockets.values() ?? []) socket.close();
    this.#links.delete(id);
  }
}

function same(a: DiscoveryLink, b: DiscoveryLink): boolean {
  const families = [...a.families].join() === [...b.families].join();
  return families && a.name === b.name && a.index === b.index && a.whole === b.whole;
}

/** Addresses that every link has beside its own. */
const ON_EVERY_LINK = ["169.254.0.0/16", "fe80::/10"].map(parsePrefix);

/** Whoever is answered has to be here: an address that somebody forged may be anywhere. */
export function isOnLink(link: DiscoveryLink, address: Address): boolean {
  return [...link.prefixes, ...ON_EVERY_LINK].some((prefix) => prefixContains(prefix, address));
}

// The router side of RFC 4861 section 6.2, for one link.
import type { Entropy } from "#ports/entropy.ts";
import { DecodeError } from "#wire/cursor.ts";
import type { Address, Prefix } from "#wire/address.ts";
import type { Icmpv6Message } from "#wire/icmpv6.ts";
import {
  decodeRouterSolicitation,
  encodeRouterAdvertisement,
  type RouterAdvertisement,
} from "#wire/router-discovery.ts";

// RFC 4861 section 10, in ms.
const MAX_INITIAL_RTR_ADVERT_INTERVAL = 16_000;
const MAX_INITIAL_RTR_ADVERTISEMENTS = 3;
const MIN_DELAY_BETWEEN_RAS = 3_000;
const MAX_RA_DELAY_TIME = 500;

/**
 * Section 6.2.1's variables where they are not its defaults: often, and for a short time, since a laptop that routes
 * for others may be carried away without a word. Seconds.
 */
const MAX_RTR_ADV_INTERVAL = 200;
const MIN_RTR_ADV_INTERVAL = 66;
const ADV_DEFAULT_LIFETIME = 3 * MAX_RTR_ADV_INTERVAL;
const ADV_PREFERRED_LIFETIME = 1_800;
/** Less is not believed by hosts that know the prefix (RFC 4862 section 5.5.3 e). */
const ADV_VALID_LIFETIME = 7_200;

export interface AdvertiserConfig {
  /** Hosts make themselves addresses of these, and find each other on the link. */
  readonly prefixes: readonly Prefix[];
  /** What is reached through us, for hosts that take routes (RFC 4191). */
  readonly routes: readonly Prefix[];
  readonly mac: Uint8Array;
}

/**
 * Tells the hosts of a link the prefixes that they may have addresses of. As a default router it is of low preference:
 * whoever has another way to the internet keeps it.
 */
export class RouterAdvertiser {
  readonly #entropy: Entropy;
  #config: AdvertiserConfig;
  /** Of prefixes that went: hosts stop to use their addresses (section 6.2.5, RFC 4862 section 5.5.4). */
  #deprecated: readonly Prefix[] = [];
  #nextAt: number;
  #lastAt = -Infinity;
  #initialLeft = MAX_INITIAL_RTR_ADVERTISEMENTS;
  #due: Icmpv6Message[] = [];
  #stopped = false;
  /** Messages that were no router solicitations as they should be. */
  invalid = 0;

  constructor(config: AdvertiserConfig, entropy: Entropy, now: number) {
    this.#config = config;
    this.#entropy = entropy;
    this.#nextAt = now;
  }

  /** The prefixes or routes are other ones now. */
  configure(config: AdvertiserConfig, now: number): void {
    const kept = new Set(config.prefixes.map(textOf));
    const gone = this.#config.prefixes.filter((prefix) => !kept.has(textOf(prefix)));
    this.#deprecated = [...this.#deprecated, ...gone].filter((prefix) => !kept.has(textOf(prefix))).slice(-8);
    this.#config = config;
    this.#initialLeft = MAX_INITIAL_RTR_ADVERTISEMENTS;
    this.#nextAt = Math.max(now, this.#lastAt + MIN_DELAY_BETWEEN_RAS);
  }

  /** An ICMPv6 message with hop limit 255. Section 6.2.6: answered to all, a little later, and not too often. */
  handleMessage(message: Icmpv6Message, source: Address, now: number): void {
    if (this.#stopped) return;
    try {
      if (!decodeRouterSolicitation(message, source)) return;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.invalid++;
      return;
    }
    const soon = now + this.#random(MAX_RA_DELAY_TIME);
    this.#nextAt = Math.min(this.#nextAt, Math.max(soon, this.#lastAt + MIN_DELAY_BETWEEN_RAS));
  }

  /** Section 6.2.5: hosts hear that this router is none any more. */
  stop(): void {
    if (this.#stopped) return;
    this.#stopped = true;
    this.#due.push(encodeRouterAdvertisement(this.#advertisement(true)));
  }

  /** The next message to all nodes of the link, from its link-local address, with hop limit 255. */
  nextMessage(): Icmpv6Message | undefined {
    return this.#due.shift();
  }

  pollTimeout(): number | undefined {
    return this.#stopped ? undefined : this.#nextAt;
  }

  handleTimeout(now: number): void {
    if (this.#stopped || now < this.#nextAt) return;
    this.#due = [encodeRouterAdvertisement(this.#advertisement(false))];
    this.#lastAt = now;
    const [least, most] = [MIN_RTR_ADV_INTERVAL * 1_000, MAX_RTR_ADV_INTERVAL * 1_000];
    let interval = least + this.#random(most - least);
    if (this.#initialLeft > 0) {
      this.#initialLeft--;
      interval = Math.min(interval, MAX_INITIAL_RTR_ADVERT_INTERVAL);
    } else this.#deprecated = [];
    this.#nextAt = now + interval;
  }

  #advertisement(final: boolean): RouterAdvertisement {
    const { prefixes, routes, mac } = this.#config;
    const gone = final ? [...prefixes, ...this.#deprecated] : this.#deprecated;
    const common = { onLink: true, autonomous: true };
    return {
      currentHopLimit: 64,
      managed: false,
      otherConfiguration: false,
      preference: "low",
      routerLifetime: final ? 0 : ADV_DEFAULT_LIFETIME,
      reachableTime: 0,
      retransTimer: 0,
      sourceLinkLayer: mac,
      mtu: undefined, // it would be that of the whole link; the kernel tells who sends too much through us
      prefixes: [
        ...(final ? [] : prefixes).map((prefix) => ({
          ...common,
          prefix,
          validLifetime: ADV_VALID_LIFETIME,
          preferredLifetime: ADV_PREFERRED_LIFETIME,
        })),
        ...gone.map((prefix) => ({ ...common, prefix, validLifetime: 0, preferredLifetime: 0 })),
      ],
      routes: routes.map((prefix) => ({
        prefix,
        preference: "medium",
        lifetime: final ? 0 : ADV_DEFAULT_LIFETIME,
      })),
    };
  }

  /** 0 to below `range`. */
  #random(range: number): number {
    const { buffer, byteOffset } = this.#entropy.bytes(4);
    return (new DataView(buffer, byteOffset).getUint32(0) / 2 ** 32) * range;
  }
}

function textOf({ address, length }: Prefix): string {
  return `${address}/${length}`;
}

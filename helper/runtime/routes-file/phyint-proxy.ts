// What a phyint line says of a multicast proxy, in igmpproxy's words.
import { parseBitRate } from "#contract/bit-rate.ts";
import type { LanRole } from "#protocol/forwarding/vifs.ts";
import { isMulticast, parsePrefix, prefixText, type Prefix } from "#wire/address.ts";
import type { InterfaceRules } from "../proxy/plan.ts";
import { Mistake, quoted } from "./mistake.ts";

export interface PhyintProxy extends InterfaceRules {
  readonly role: LanRole;
}

const MAX_PREFIXES = 256; // of one interface

/** The words of one line, as they come. */
export class PhyintProxyWords {
  readonly #sources: Prefix[] = [];
  readonly #allowed: Prefix[] = [];
  readonly #denied: Prefix[] = [];
  #role: LanRole | undefined;
  #bitsPerSecond: number | null | undefined;
  #first: string | undefined;

  /** Takes a word and, by `next`, what belongs to it. False: it is none of a proxy's. */
  take(word: string, next: () => string | undefined): boolean {
    switch (word) {
      case "upstream":
      case "downstream":
        if (this.#role !== undefined) throw new Mistake("an interface is upstream or downstream, and once");
        this.#role = word;
        return true;
      case "altnet":
        add(this.#sources, sourceRange(valueOf(word, next)));
        break;
      case "whitelist":
        add(this.#allowed, groupRange(valueOf(word, next)));
        break;
      case "blacklist":
        add(this.#denied, groupRange(valueOf(word, next)));
        break;
      case "ratelimit":
        if (this.#bitsPerSecond !== undefined) throw new Mistake("ratelimit is there twice");
        this.#bitsPerSecond = rate(valueOf(word, next));
        break;
      default:
        return false;
    }
    this.#first ??= word;
    return true;
  }

  /** undefined: the line has nothing to do with a proxy. */
  result(enabled: boolean): PhyintProxy | undefined {
    if (this.#role === undefined) {
      if (this.#first === undefined) return undefined;
      throw new Mistake(`${this.#first} belongs to an interface that is upstream or downstream: say which`);
    }
    if (!enabled) throw new Mistake(`an interface that is disabled cannot be ${this.#role}`);
    return {
      role: this.#role,
      sources: this.#sources,
      allowed: this.#allowed,
      denied: this.#denied,
      bitsPerSecond: this.#bitsPerSecond ?? null,
    };
  }
}

function add(to: Prefix[], prefix: Prefix): void {
  if (to.length >= MAX_PREFIXES) throw new Mistake(`these are more than ${MAX_PREFIXES} ranges of one kind`);
  to.push(prefix);
}

function valueOf(word: string, next: () => string | undefined): string {
  const value = next();
  if (value === undefined) throw new Mistake(`nothing follows ${word}`);
  return value;
}

function sourceRange(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (isMulticast(prefix.address)) throw new Mistake(`altnet takes a range of sources: ${text} are groups`);
  return prefix;
}

function groupRange(text: string): Prefix {
  const prefix = parsePrefix(text);
  if (!isMulticast(prefix.address) || prefix.length < (prefix.address.includes(":") ? 8 : 4))
    throw new Mistake(`${prefixText(prefix)} is no range of groups`);
  return prefix;
}

/** Bits a second; null: no limit. */
function rate(text: string): number | null {
  if (text === "0") return null;
  const bits = parseBitRate(text);
  if (bits !== undefined) return bits;
  throw new Mistake(
    `ratelimit takes bits a second from 64k to 100G with their unit, such as 20M, or 0 for none: ${quoted(text)} is neither`,
  );
}

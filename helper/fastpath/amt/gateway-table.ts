// A relay's gateways: where each is, as the kernel wants to have it, and which number an address and port have.
import { AF_INET, AF_INET6 } from "#edge/linux/constants.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { MAX_RELAY_GATEWAYS } from "#protocol/amt/fan-out-changes.ts";
import { IPV4_MAPPED } from "#protocol/forwarding/address-words.ts";
import { addressBytes, addressText } from "#wire/address.ts";
import type { Arena } from "../arena.ts";
import { GatewayBuckets } from "./gateway-buckets.ts";
import { WordIndex } from "./word-index.ts";

const NAME = 32; // room for a sockaddr_in6
const SOCKADDR_IN = 16;
const SOCKADDR_IN6 = 28;
const KEY_WORDS = 5; // address, port
/** Messages of one gateway that the slow path is asked to look at: a second, and at once. */
const RATE = 20;
const BURST = 100;

/** What the table needs of the arena. */
export const GATEWAY_NAMES_BYTES = (MAX_RELAY_GATEWAYS + 1) * NAME;

export class GatewayTable {
  readonly socket = new Uint8Array(MAX_RELAY_GATEWAYS + 1);
  readonly ecn = new Uint8Array(MAX_RELAY_GATEWAYS + 1);
  readonly nameLength = new Uint8Array(MAX_RELAY_GATEWAYS + 1);
  readonly #arena: Arena;
  readonly #names: number;
  readonly #keys = new Uint32Array((MAX_RELAY_GATEWAYS + 1) * KEY_WORDS);
  readonly #index: WordIndex;
  readonly #key = new Uint32Array(KEY_WORDS);
  readonly #asks = new GatewayBuckets(RATE / 1000, BURST);

  /** `names`: GATEWAY_NAMES_BYTES of the arena. */
  constructor(arena: Arena, names: number, seed: number) {
    this.#arena = arena;
    this.#names = names;
    this.#index = new WordIndex(this.#keys, KEY_WORDS, MAX_RELAY_GATEWAYS, seed);
  }

  /** Offset of its socket address. */
  nameAt(gateway: number): number {
    return this.#names + gateway * NAME;
  }

  has(gateway: number): boolean {
    return this.nameLength[gateway]! > 0;
  }

  isIpv6(gateway: number): boolean {
    return this.nameLength[gateway] === SOCKADDR_IN6;
  }

  set(gateway: number, endpoint: Endpoint, socket: number, ecn: boolean): void {
    if (gateway < 1 || gateway > MAX_RELAY_GATEWAYS) throw new RangeError(`no gateway's number: ${gateway}`);
    this.remove(gateway);
    const bytes = addressBytes(endpoint.address);
    const { u8, dv } = this.#arena;
    const at = this.nameAt(gateway);
    u8.fill(0, at, at + NAME);
    dv.setUint16(at, bytes.length === 4 ? AF_INET : AF_INET6, true);
    dv.setUint16(at + 2, endpoint.port);
    u8.set(bytes, at + (bytes.length === 4 ? 4 : 8));
    this.nameLength[gateway] = bytes.length === 4 ? SOCKADDR_IN : SOCKADDR_IN6;
    this.socket[gateway] = socket;
    this.ecn[gateway] = ecn ? 1 : 0;
    this.#asks.clear(gateway);
    this.#readKey(at);
    this.#keys.set(this.#key, gateway * KEY_WORDS);
    this.#index.add(gateway);
  }

  remove(gateway: number): void {
    if (this.nameLength[gateway] === 0) return;
    this.#index.remove(gateway);
    this.nameLength[gateway] = 0;
  }

  /** The gateway at the socket address at `name`; -1: a stranger. */
  find(name: number): number {
    this.#readKey(name);
    return this.#index.find(this.#key);
  }

  /** May one more message of the gateway be handed up? */
  mayAsk(gateway: number, now: number): boolean {
    return this.#asks.take(gateway, 1, now);
  }

  endpoint(name: number): Endpoint {
    const { u8, dv } = this.#arena;
    const isIpv4 = dv.getUint16(name, true) === AF_INET;
    const address = isIpv4 ? u8.subarray(name + 4, name + 8) : u8.subarray(name + 8, name + 24);
    return { address: addressText(address), port: dv.getUint16(name + 2) };
  }

  #readKey(name: number): void {
    const { dv } = this.#arena;
    const key = this.#key;
    if (dv.getUint16(name, true) === AF_INET) {
      key[0] = 0;
      key[1] = 0;
      key[2] = IPV4_MAPPED;
      key[3] = dv.getUint32(name + 4);
    } else for (let i = 0; i < 4; i++) key[i] = dv.getUint32(name + 8 + 4 * i);
    key[4] = dv.getUint16(name + 2);
  }
}

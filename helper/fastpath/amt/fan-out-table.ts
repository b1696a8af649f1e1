// Who gets a stream, of a relay's gateways. One list an entry; a packet's recipients are those of (*,G) but for the ones
// that do not want its source, and those of (S,G).
import {
  CHANGE_ADD,
  CHANGE_ENTRY,
  CHANGE_ENTRY_GONE,
  CHANGE_EXCEPT,
  CHANGE_EXCEPT_REMOVE,
  CHANGE_REMOVE,
  CHANGE_WORDS,
  MAX_FAN_OUT_ENTRIES,
  MAX_RELAY_GATEWAYS,
} from "#protocol/amt/fan-out-changes.ts";
import { GatewayList } from "./gateway-list.ts";
import { WordIndex } from "./word-index.ts";

const KEY_WORDS = 8; // group, source
const NONE = -1;

export class FanOutTable {
  /** Of the last find(): the entries that matched, -1 where there is none. */
  any = NONE;
  named = NONE;
  readonly #keys = new Uint32Array(MAX_FAN_OUT_ENTRIES * KEY_WORDS);
  readonly #index: WordIndex;
  readonly #lists: (GatewayList | undefined)[] = [];
  readonly #excepted: (GatewayList | undefined)[] = [];
  readonly #anySource = new Uint32Array(KEY_WORDS);
  readonly #marks = new Uint32Array(MAX_RELAY_GATEWAYS + 1);
  #mark = 0;

  readonly #made: (entry: number) => void;

  /** `made`: an entry is new. */
  constructor(seed: number, made: (entry: number) => void = () => {}) {
    this.#made = made;
    this.#index = new WordIndex(this.#keys, KEY_WORDS, MAX_FAN_OUT_ENTRIES, seed);
  }

  /** As protocol/amt/fan-out-changes.ts has them. Throws RangeError where they are none. */
  apply(changes: Uint32Array): void {
    for (let at = 0; at < changes.length;) {
      const words = CHANGE_WORDS[changes[at]!];
      const entry = changes[at + 1]!;
      if (words === undefined || words === 0 || entry >= MAX_FAN_OUT_ENTRIES)
        throw new RangeError(`no change of a fan-out: ${changes[at]} ${entry}`);
      this.#change(changes, at, changes[at]!, entry, changes[at + 2]!);
      at += words;
    }
  }

  /** Looks the entries up for a packet whose group and source are `key`. True where somebody may want it. */
  find(key: Uint32Array): boolean {
    for (let i = 0; i < 4; i++) this.#anySource[i] = key[i]!;
    this.any = this.#index.find(this.#anySource);
    this.named = this.#index.find(key);
    this.#mark = (this.#mark + 1) >>> 0;
    const excepted = this.named < 0 ? undefined : this.#excepted[this.named];
    if (excepted) for (let i = 0; i < excepted.count; i++) this.#marks[excepted.ids[i]!] = this.#mark;
    return this.any >= 0 || this.named >= 0;
  }

  /** Of an entry; undefined: nobody. */
  list(entry: number): GatewayList | undefined {
    return entry < 0 ? undefined : this.#lists[entry];
  }

  /** Does a gateway of (*,G) not want the source of the last find()? */
  isExcepted(gateway: number): boolean {
    return this.#marks[gateway] === this.#mark;
  }

  #change(changes: Uint32Array, at: number, type: number, entry: number, gateway: number): void {
    switch (type) {
      case CHANGE_ENTRY:
        this.#keys.set(changes.subarray(at + 2, at + 2 + KEY_WORDS), entry * KEY_WORDS);
        this.#index.add(entry);
        this.#made(entry);
        return;
      case CHANGE_ENTRY_GONE:
        this.#index.remove(entry);
        this.#lists[entry] = undefined;
        this.#excepted[entry] = undefined;
        return;
      case CHANGE_ADD:
        (this.#lists[entry] ??= new GatewayList()).add(gateway);
        return;
      case CHANGE_REMOVE:
        this.#lists[entry]?.remove(gateway);
        return;
      case CHANGE_EXCEPT:
        (this.#excepted[entry] ??= new GatewayList()).add(gateway);
        return;
      case CHANGE_EXCEPT_REMOVE:
        this.#excepted[entry]?.remove(gateway);
    }
  }
}

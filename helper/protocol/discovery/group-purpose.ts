import { parsePrefix, prefixContains, type Address, type Prefix } from "#wire/address.ts";
import { preset, type PresetName } from "./presets.ts";
import { WELL_KNOWN_GROUPS } from "./well-known-groups.ts";

export interface GroupPurpose {
  readonly name: string;
  readonly from: "well-known" | "preset";
}

interface Named extends GroupPurpose {
  readonly prefix: Prefix;
}

const MAX_REMEMBERED = 4_096;
const HEX = "0123456789abcdef";
/** Well-known groups by address; and the few that are prefixes. */
const SINGLE = new Map<Address, GroupPurpose>();
const RANGES: Named[] = [];
for (const [group, name] of WELL_KNOWN_GROUPS)
  for (const text of group.startsWith("ff0x") ? Array.from(HEX, (x) => group.replace("x", x)) : [group]) {
    const prefix = parsePrefix(text);
    const purpose = { name, from: "well-known" } as const;
    if (text.includes("/")) RANGES.push({ prefix, ...purpose });
    else SINGLE.set(prefix.address, purpose);
  }

/** What groups are for, with these presets on: the narrowest that says something about a group. */
export class GroupPurposes {
  readonly #presets: readonly Named[];
  readonly #ranges: readonly Named[];
  /** Clients are shown the same groups again and again. */
  readonly #found = new Map<Address, GroupPurpose | undefined>();

  constructor(on: readonly PresetName[]) {
    this.#presets = on.flatMap((name): Named[] => {
      const { carries, ranges } = preset(name);
      return carries === undefined
        ? []
        : ranges.map((range) => ({ prefix: parsePrefix(range), name: carries, from: "preset" }));
    });
    this.#ranges = [...this.#presets, ...RANGES].sort((a, b) => b.prefix.length - a.prefix.length);
  }

  of(group: Address): GroupPurpose | undefined {
    if (this.#found.has(group)) return this.#found.get(group);
    if (this.#found.size >= MAX_REMEMBERED) this.#found.clear();
    const found = this.#find(group);
    this.#found.set(group, found);
    return found;
  }

  #find(group: Address): GroupPurpose | undefined {
    const single = SINGLE.get(group);
    // What somebody switched on for one group says more than a registry.
    if (single)
      return this.#presets.find(({ prefix }) => isSingle(prefix) && prefix.address === group) ?? single;
    return this.#ranges.find(({ prefix }) => prefixContains(prefix, group));
  }
}

function isSingle({ address, length }: Prefix): boolean {
  return length === (address.includes(":") ? 128 : 32);
}

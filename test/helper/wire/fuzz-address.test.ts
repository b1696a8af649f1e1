import {
  AddressError,
  addressBytes,
  addressText,
  canonicalAddress,
  parsePrefix,
  prefixText,
} from "#wire/address.ts";
import { mutateText } from "#test/support/fuzz/json.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const ADDRESSES = [
  "192.0.2.1",
  "0.0.0.0",
  "::",
  "::1",
  "2001:db8::1:0:0:1",
  "::ffff:192.0.2.1",
  "FF1E:0:0:0:0:0:0:1",
];
const PREFIXES = ["239.0.0.0/8", "192.0.2.1", "ff1e::/16", "::/0", "2001:db8::1/128", "0.0.0.0/0"];

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (input: Uint8Array): string => new TextDecoder().decode(input);

function texts(values: readonly string[]) {
  const corpus = values.map(bytes);
  const input = (random: SeededRandom): Uint8Array => {
    if (random.oneIn(4)) return mutate(random, corpus);
    let changed = random.pick(values);
    for (let changes = random.below(3); changes > 0; changes--) changed = mutateText(random, changed);
    return bytes(changed);
  };
  return { corpus, input };
}

// What people type in routes, on command lines and into files.
fuzzParsers([
  parser({
    name: "an address as text",
    refuses: AddressError,
    ...texts(ADDRESSES),
    decode: (input) => {
      const read = addressText(addressBytes(text(input)));
      if (canonicalAddress(text(input)) !== read) throw new Error("read in two ways");
      return read;
    },
    again: (address) => addressText(addressBytes(address)),
  }),
  parser({
    name: "a prefix as text",
    refuses: AddressError,
    ...texts(PREFIXES),
    decode: (input) => parsePrefix(text(input)),
    again: (prefix) => parsePrefix(prefixText(prefix)),
  }),
]);

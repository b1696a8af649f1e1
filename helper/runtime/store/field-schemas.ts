// The fields that several parts of the state share. Times are wall milliseconds.
import * as v from "valibot";
import { NAME_LENGTH, cleanName } from "#protocol/addressing/names.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { canonicalAddress, parsePrefix, prefixText } from "#wire/address.ts";
import { bytesSchema } from "./document.ts";

export const key = bytesSchema(32);
export const inviteId = bytesSchema(8);

export function integer(least: number, most: number) {
  return v.pipe(v.number(), v.integer(), v.minValue(least), v.maxValue(most));
}
export const time = integer(0, 8.64e15);
export const port = integer(1, 65_535);

export const name = v.pipe(
  v.string(),
  v.maxLength(4 * NAME_LENGTH),
  v.check((text) => text !== "" && cleanName(text) === text, "is not a clean name of 1 to 40 characters"),
);

export const address = v.pipe(
  v.string(),
  v.maxLength(45),
  v.check((text) => canonicalAddress(text) === text, "is not an address in its canonical form"),
);

export const prefix = v.pipe(
  v.strictObject({ address, length: integer(0, 128) }),
  v.check((value) => {
    try {
      return prefixText(parsePrefix(prefixText(value))) === prefixText(value);
    } catch {
      return false;
    }
  }, "is not a prefix"),
);
export const prefixes = v.pipe(v.array(prefix), v.maxLength(256));

export const candidate = v.strictObject({
  host: v.pipe(v.string(), v.maxLength(253), v.check(isCandidateHost, "is no address or host name")),
  port,
});
export const candidates = v.pipe(v.array(candidate), v.maxLength(64));

/** Of an interface or a vif; a "+" at the end stands for any ending. */
export const vifName = v.pipe(
  v.string(),
  v.maxLength(64),
  v.check((text) => /^[^\s/\p{C}]{1,64}$/u.test(text), "is not the name of an interface"),
);

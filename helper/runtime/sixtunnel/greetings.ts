// What the two ends of the IPv6 tunnel say first, as strangers may write it.
import * as v from "valibot";
import { parsePrefix, prefixContains, prefixText, type Prefix } from "#wire/address.ts";

const ID = /^[\da-f]{2}(:[\da-f]{2}){5}$/;

/** Six bytes as a MAC address is written. */
export const clientIdSchema = v.pipe(
  v.string(),
  v.toLowerCase(),
  v.regex(ID, "is not six bytes such as 00:11:22:33:44:55"),
);

/** A /64 that a client can have: global, or unique local (RFC 4193). */
export const clientPrefixSchema = v.pipe(
  v.string(),
  v.maxLength(64),
  v.rawTransform(({ dataset, addIssue, NEVER }): Prefix => {
    const prefix = globalPrefix(dataset.value);
    if (prefix?.length === 64) return prefix;
    addIssue({ message: "is not a /64 of global or unique local addresses" });
    return NEVER;
  }),
);

const helloSchema = v.pipe(v.string(), v.parseJson(), v.strictObject({ Id: clientIdSchema }));
const welcomeSchema = v.pipe(v.string(), v.parseJson(), v.strictObject({ Prefix: clientPrefixSchema }));

/** The client's Id in lower case; undefined where the text is no greeting. */
export function parseHello(text: string): string | undefined {
  const result = v.safeParse(helloSchema, text);
  return result.success ? result.output.Id : undefined;
}

export function parseWelcome(text: string): Prefix | undefined {
  const result = v.safeParse(welcomeSchema, text);
  return result.success ? result.output.Prefix : undefined;
}

const USABLE = ["2000::/3", "fc00::/7"].map(parsePrefix);

/** undefined where the text is no prefix that computers can have addresses of. */
export function globalPrefix(text: string): Prefix | undefined {
  try {
    const prefix = parsePrefix(text);
    const within = USABLE.some(
      (range) => prefix.length >= range.length && prefixContains(range, prefix.address),
    );
    return within && prefixText(prefix).includes(":") ? prefix : undefined;
  } catch {
    return undefined;
  }
}

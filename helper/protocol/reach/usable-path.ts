import { family, parsePrefix, prefixContains } from "#wire/address.ts";
import type { ListedPath } from "#wire/path-list.ts";

/** Where no other computer is reached, or more than one. */
const UNUSABLE = [
  "0.0.0.0/8",
  "127.0.0.0/8",
  "169.254.0.0/16",
  "224.0.0.0/3",
  "::/127",
  "fe80::/10",
  "ff00::/8",
].map(parsePrefix);

/** What somebody else says of where it is reached: worth a datagram? */
export function isUsablePath({ address }: Pick<ListedPath, "address">): boolean {
  return !UNUSABLE.some(
    (prefix) => family(prefix.address) === family(address) && prefixContains(prefix, address),
  );
}

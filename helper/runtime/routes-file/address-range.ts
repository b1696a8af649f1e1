import { addressBytes, addressText, type Address, type Prefix } from "#wire/address.ts";

/** The joins of one line, and of one file. */
export const MAX_ADDRESSES = 1024;

/** Every address of a prefix, in order. Throws RangeError where they are more than MAX_ADDRESSES. */
export function addressesOf({ address, length }: Prefix): Address[] {
  const bytes = addressBytes(address);
  const count = 2 ** (bytes.length * 8 - length);
  if (count > MAX_ADDRESSES)
    throw new RangeError(`${address}/${length} are more than ${MAX_ADDRESSES} addresses`);
  return Array.from({ length: count }, (_, index) => {
    const own = bytes.slice();
    for (let at = own.length - 1, rest = index; rest > 0; at--, rest >>>= 8) own[at]! |= rest & 0xff;
    return addressText(own);
  });
}

import { addressBytes, addressText } from "#wire/address.ts";
import type { Address, Prefix } from "#wire/address.ts";
import { AddressPoolError, ipv4Text } from "./prefixes.ts";

/** Where a network's members get their addresses from. Stored when the network is created, never changed. */
export interface AddressPlan {
  /** The ULA /48, or a delegated prefix of 48 to 63 bits. */
  readonly prefix6: Prefix;
  readonly prefix4: Prefix;
}

export interface MemberAddresses {
  /** The member's own /64: it may route for all of it. */
  readonly subnet6: Prefix;
  readonly address6: Address;
  readonly address4: Address;
}

/** The host is member 1. */
export const HOST_NUMBER = 1;

/** The highest member number: IPv4 keeps its first and last address free, IPv6 its subnet 0. */
export function highestNumber(plan: AddressPlan): number {
  return Math.min(2 ** (32 - plan.prefix4.length) - 2, 2 ** (64 - plan.prefix6.length) - 1);
}

/**
 * The addresses of member `number`: the number is the subnet id between the prefix and the /64, the interface id
 * is 1, and the IPv4 address is the prefix's base plus the number. Throws AddressPoolError behind the last one.
 */
export function memberAddresses(plan: AddressPlan, number: number): MemberAddresses {
  const { prefix6, prefix4 } = plan;
  if (prefix6.length < 48 || prefix6.length > 63)
    throw new AddressPoolError(`an IPv6 prefix has 48 to 63 bits here, not ${prefix6.length}`);
  if (!Number.isInteger(number) || number < 1 || number > highestNumber(plan))
    throw new AddressPoolError(
      `there is no member number ${number}: they go from 1 to ${highestNumber(plan)}`,
    );
  const bytes6 = addressBytes(prefix6.address);
  bytes6[6] = bytes6[6]! | (number >> 8);
  bytes6[7] = bytes6[7]! | (number & 0xff);
  const subnet6 = { address: addressText(bytes6), length: 64 };
  bytes6[15] = 1;
  const base4 = new DataView(addressBytes(prefix4.address).buffer).getUint32(0);
  return { subnet6, address6: addressText(bytes6), address4: ipv4Text(base4 + number) };
}

/** The one's complement sum of 16-bit words (RFC 1071), not complemented, to be carried on as `initial`. */
export function onesComplementSum(bytes: Uint8Array, initial = 0): number {
  let sum = initial;
  const even = bytes.length & ~1;
  for (let i = 0; i < even; i += 2) sum += (bytes[i]! << 8) | bytes[i + 1]!;
  if (even < bytes.length) sum += bytes[even]! << 8; // an odd last byte is padded with zero, RFC 1071 section 4.1
  return fold(sum);
}

/**
 * The checksum to write over `bytes` whose checksum field is zero. Over bytes that hold a right checksum it is 0.
 * `initial` is the sum of a pseudo header.
 */
export function internetChecksum(bytes: Uint8Array, initial = 0): number {
  return ~onesComplementSum(bytes, initial) & 0xffff;
}

/**
 * The sum of the pseudo header of RFC 9293 section 3.1 (4-byte addresses) or RFC 8200 section 8.1 (16-byte ones).
 * `length` is that of the upper-layer header and data in bytes.
 */
export function pseudoHeaderSum(
  source: Uint8Array,
  destination: Uint8Array,
  protocol: number,
  length: number,
): number {
  const addresses = onesComplementSum(destination, onesComplementSum(source));
  return fold(addresses + protocol + (length >>> 16) + (length & 0xffff));
}

/**
 * The checksum after one 16-bit word that it covers changed from `before` to `after`.
 * RFC 1624 section 3, equation 3: HC' = ~(~HC + ~m + m').
 */
export function updateChecksum(checksum: number, before: number, after: number): number {
  return ~fold((~checksum & 0xffff) + (~before & 0xffff) + after) & 0xffff;
}

function fold(sum: number): number {
  // The sum of an IP packet stays below 2^32, which is what the unsigned shift takes.
  let folded = sum;
  while (folded > 0xffff) folded = (folded >>> 16) + (folded & 0xffff);
  return folded;
}

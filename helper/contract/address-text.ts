// Addresses as people type them. What the daemon does with an address it checks itself; this is for the word beside a
// field, and for one notation of each, in the page as in the commands.

/** "192.0.2.1", or RFC 5952's form of an IPv6 address; undefined: it is no address, or one with a zone. */
export function canonicalIp(text: string): string | undefined {
  return text.includes(":") ? canonicalIp6(text) : isIp4(text) ? text : undefined;
}

/** Of an address: 224.0.0.0/4 or ff00::/8. */
export function isGroup(address: string): boolean {
  if (address.includes(":")) return /^ff[\da-f]{2}:/i.test(address);
  const first = Number(address.split(".")[0]);
  return first >= 224 && first <= 239;
}

function isIp4(text: string): boolean {
  const parts = text.split(".");
  return parts.length === 4 && parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255);
}

function canonicalIp6(text: string): string | undefined {
  // The URL parser knows RFC 4291's notations.
  if (!/^[\da-fA-F:.]{2,45}$/.test(text) || !URL.canParse(`http://[${text}]/`)) return undefined;
  return new URL(`http://[${text}]/`).hostname.slice(1, -1);
}

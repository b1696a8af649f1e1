// Names of DNS-SD as text. A service instance is one label that people choose, dots included ("Dr. Pepper" in
// "Dr. Pepper._http._tcp.local", RFC 6763 section 4.1.1), so labels are counted from the service type on.

/** RFC 1035 section 2.3.4: a name is 255 octets, of which text uses two less. */
export const MAX_DNS_NAME = 253;
const MAX_LABEL = 63;
const ENCODER = new TextEncoder();
const INSTANCE = /^(.+)\.(_[^.]+\._(?:tcp|udp)\.local)$/is;
const SUBTYPE = /(^|\.)_sub$/i;

/** The instance's own label and its service type; undefined for names that are no instance's. */
export function splitInstance(
  name: string,
): { readonly instance: string; readonly service: string } | undefined {
  const [, instance, service] = INSTANCE.exec(name) ?? [];
  if (instance === undefined || service === undefined || SUBTYPE.test(instance)) return undefined;
  return instance.startsWith("_") ? undefined : { instance, service };
}

export function dnsLabels(name: string): string[] {
  const parts = splitInstance(name);
  return parts ? [parts.instance, ...parts.service.split(".")] : name.split(".");
}

/** Is it a name that DNS can have, without control characters? */
export function isDnsName(name: string): boolean {
  // eslint-disable-next-line no-control-regex
  if (ENCODER.encode(name).length > MAX_DNS_NAME || /[\x00-\x1f\x7f\ufffd]/.test(name)) return false;
  return dnsLabels(name).every((label) => {
    const { length } = ENCODER.encode(label);
    return length > 0 && length <= MAX_LABEL;
  });
}

/** A link's names (RFC 6762 section 3). */
export function isLinkName(name: string): boolean {
  return /\.local$/i.test(name);
}

/** The same name with a number behind what people see of it: "tv.local" to "tv-2.local". Undefined: no room. */
export function numberedName(name: string, number: number): string | undefined {
  const parts = splitInstance(name);
  const renamed = parts
    ? `${parts.instance} (${number}).${parts.service}`
    : name.replace(/^[^.]+/, (label) => `${label}-${number}`);
  return isDnsName(renamed) ? renamed : undefined;
}

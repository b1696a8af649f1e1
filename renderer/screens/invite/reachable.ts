// Whether an invite's addresses mean anything outside of the LAN that this computer is on.

/** RFC 1918, RFC 6598, RFC 3927 and loopback. */
const HOME_4 =
  /^(?:10\.|127\.|169\.254\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.)/;
/** Unique local (RFC 4193), link-local, loopback. */
const HOME_6 = /^\[(?:f[cd]|fe[89ab]|::1\])/i;

/** Of "192.0.2.1:4000", "[2001:db8::1]:4000" or "home.example:4000": a name may lead anywhere, so it counts. */
export function leadsFromElsewhere(endpoint: string): boolean {
  return !HOME_4.test(endpoint) && !HOME_6.test(endpoint);
}

// Whether a request was meant for us. A page elsewhere can make a browser send anything to 127.0.0.1, and can make its
// own name resolve to it (DNS rebinding): then Host says that name, and Origin says whose page it is.

/** The names of this computer to itself, with any port: the far end of a tunnel (ssh -L) may have another one. */
const LOOPBACK = /^(?:127\.0\.0\.1|localhost|\[::1\])(?::\d{1,5})?$/i;

export function isOwnHost(host: string | undefined): host is string {
  return host !== undefined && LOOPBACK.test(host);
}

/** Browsers send Origin with every WebSocket, and it is the page's. */
export function isOwnOrigin(origin: string | undefined, host: string): boolean {
  return origin !== undefined && origin.toLowerCase() === `http://${host.toLowerCase()}`;
}

/**
 * Fetch metadata, where the browser sends it: what another site's page embeds or fetches is not for us. A click on a
 * link elsewhere is let through as far as the cookie, which SameSite=Strict keeps back then.
 */
export function isForeignFetch(site: string | undefined, mode: string | undefined): boolean {
  return (site === "cross-site" || site === "same-site") && mode !== "navigate";
}

/** The value of one cookie in the header; of several of one name the first, as RFC 6265 has browsers order them. */
export function cookieValue(header: string | undefined, name: string): string | undefined {
  for (const pair of (header ?? "").split(";")) {
    const [key, value] = pair.split("=", 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}

import { sameEndpoint, type Endpoint } from "#ports/endpoint.ts";

/** A cookie counts for the path it came by alone. */
export class CookieJar {
  readonly #cookies: { readonly endpoint: Endpoint; readonly cookie: Uint8Array; readonly at: number }[] = [];
  readonly #lifetime: number;
  readonly #limit: number;

  constructor(lifetime: number, limit: number) {
    this.#lifetime = lifetime;
    this.#limit = limit;
  }

  put(endpoint: Endpoint, cookie: Uint8Array, now: number): void {
    const known = this.#cookies.findIndex((entry) => sameEndpoint(entry.endpoint, endpoint));
    if (known >= 0) this.#cookies.splice(known, 1);
    else if (this.#cookies.length >= this.#limit) this.#cookies.shift();
    this.#cookies.push({ endpoint, cookie, at: now });
  }

  get(endpoint: Endpoint, now: number): Uint8Array | undefined {
    const entry = this.#cookies.find((entry) => sameEndpoint(entry.endpoint, endpoint));
    return entry && now - entry.at < this.#lifetime ? entry.cookie : undefined;
  }

  clear(): void {
    this.#cookies.length = 0;
  }
}

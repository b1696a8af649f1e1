// How a path to a peer came about, for people: whoever finds an endpoint notes it here.
import { endpointText, type Endpoint } from "#ports/endpoint.ts";

/**
 * direct: UDP to an address of the peer's own. mapped: UDP to a port that its router mapped. punched: UDP through a
 * hole that both ends made. tcp, tls: a stream to the peer. relayed: somebody else passes the ciphertext on.
 */
export type PathKind = "direct" | "mapped" | "punched" | "tcp" | "tls" | "relayed";

const WORDS: Readonly<Record<PathKind, string>> = {
  direct: "directly over UDP",
  mapped: "over UDP through a port that its router opened",
  punched: "over UDP through a hole in both routers",
  tcp: "over TCP",
  tls: "over TLS",
  relayed: "relayed",
};

/** Endpoints that are remembered; the one noted longest ago is forgotten first. */
const MAX_ENDPOINTS = 1_024;

export class PathKinds {
  readonly #noted = new Map<string, { readonly kind: PathKind; readonly by: string | undefined }>();

  get size(): number {
    return this.#noted.size;
  }

  /** `by`: who relays, where somebody does. */
  note(endpoint: Endpoint, kind: PathKind, by?: string): void {
    const key = keyOf(endpoint);
    this.#noted.delete(key);
    if (this.#noted.size >= MAX_ENDPOINTS) {
      const oldest = this.#noted.keys().next();
      if (!oldest.done) this.#noted.delete(oldest.value);
    }
    this.#noted.set(key, { kind, by });
  }

  forget(endpoint: Endpoint): void {
    this.#noted.delete(keyOf(endpoint));
  }

  of(endpoint: Endpoint): PathKind {
    return this.#noted.get(keyOf(endpoint))?.kind ?? (endpoint.stream === undefined ? "direct" : "tcp");
  }

  /** "directly over UDP", "relayed by meet.example". */
  text(endpoint: Endpoint): string {
    const by = this.#noted.get(keyOf(endpoint))?.by;
    return by === undefined ? pathText(this.of(endpoint)) : `${pathText(this.of(endpoint))} by ${by}`;
  }
}

export function pathText(kind: PathKind): string {
  return WORDS[kind];
}

function keyOf(endpoint: Endpoint): string {
  return endpoint.stream === undefined ? endpointText(endpoint) : `stream ${endpoint.stream}`;
}

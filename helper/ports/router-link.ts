// How this computer speaks with the router of its network about ports: datagrams, and HTTP for UPnP.
import type { Endpoint } from "#ports/endpoint.ts";
import type { Address } from "#wire/address.ts";

export interface HttpRequest {
  readonly method: "GET" | "POST";
  readonly port: number;
  readonly path: string;
  /** The SOAPAction header, with a body of XML. */
  readonly action?: string;
  readonly body?: string;
}

export interface HttpAnswer {
  readonly status: number;
  /** 128 KiB at most, the encoding is UTF-8. */
  readonly body: string;
}

export interface RouterLink {
  send(to: Endpoint, data: Uint8Array): void;
  /** undefined: no answer in time, or one that is too long or no HTTP. Redirections are not followed. */
  request(router: Address, request: HttpRequest): Promise<HttpAnswer | undefined>;
  close(): void;
}

export interface RouterLinkEvents {
  /** To what was sent. */
  datagram(data: Uint8Array, from: Endpoint): void;
  /** To all on the link, on the port where routers announce themselves. */
  announcement(data: Uint8Array, from: Endpoint): void;
}

/** `client`: the own address that all is sent from. */
export type OpenRouterLink = (client: Address, events: RouterLinkEvents) => RouterLink;

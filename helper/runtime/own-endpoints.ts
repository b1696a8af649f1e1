import type { Endpoint } from "#ports/endpoint.ts";
import type { Link } from "#ports/links.ts";

/** Our own addresses as others may reach them: those of interfaces with the way out, with the transport's port. */
export function ownEndpoints(links: readonly Link[], tun: string | undefined, port: number): Endpoint[] {
  return links
    .filter((link) => link.defaultRoute && link.name !== tun)
    .flatMap((link) => link.addresses)
    .filter((own) => own.scope === "global")
    .map((own) => ({ address: own.address, port }));
}

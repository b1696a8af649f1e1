import { createSocket } from "node:dgram";
import { request as httpRequest } from "node:http";
import type { HttpAnswer, HttpRequest, RouterLink, RouterLinkEvents } from "#ports/router-link.ts";
import { canonicalAddress, family, type Address } from "#wire/address.ts";
import { ANNOUNCEMENT_PORT } from "#wire/pcp.ts";

const TIMEOUT_MS = 5_000;
const MAX_BODY_BYTES = 128 * 1024;
const MAX_HEADER_BYTES = 8 * 1024;
/** UPnP Device Architecture 1.1 section 1.3.2. */
const SEARCH_TTL = 2;
const ALL_HOSTS = "224.0.0.1";

/** What cannot be sent is lost, as on the wire: who asks waits for an answer in any case. */
export function openRouterLink(client: Address, events: RouterLinkEvents): RouterLink {
  const socket = createSocket(family(client) === 4 ? "udp4" : "udp6");
  const ending = new AbortController();
  let open = true;
  socket.on("error", () => {}); // an interface that went; the network's change opens another link
  const announcements = createSocket({ type: "udp4", reuseAddr: true });
  for (const [of, tell] of [
    [socket, events.datagram],
    [announcements, events.announcement],
  ] as const)
    of.on("message", (data, from) => {
      const address = canonicalAddress(from.address);
      if (open && address !== undefined) tell(data, { address, port: from.port });
    });
  announcements.on("error", () => {}); // another program has the port for itself: renewals will do
  announcements.on("listening", () => {
    try {
      announcements.addMembership(ALL_HOSTS, client);
    } catch {
      // the address has gone between the two
    }
  });
  announcements.unref();
  announcements.bind(ANNOUNCEMENT_PORT);
  socket.on("listening", () => {
    try {
      socket.setMulticastTTL(SEARCH_TTL);
      socket.setMulticastInterface(client);
    } catch {
      // the address has gone between the two
    }
  });
  socket.unref();
  socket.bind({ address: client, port: 0 });
  return {
    send: (to, data) => {
      if (open) socket.send(data, to.port, to.address, () => {});
    },
    request: (router, request) => exchange(client, router, request, ending.signal),
    close: () => {
      if (!open) return;
      open = false;
      ending.abort();
      socket.close();
      announcements.close();
    },
  };
}

function exchange(
  client: Address,
  router: Address,
  { method, port, path, action, body }: HttpRequest,
  ended: AbortSignal,
): Promise<HttpAnswer | undefined> {
  return new Promise((resolve) => {
    const nothing = (): void => resolve(undefined);
    const headers = {
      Connection: "close",
      ...(action !== undefined && { SOAPAction: action }),
      ...(body !== undefined && {
        "Content-Type": 'text/xml; charset="utf-8"',
        "Content-Length": Buffer.byteLength(body),
      }),
    };
    const sent = httpRequest(
      {
        host: router,
        port,
        path,
        method,
        headers,
        agent: false,
        localAddress: client,
        maxHeaderSize: MAX_HEADER_BYTES,
        signal: AbortSignal.any([ended, AbortSignal.timeout(TIMEOUT_MS)]),
      },
      (response) => {
        const parts: Buffer[] = [];
        let length = 0;
        response.on("data", (part: Buffer) => {
          length += part.length;
          if (length > MAX_BODY_BYTES) response.destroy();
          else parts.push(part);
        });
        response.on("error", nothing);
        response.on("close", nothing); // after "end" it says nothing new
        response.on("end", () =>
          resolve({ status: response.statusCode ?? 0, body: Buffer.concat(parts).toString("utf8") }),
        );
      },
    );
    sent.on("error", nothing);
    sent.end(body);
  });
}

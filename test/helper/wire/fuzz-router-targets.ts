import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";
import { DecodeError } from "#wire/cursor.ts";
import {
  decodeRouterAdvertisement,
  decodeRouterSolicitation,
  encodeRouterAdvertisement,
  encodeRouterSolicitation,
} from "#wire/router-discovery.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);
const ADVERTISEMENTS = [0, 1, 3].map(
  (count) =>
    encodeRouterAdvertisement({
      currentHopLimit: 64,
      managed: true,
      otherConfiguration: false,
      preference: "low",
      routerLifetime: 600,
      reachableTime: 0,
      retransTimer: 0,
      sourceLinkLayer: MAC,
      mtu: 1_400,
      prefixes: Array.from({ length: count }, (_, i) => ({
        prefix: { address: `fd00:0:0:${i}::`, length: 64 },
        onLink: true,
        autonomous: i % 2 === 0,
        validLifetime: 7_200,
        preferredLifetime: 1_800,
      })),
      routes: [0, 48, 128].slice(0, count).map((length) => ({
        prefix: { address: length === 0 ? "::" : "fd00:1::", length },
        preference: "high" as const,
        lifetime: 600,
      })),
    }).body,
);
const [OTHER, SOLICITATION, ADVERTISEMENT] = [135, 133, 134];

/** The first byte says which message and code it is, and who from. */
const message = (bytes: Uint8Array, type: number) => ({
  type: bytes[0] === 255 ? OTHER : type,
  code: bytes[0] === 254 ? 1 : 0,
  body: bytes.subarray(1),
});
const withHead = (body: Uint8Array): Uint8Array => Uint8Array.of(0, ...body);

export const ROUTER_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "router advertisement",
    refuses: DecodeError,
    corpus: ADVERTISEMENTS.map(withHead),
    decode: (bytes) => decodeRouterAdvertisement(message(bytes, ADVERTISEMENT)),
    again: (ra) => {
      // What no sender may say is understood, and not said again.
      const odd = ra.prefixes.some((one) => one.preferredLifetime > one.validLifetime);
      if (odd || ra.prefixes.length + ra.routes.length > 30) return ra;
      return decodeRouterAdvertisement(encodeRouterAdvertisement(ra));
    },
  }),
  parser({
    name: "router solicitation",
    refuses: DecodeError,
    corpus: [MAC, undefined].map((mac) => withHead(encodeRouterSolicitation({ sourceLinkLayer: mac }).body)),
    decode: (bytes) =>
      decodeRouterSolicitation(message(bytes, SOLICITATION), bytes[0] === 253 ? "::" : "fe80::1"),
    again: (solicitation) => decodeRouterSolicitation(encodeRouterSolicitation(solicitation), "fe80::1"),
  }),
];

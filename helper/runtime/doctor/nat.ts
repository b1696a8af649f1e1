// What kind of NAT this computer is behind, from where others see its transport socket (RFC 4787 section 4.1).
import type { Check, Fix } from "#contract/snapshot.ts";
import { endpointText, type Endpoint } from "#ports/endpoint.ts";
import type { NatMapping } from "#protocol/reach/nat-probe.ts";
import { isPublicAddress } from "#protocol/reach/public-address.ts";
import { family, type Address } from "#wire/address.ts";
import { DhtRendezvous } from "../dht/dht-rendezvous.ts";
import { fixOf } from "./fixes.ts";
import { ok, warn, type Topic } from "./topic.ts";

export interface SeenFromOutside {
  /** IPv4 addresses of the interfaces with the way out. */
  readonly own: readonly Address[];
  readonly port: number;
  /** By others, each one's word. */
  readonly observed: readonly Endpoint[];
  /** How many of them there were. */
  readonly observers: number;
  /** What pings to several nodes of the DHT have shown. */
  readonly probed: NatMapping;
  /** Where the router could be asked for a port, and is not. */
  readonly fix?: Fix | undefined;
}

export const nat: Topic = {
  id: "nat",
  title: "the NAT",
  examine: (subject) => {
    const { engine } = subject;
    const own = engine.lans
      .links()
      .filter((link) => link.defaultRoute)
      .flatMap((link) => link.addresses.map(({ address }) => address))
      .filter((address) => family(address) === 4);
    const ways = engine.ways.reach.ways();
    const dht = ways.find((way) => way instanceof DhtRendezvous);
    const observed = engine.ways.reach.observed().filter(({ address }) => family(address) === 4);
    if (own.length === 0) return [];
    const fix = engine.networks.hosted?.enabled ? fixOf("port-mapping", subject) : undefined;
    return [
      natCheck({
        own,
        port: engine.datagrams.port,
        observed,
        observers: ways.filter(({ state }) => state === "ready").length,
        probed: dht?.view.nat.mapping ?? "unknown",
        fix,
      }),
    ];
  },
};

export function natCheck({ own, port, observed, observers, probed, fix }: SeenFromOutside): Check {
  const [first] = observed;
  const places = observed.map((endpoint) => endpointText(endpoint)).join(" and ");
  const ports = new Set(observed.map((endpoint) => endpoint.port));
  if (probed === "varies" || ports.size > 1)
    return warn(
      "nat",
      `The router's NAT gives this computer another port for each it talks to${places ? ` (seen as ${places})` : ""}: ` +
        "nobody can be told where to call. Where the other end is behind such a NAT too, packets are relayed.",
      `Forward UDP port ${port} on the router, or let it be asked for one: castaway reach --port-mapping on`,
      fix,
    );
  if (!first) {
    const [address] = own.filter((one) => isPublicAddress(one));
    if (address !== undefined) return ok("nat", `This computer has a public address, ${address}.`);
    return ok(
      "nat",
      "This computer has private addresses alone, so there is a NAT. Nobody has said what it looks like.",
    );
  }
  if (own.includes(first.address))
    return ok("nat", `There is no NAT: others see this computer as ${places}.`);
  if (probed === "same" || observers > 1)
    return ok(
      "nat",
      `Behind a NAT that shows everybody the same address, ${places}: a hole in it can be made.`,
    );
  return ok(
    "nat",
    `Behind a NAT, seen as ${places} by one place. Whether others see another port is not known.`,
  );
}

// Lays the lab out: namespaces, bridges, cables, addresses, sysctls, rules.
import { addNamespace, inNamespace, ipBatch, setSysctls } from "./namespaces.ts";
import { internetRules, routerRules } from "./rules.ts";
import { HOME, INTERNET, hostAddresses, type HostPlan, type LabOptions, type SitePlan } from "./topology.ts";

export type NameOf = (host: string) => string;

/** Hundredths of a second. Short while the bridge starts: until one has passed it floods whatever was joined. */
const START_RESPONSE_INTERVAL = 20;
const RESPONSE_INTERVAL = 100;
const LAST_MEMBER_INTERVAL = 20;

export async function layCables(
  sites: readonly SitePlan[],
  nameOf: NameOf,
  options: LabOptions,
): Promise<void> {
  await addNamespace(nameOf(INTERNET));
  await prepare(nameOf(INTERNET), { router: true, rpFilter: 0 });
  for (const site of sites) await laySite(site, nameOf, options);
  await inNamespace(nameOf(INTERNET), "nft", ["-f", "-"], internetRules(sites));
}

async function laySite(site: SitePlan, nameOf: NameOf, options: LabOptions): Promise<void> {
  const router = nameOf(site.router);
  await addNamespace(router);
  await prepare(router, { router: true, rpFilter: 0 });
  const segments = options.superPackets ? "" : "gso_max_segs 1";
  if (options.badWire && site.name === "away") await layWire(site, nameOf, segments);
  else {
    await ipBatch(nameOf(INTERNET), [
      `link add ${site.name} ${segments} type veth peer name wan ${segments} netns ${router}`,
    ]);
  }
  await ipBatch(nameOf(INTERNET), uplinkInternetSide(site));
  await ipBatch(router, [...bridgeLines(site, options), ...uplinkRouterSide(site)]);
  await inNamespace(router, "nft", ["-f", "-"], routerRules(site));
  for (const host of site.hosts) await layHost(site, host, nameOf, segments, options.rpFilter ?? 2);
  await setSnooping(router, site.name !== HOME || options.snooping !== false, {
    querier: site.name !== HOME || options.querier !== false,
  });
}

/** A machine in the middle of the uplink whose only job is to treat packets badly. */
async function layWire(site: SitePlan, nameOf: NameOf, segments: string): Promise<void> {
  const wire = nameOf(`${site.name}-wire`);
  await addNamespace(wire);
  await setSysctls(wire, { "net/ipv6/conf/default/disable_ipv6": 1 });
  await ipBatch(nameOf(INTERNET), [
    `link add ${site.name} ${segments} type veth peer name outside netns ${wire}`,
  ]);
  await ipBatch(nameOf(site.router), [`link add wan ${segments} type veth peer name inside netns ${wire}`]);
  await ipBatch(wire, ["link set outside up promisc on", "link set inside up promisc on"]);
}

function uplinkInternetSide(site: SitePlan): string[] {
  const { net, first } = site.uplink4;
  return [
    `link set ${site.name} up`,
    `addr add ${net}.${first + 1}/30 dev ${site.name}`,
    `addr add ${site.uplink6}:1/64 dev ${site.name} nodad`,
    `route add ${site.lan6}:/64 via ${site.uplink6}:2`,
  ];
}

function uplinkRouterSide(site: SitePlan): string[] {
  const { net, first } = site.uplink4;
  return [
    "link set wan up",
    `addr add ${net}.${first + 2}/30 dev wan`,
    `addr add ${site.uplink6}:2/64 dev wan nodad`,
    `route add default via ${net}.${first + 1}`,
    `route add default via ${site.uplink6}:1`,
  ];
}

function bridgeLines(site: SitePlan, options: LabOptions): string[] {
  const snooping = site.name !== HOME || options.snooping !== false;
  return [
    `link add br-lan type bridge mcast_snooping ${snooping ? 1 : 0} mcast_igmp_version 3 mcast_mld_version 2`,
    `link set br-lan type bridge mcast_query_response_interval ${START_RESPONSE_INTERVAL} mcast_last_member_interval ${LAST_MEMBER_INTERVAL}`,
    `addr add ${site.lan4}.1/24 dev br-lan`,
    `addr add ${site.lan6}:1/64 dev br-lan nodad`,
    "link set br-lan up",
  ];
}

async function layHost(
  site: SitePlan,
  host: HostPlan,
  nameOf: NameOf,
  segments: string,
  rpFilter: number,
): Promise<void> {
  const namespace = nameOf(host.name);
  await addNamespace(namespace);
  await prepare(namespace, { router: false, rpFilter });
  const port = portOf(host.name);
  await ipBatch(namespace, [
    `link add ${host.interfaceName} ${segments} type veth peer name ${port} ${segments} netns ${nameOf(site.router)}`,
  ]);
  await ipBatch(nameOf(site.router), [`link set ${port} master br-lan up`]);
  await ipBatch(namespace, [
    `link set ${host.interfaceName} up`,
    ...addressLines(site, host.interfaceName, host.number),
  ]);
}

/** The address and default routes of a host in a site, as DHCP would leave them. */
export function addressLines(site: SitePlan, interfaceName: string, number: number): string[] {
  const { address4, address6 } = hostAddresses(site, number);
  return [
    `addr add ${address4}/24 dev ${interfaceName}`,
    `addr add ${address6}/64 dev ${interfaceName} nodad`,
    `route replace default via ${site.lan4}.1 dev ${interfaceName}`,
    `route replace default via ${site.lan6}:1 dev ${interfaceName}`,
  ];
}

/** The bridge's port for a host. */
export function portOf(host: string): string {
  return `p-${host}`;
}

export async function setSnooping(
  router: string,
  snooping: boolean,
  options: { readonly querier: boolean },
): Promise<void> {
  await ipBatch(router, [
    `link set br-lan type bridge mcast_snooping ${snooping ? 1 : 0} mcast_querier ${options.querier ? 1 : 0}`,
    `link set br-lan type bridge mcast_query_response_interval ${RESPONSE_INTERVAL}`,
  ]);
}

async function prepare(
  namespace: string,
  role: { readonly router: boolean; readonly rpFilter: number },
): Promise<void> {
  const values: Record<string, number> = {
    // "default" is what interfaces made later start with; "all" would override them upwards.
    "net/ipv4/conf/all/rp_filter": 0,
    "net/ipv4/conf/default/rp_filter": role.rpFilter,
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/router_solicitations": 0,
  };
  if (role.router) {
    values["net/ipv4/ip_forward"] = 1;
    values["net/ipv6/conf/all/forwarding"] = 1;
  }
  await setSysctls(namespace, values);
  await ipBatch(namespace, ["link set lo up"]);
}

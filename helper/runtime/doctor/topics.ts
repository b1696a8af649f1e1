import { amt } from "./amt.ts";
import { firewall } from "./firewall.ts";
import { joins } from "./joins.ts";
import { lanAccess } from "./lan-access.ts";
import { lans } from "./lans.ts";
import { nat } from "./nat.ts";
import { networks } from "./networks.ts";
import { pathMtu } from "./path-mtu.ts";
import { peers } from "./peers.ts";
import { portMapping } from "./port-mapping.ts";
import { proxy } from "./proxy.ts";
import { reversePath } from "./reverse-path.ts";
import { service } from "./service.ts";
import { socketVifs } from "./socket-vifs.ts";
import { tcp } from "./tcp.ts";
import type { Topic } from "./topic.ts";
import { ttl } from "./ttl.ts";
import { tun } from "./tun.ts";
import { udp } from "./udp.ts";
import { udpReach } from "./udp-reach.ts";
import { ways } from "./ways.ts";

/** In the order in which they are shown: from this computer outwards. */
export const TOPICS: readonly Topic[] = [
  service,
  tun,
  udp,
  socketVifs,
  lans,
  joins,
  reversePath,
  firewall,
  networks,
  udpReach,
  tcp,
  proxy,
  nat,
  portMapping,
  ways,
  pathMtu,
  peers,
  lanAccess,
  ttl,
  amt,
];

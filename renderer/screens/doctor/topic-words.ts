// The doctor's topics in the interface's language. One that a newer daemon has is called by its own title.
import { plainText } from "#contract/plain-text.ts";
import type { DoctorTopic } from "#contract/snapshot.ts";
import { t, type WordKey } from "#renderer/i18n/i18n.svelte.ts";

const WORDS: Readonly<Record<string, WordKey>> = {
  service: "doctor:topicService",
  tun: "doctor:topicTun",
  udp: "doctor:topicUdp",
  "socket-vifs": "doctor:topicSocketVifs",
  lans: "doctor:topicLans",
  joins: "doctor:topicJoins",
  rp_filter: "doctor:topicReversePath",
  firewall: "doctor:topicFirewall",
  networks: "doctor:topicNetworks",
  "udp-reach": "doctor:topicUdpReach",
  tcp: "doctor:topicTcp",
  proxy: "doctor:topicProxy",
  nat: "doctor:topicNat",
  "port-mapping": "doctor:topicPortMapping",
  ways: "doctor:topicWays",
  mtu: "doctor:topicPathMtu",
  peers: "doctor:topicPeers",
  "lan-access": "doctor:topicLanAccess",
  ttl: "doctor:topicTtl",
  amt: "doctor:topicAmt",
};

export function topicWords({ id, title }: DoctorTopic): string {
  const key = Object.hasOwn(WORDS, id) ? WORDS[id] : undefined;
  return key ? t(key) : plainText(title);
}

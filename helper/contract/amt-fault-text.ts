// What is wrong with a stream's name, for commands and for the system's notifications. The page has its own words.
import { AMT_LINK_EXAMPLE, type AmtFault } from "./amt-link.ts";

export const AMT_LINK_FORM = `A link reads amt://SOURCE@GROUP:PORT, such as ${AMT_LINK_EXAMPLE}.`;

const TEXTS: Readonly<Record<AmtFault, string>> = {
  "link-too-long": "This is far too long for an amt:// link.",
  "not-a-link": "This is no amt:// link.",
  "group-missing": "A group is missing.",
  "group-not-an-address": "The group is no IP address.",
  "group-not-a-group":
    "The group is no multicast address: these lie in 224.0.0.0 to 239.255.255.255, or begin with ff.",
  "group-local": "Groups of this range never leave their own link, so no relay has them.",
  "source-missing":
    "Groups in 232.0.0.0/8 and ff3x::/32 are nothing without their source: its address is missing.",
  "source-not-an-address": "The source is no IP address.",
  "source-not-a-source": "The source is no address that a computer sends from.",
  "source-other-family": "Source and group are not both of IPv4, or both of IPv6.",
  "port-not-a-port": "A port is a number from 1 to 65535.",
  "relay-not-a-relay": "The relay is neither an IP address nor a name.",
};

export function amtFaultText(fault: AmtFault): string {
  return TEXTS[fault];
}

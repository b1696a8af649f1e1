import type { Check } from "#contract/snapshot.ts";
import { MAX_DATAGRAM } from "#wire/frame.ts";
import { ok, warn, type Topic } from "./topic.ts";

/** IPv4 and UDP headers; over IPv6 frames are 20 bytes shorter. */
const OUTER_HEADERS = 28;

export const pathMtu: Topic = {
  id: "mtu",
  title: "packet sizes",
  examine: ({ engine }) => {
    const checks: Check[] = [];
    for (const { name, mtu, defaultRoute } of engine.lans.links()) {
      if (!defaultRoute) continue;
      const needed = MAX_DATAGRAM + OUTER_HEADERS;
      if (mtu >= needed) checks.push(ok(`mtu ${name}`, `${name} takes packets of ${mtu} bytes.`));
      else
        checks.push(
          warn(
            `mtu ${name}`,
            `${name} takes packets of ${mtu} bytes; full ones of the tunnel have ${needed}.`,
            `If large packets are lost: ip link set ${name} mtu 1500, where the network behind it allows.`,
          ),
        );
    }
    return checks;
  },
};

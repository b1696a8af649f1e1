// miniupnpd on a router of the lab: what most home routers run, with nftables behind it.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Child } from "#test/support/child.ts";
import type { Lab } from "#test/support/lab.ts";
import { inNamespace } from "./namespaces.ts";

export type MappingWay = "pcp" | "nat-pmp" | "upnp" | "pcp and nat-pmp";

const TABLE = "portmapping";

/** It refuses to open ports on an address that IANA reserved, as the lab's usual ones are. */
export const MAPPABLE_UPLINK = "23.0.113";

export interface PortMappingRouter {
  /** With nothing left of what it had opened. */
  restart(): Promise<void>;
  /** The redirects that are there now: "udp 42268 -> 192.168.1.10:42268". */
  redirects(): Promise<string[]>;
}

/** `way`: the one that it speaks; a router with PCP has NAT-PMP too, so that is blocked in front of it. */
export async function startPortMapping(lab: Lab, site: string, way: MappingWay): Promise<PortMappingRouter> {
  const { router, lan4 } = lab.site(site);
  const host = lab.host(router);
  const folder = mkdtempSync(join(tmpdir(), "castaway-miniupnpd-"));
  const config = join(folder, "miniupnpd.conf");
  writeFileSync(config, configuration(way, lan4, folder));
  const start = async (): Promise<Child> => {
    await inNamespace(host.namespace, "nft", ["-f", "-"], rules(way));
    const started = host.spawn("miniupnpd", ["-d", "-f", config, "-P", join(folder, "pid")]);
    await started.line(way === "upnp" ? /HTTP listening on port/ : /Listening for NAT-PMP\/PCP traffic/);
    return started;
  };
  let child = await start();
  lab.beforeDispose(async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  });
  return {
    restart: async () => {
      await child.stop();
      rmSync(join(folder, "leases"), { force: true });
      child = await start();
    },
    redirects: async () => {
      const { stdout } = await host.exec("nft", ["list", "table", "inet", TABLE]);
      // miniupnpd's rules look at the protocol as a byte of the header: 0x11 is UDP.
      return [...stdout.matchAll(/@nh,72,8 (0x11|0x6) th dport (\d+) dnat ip to ([\d.]+:\d+)/g)]
        .map(([, protocol, port, to]) => `${protocol === "0x11" ? "udp" : "tcp"} ${port} -> ${to}`)
        .sort();
    },
  };
}

function rules(way: MappingWay): string {
  const blocked = { pcp: 0, "nat-pmp": 2, upnp: undefined, "pcp and nat-pmp": undefined }[way];
  const block = blocked === undefined ? "" : `udp dport 5351 @th,64,8 ${blocked} drop`;
  return `
table inet ${TABLE} { }
delete table inet ${TABLE}
table inet ${TABLE} {
  chain forwards { }
  chain redirects { }
  chain sources { }
  chain input { type filter hook input priority filter; policy accept; ${block}
  }
  chain forward { type filter hook forward priority filter; policy accept; jump forwards; }
  chain prerouting { type nat hook prerouting priority dstnat; policy accept; jump redirects; }
  chain postrouting { type nat hook postrouting priority srcnat; policy accept; jump sources; }
}
`;
}

function configuration(way: MappingWay, lan4: string, folder: string): string {
  return `
ext_ifname=wan
listening_ip=br-lan
http_port=5000
enable_natpmp=${way === "upnp" ? "no" : "yes"}
enable_upnp=${way === "upnp" ? "yes" : "no"}
secure_mode=yes
system_uptime=yes
notify_interval=60
uuid=6f6ab1d6-8d2c-4f6f-9a59-2b0ca5b0a001
lease_file=${join(folder, "leases")}
upnp_table_name=${TABLE}
upnp_nat_table_name=${TABLE}
upnp_forward_chain=forwards
upnp_nat_chain=redirects
upnp_nat_postrouting_chain=sources
allow 1024-65535 ${lan4}.0/24 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
`;
}

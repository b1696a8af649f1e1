// What routers on the way do to a laptop: forget its bindings, or let nothing through before somebody has paid.
import type { Lab } from "#test/support/lab.ts";
import { inNamespace } from "./namespaces.ts";

let ports = 20_000;

/** The router of the site forgets all bindings (a crash, a full table), and chooses other ports from now on. */
export async function rebindNat(lab: Lab, site: string): Promise<void> {
  const { namespace } = lab.host(lab.site(site).router);
  ports += 1_000;
  await inNamespace(
    namespace,
    "nft",
    ["-f", "-"],
    `
table ip rebinding { }
delete table ip rebinding
table ip rebinding {
  chain postrouting {
    type nat hook postrouting priority srcnat - 1; policy accept;
    oifname "wan" meta l4proto { tcp, udp } masquerade to :${ports}-${ports + 999}
  }
}
`,
  );
  await inNamespace(namespace, "conntrack", ["-F"]);
}

const PORTAL_PORT = 8080;
const PAGE =
  "HTTP/1.1 302 Found\\r\\nLocation: http://portal.example/login\\r\\nContent-Length: 0\\r\\n\\r\\n";

/** UDP is swallowed, and every TCP connection answered by the portal's own web server. Returns what opens it. */
export async function closePortal(lab: Lab, site: string): Promise<() => Promise<void>> {
  const router = lab.host(lab.site(site).router);
  const server = router.spawn("socat", [
    `TCP4-LISTEN:${PORTAL_PORT},reuseaddr,fork`,
    `SYSTEM:printf '${PAGE}'`,
  ]);
  await inNamespace(
    router.namespace,
    "nft",
    ["-f", "-"],
    `
table inet portal {
  chain prerouting {
    type nat hook prerouting priority dstnat - 1; policy accept;
    iifname "br-lan" meta nfproto ipv4 meta l4proto tcp redirect to :${PORTAL_PORT}
  }
  chain forward {
    type filter hook forward priority filter - 1; policy accept;
    iifname "br-lan" drop
  }
}
`,
  );
  return async () => {
    await inNamespace(router.namespace, "nft", ["delete", "table", "inet", "portal"]);
    await server.stop();
  };
}

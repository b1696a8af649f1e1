import type { Entropy } from "#ports/entropy.ts";
import type { GatewaySubnet } from "#ports/gateway.ts";
import type { OpenRouterSocket, RouterSocket } from "#ports/router-socket.ts";
import { RouterAdvertiser, type AdvertiserConfig } from "#protocol/router/router-advertiser.ts";
import type { Core } from "../core.ts";
import type { Timed } from "../scheduler.ts";

export interface LinkRoutersOptions {
  readonly core: Pick<Core, "clock" | "log" | "scheduler" | "turn">;
  readonly entropy: Entropy;
  readonly open: OpenRouterSocket;
  /** MAC address of an interface. */
  readonly macOf: (interfaceName: string) => Uint8Array | undefined;
}

interface LinkRouter {
  readonly socket: RouterSocket;
  readonly advertiser: RouterAdvertiser;
  /** In text, to see changes by. */
  key: string;
}

/** Where this computer is the router of its own /64s: advertisers on links, as the kernel forwards for them. */
export class LinkRouters implements Timed {
  readonly #options: LinkRoutersOptions;
  readonly #routers = new Map<string, LinkRouter>();
  /** Why an interface has none. */
  readonly failures = new Map<string, string>();

  constructor(options: LinkRoutersOptions) {
    this.#options = options;
    options.core.scheduler.add(this);
  }

  /** The subnets that the kernel forwards for now. */
  set(subnets: readonly GatewaySubnet[]): void {
    const { macOf } = this.#options;
    const configs = new Map<string, AdvertiserConfig>();
    for (const { interfaceName, subnet, reach } of subnets) {
      const mac = macOf(interfaceName);
      if (!mac) continue;
      const { prefixes = [], routes = [] } = configs.get(interfaceName) ?? {};
      configs.set(interfaceName, { prefixes: [...prefixes, subnet], routes: [...routes, ...reach], mac });
    }
    for (const name of this.#routers.keys()) if (!configs.has(name)) this.#end(name);
    this.failures.clear();
    for (const [name, config] of configs) this.#configure(name, config);
    this.#flush();
  }

  pollTimeout(): number | undefined {
    const times = [...this.#routers.values()].map(({ advertiser }) => advertiser.pollTimeout() ?? Infinity);
    const earliest = Math.min(Infinity, ...times);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const { advertiser } of this.#routers.values()) advertiser.handleTimeout(now);
    this.#flush();
  }

  /** Hosts are told that their router goes. */
  close(): void {
    this.#options.core.scheduler.remove(this);
    for (const name of this.#routers.keys()) this.#end(name);
  }

  #configure(name: string, config: AdvertiserConfig): void {
    const { core, entropy, open } = this.#options;
    const key = JSON.stringify(config);
    const known = this.#routers.get(name);
    if (known) {
      if (known.key !== key) known.advertiser.configure(config, core.clock.now());
      known.key = key;
      return;
    }
    try {
      const advertiser = new RouterAdvertiser(config, entropy, core.clock.now());
      const socket = open(name, (message, source) => {
        advertiser.handleMessage(message, source, core.clock.now());
        core.turn();
      });
      this.#routers.set(name, { socket, advertiser, key });
      core.log.write("info", "this computer is the router of its subnet on a link", { interface: name });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.failures.set(name, reason);
      core.log.write("warn", "router advertisements cannot be sent", { interface: name, error: reason });
    }
  }

  #end(name: string): void {
    const router = this.#routers.get(name);
    this.#routers.delete(name);
    if (!router) return;
    router.advertiser.stop();
    this.#send(name, router);
    router.socket.close();
    this.#options.core.log.write("info", "this computer is no router on a link any more", {
      interface: name,
    });
  }

  #flush(): void {
    for (const [name, router] of this.#routers) this.#send(name, router);
  }

  #send(name: string, { socket, advertiser }: LinkRouter): void {
    for (let message; (message = advertiser.nextMessage());)
      if (!socket.send(message))
        this.#options.core.log.write("debug", "a router advertisement did not leave", { interface: name });
  }
}

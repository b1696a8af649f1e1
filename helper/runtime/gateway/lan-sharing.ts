import type { Entropy } from "#ports/entropy.ts";
import type { OpenRouterSocket } from "#ports/router-socket.ts";
import { LinkRouters } from "../router/link-routers.ts";
import type { GatewayLan, GatewayPlan, GatewaySubnet, KernelGateway } from "#ports/gateway.ts";
import type { Link } from "#ports/links.ts";
import { isLanPrefix, networkOf, offerLans } from "#protocol/addressing/shared-lans.ts";
import { prefixesOverlap } from "#protocol/addressing/prefixes.ts";
import { isPlainName } from "#protocol/gateway/rules.ts";
import { family, prefixText, type Prefix } from "#wire/address.ts";
import { MAX_SHARED_LANS, type SharedLan } from "#wire/control-network.ts";
import type { Core } from "../core.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import type { Lans } from "../lans.ts";
import type { Timed } from "../scheduler.ts";
import { Gateway, type GatewayProblem } from "./gateway.ts";
import { GatewayRecordFile } from "./gateway-record.ts";

/** A network of an interface that was chosen and is not shared. */
export interface LeftOut {
  readonly interfaceName: string;
  readonly prefix: Prefix | undefined;
  readonly reason: string;
}

/** How long our rules may be gone before that is noticed. */
const CHECK_MS = 30_000;

export interface LanSharingOptions {
  readonly core: Pick<Core, "clock" | "log" | "scheduler" | "turn">;
  /** The TUN's name, and the kernel behind it; undefined where there is none. */
  readonly tun: string | undefined;
  readonly kernel: KernelGateway | undefined;
  /** Where the record of what was changed is kept. */
  readonly folder: string;
  readonly publicKey: Uint8Array;
  readonly hosted: () => HostedNetworkRuntime | undefined;
  /** Where this computer is the router of its own /64s. */
  readonly subnets: () => readonly GatewaySubnet[];
  readonly entropy: Entropy;
  readonly openRouterSocket: OpenRouterSocket;
  readonly lans: Lans;
}

/** The LANs that the hosted network's members are let into: from what people chose to what the kernel does. */
export class LanSharing implements Timed {
  readonly #options: LanSharingOptions;
  readonly #gateway: Gateway | undefined;
  readonly #routers: LinkRouters | undefined;
  #leftOut: readonly LeftOut[] = [];
  #closing = false;
  #checkAt: number | undefined;

  constructor(options: LanSharingOptions) {
    this.#options = options;
    const { core, tun, kernel, folder, lans } = options;
    if (tun === undefined || !kernel) return;
    core.scheduler.add(this);
    this.#routers = new LinkRouters({
      core,
      entropy: options.entropy,
      open: options.openRouterSocket,
      macOf: (name) => lans.links().find((link) => link.name === name)?.mac,
    });
    this.#gateway = new Gateway({
      kernel,
      record: new GatewayRecordFile(folder),
      tun,
      interfaces: () => [tun, ...lans.links().map(({ name }) => name)],
      clock: core.clock,
      log: core.log,
      changed: () => {
        this.#routers?.set(this.#closing ? [] : (this.#gateway?.applied?.subnets ?? []));
        if (this.#closing) return; // members keep their ways for when this computer is back
        this.#checkAt = this.#gateway?.applied ? core.clock.now() + CHECK_MS : undefined;
        options.hosted()?.setSharedLans(this.inForce());
        core.turn();
      },
    });
  }

  pollTimeout(): number | undefined {
    return this.#checkAt;
  }

  handleTimeout(now: number): void {
    this.#checkAt = now + CHECK_MS;
    void this.#gateway?.check();
  }

  /** What the kernel does follows from settings, networks and interfaces, which have changed. */
  refresh(again = false): void {
    // Nobody has looked yet where there is not even the loopback.
    if (this.#closing || this.#options.lans.links().length === 0) return;
    this.#gateway?.want(this.#plan(), again);
  }

  /** When it does. */
  async settled(): Promise<void> {
    await this.#gateway?.settled();
  }

  /** Nothing is forwarded any more, and everything is as it was. */
  async close(): Promise<void> {
    this.#closing = true;
    this.#options.core.scheduler.remove(this);
    this.#routers?.close();
    await this.#gateway?.close();
  }

  get problem(): GatewayProblem | undefined {
    const wanted = this.#options.hosted()?.record.shareLan === true;
    if (wanted && !this.#gateway)
      return {
        message: "this computer has no tunnel device, so it cannot forward",
        remedy: "Start the service with its privileges: sudo castaway daemon",
        since: 0,
      };
    return this.#gateway?.problem;
  }

  get leftOut(): readonly LeftOut[] {
    return this.#leftOut;
  }

  #plan(): GatewayPlan | undefined {
    const { tun = "" } = this.#options;
    const subnets = this.#options.subnets().filter(({ interfaceName }) => this.#isUsable(interfaceName));
    const shared = this.#sharedLans();
    if (!shared && subnets.length === 0) return undefined;
    return { tun, subnets, ...(shared ?? { members: [], lans: [] }) };
  }

  #isUsable(interfaceName: string): boolean {
    const link = this.#options.lans.links().find(({ name }) => name === interfaceName);
    return (
      link !== undefined && link.up && link.running && link.mac !== undefined && isPlainName(interfaceName)
    );
  }

  #sharedLans(): Pick<GatewayPlan, "members" | "lans"> | undefined {
    const hosted = this.#options.hosted();
    this.#leftOut = [];
    if (!hosted?.enabled || !hosted.record.shareLan) return undefined;
    const { plan } = hosted.record;
    const lans = this.#lans(hosted);
    if (lans.length === 0) return undefined;
    const inUse = this.#options.lans.links().flatMap((link) => networksOf(link));
    const offers = offerLans(
      this.#options.publicKey,
      plan,
      lans.map(({ prefix }) => prefix),
      inUse,
    );
    return {
      members: [plan.prefix4, plan.prefix6],
      lans: lans.map(({ interfaceName, prefix }, i) => ({
        interfaceName,
        prefix,
        mapped: offers[i]!.mapped,
      })),
    };
  }

  /** What is announced: what the kernel does forward. */
  inForce(): SharedLan[] {
    return this.forwarded().map(({ prefix, mapped }) => ({ prefix, mapped }));
  }

  /** Why hosts on the interface are told of no router; undefined: they are. */
  subnetProblem(subnet: GatewaySubnet): string | undefined {
    const { interfaceName } = subnet;
    if (!this.#gateway || !this.#routers) return "this computer has no tunnel device";
    if (!this.#isUsable(interfaceName)) return `${interfaceName} is not there, down, or no Ethernet or Wi-Fi`;
    const { problem, applied } = this.#gateway;
    return (
      problem?.message ??
      this.#routers.failures.get(interfaceName) ??
      (applied?.subnets.some((one) => one.interfaceName === interfaceName) ? undefined : "it is under way")
    );
  }

  forwarded(): readonly GatewayLan[] {
    return this.#gateway?.applied?.lans ?? [];
  }

  /** The interfaces that are meant where nobody names any: the home's LAN, not those of containers and machines in it. */
  defaultInterfaces(): string[] {
    const { lans } = this.#options;
    const shared = lans.links().filter(({ name }) => lans.choice(name).mode === "full");
    const home = shared.filter((link) => link.defaultRoute);
    return (home.length > 0 ? home : shared).map(({ name }) => name).slice(0, MAX_SHARED_LANS);
  }

  #lans(hosted: HostedNetworkRuntime): Omit<GatewayLan, "mapped">[] {
    const { prefix4, prefix6 } = hosted.record.plan;
    const found: Omit<GatewayLan, "mapped">[] = [];
    const leftOut: LeftOut[] = [];
    for (const interfaceName of hosted.record.shareLanOn ?? []) {
      const link = this.#options.lans.links().find(({ name }) => name === interfaceName);
      const networks = link?.up && link.running ? networksOf(link) : [];
      const reason = !link
        ? "there is no such interface now"
        : !isPlainName(interfaceName)
          ? "its name cannot stand in a rule"
          : networks.length === 0
            ? "it has no network now"
            : undefined;
      if (reason) leftOut.push({ interfaceName, prefix: undefined, reason });
      for (const prefix of reason ? [] : networks) {
        const why = !isLanPrefix(prefix)
          ? family(prefix.address) === 4
            ? "only private networks can be shared (10/8, 172.16/12, 192.168/16, 100.64/10)"
            : "only networks of 64 bits can be shared"
          : [prefix4, prefix6].some((own) => prefixesOverlap(own, prefix))
            ? "the members' own addresses are in it"
            : found.some((other) => prefixesOverlap(other.prefix, prefix))
              ? "another interface has the same network"
              : found.length === MAX_SHARED_LANS
                ? `${MAX_SHARED_LANS} networks can be shared at most`
                : undefined;
        if (why) leftOut.push({ interfaceName, prefix, reason: why });
        else found.push({ interfaceName, prefix });
      }
    }
    this.#leftOut = leftOut;
    return found;
  }
}

/** The networks that an interface is on: not its link-local ones, nor addresses that are alone. */
export function networksOf(link: Link): Prefix[] {
  const networks = link.addresses
    .filter(
      ({ address, prefixLength, scope }) =>
        scope === "global" && prefixLength < (family(address) === 4 ? 31 : 127),
    )
    .map(({ address, prefixLength }) => networkOf(address, prefixLength));
  return [...new Map(networks.map((prefix) => [prefixText(prefix), prefix])).values()];
}

import type { Entropy } from "#ports/entropy.ts";
import type { GatewayLan, GatewayPlan, KernelGateway } from "#ports/gateway.ts";
import type { OpenRouterSocket } from "#ports/router-socket.ts";
import { offerLans, type ChosenInterface } from "#protocol/addressing/shared-lans.ts";
import { MAX_SHARED_LANS, type SharedLan } from "#wire/control-network.ts";
import type { Core } from "../core.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import type { Lans } from "../lans.ts";
import type { RoutedSubnet } from "../network-context.ts";
import { LinkRouters } from "../router/link-routers.ts";
import type { Timed } from "../scheduler.ts";
import { Gateway, type GatewayProblem } from "./gateway.ts";
import { GatewayRecordFile } from "./gateway-record.ts";
import {
  chosenInterface,
  interfaceProblem,
  networksOf,
  sharedNetworks,
  type LeftOut,
} from "./shared-interfaces.ts";

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
  readonly subnets: () => readonly RoutedSubnet[];
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
    const subnets = this.#options
      .subnets()
      .filter(({ on }) => this.#problemOf(on) === undefined)
      .map(({ interfaceName, subnet, reach }) => ({ interfaceName, subnet, reach }));
    const shared = this.#sharedLans();
    if (!shared && subnets.length === 0) return undefined;
    return { tun, subnets, ...(shared ?? { members: [], lans: [] }) };
  }

  #problemOf(on: ChosenInterface): string | undefined {
    const link = this.#options.lans.links().find(({ name }) => name === on.name);
    return interfaceProblem(on, link) ?? (link?.mac ? undefined : "it is neither Ethernet nor Wi-Fi");
  }

  #sharedLans(): Pick<GatewayPlan, "members" | "lans"> | undefined {
    const hosted = this.#options.hosted();
    this.#leftOut = [];
    if (!hosted?.enabled || !hosted.record.shareLan) return undefined;
    const { plan } = hosted.record;
    const links = this.#options.lans.links();
    const { found: lans, leftOut } = sharedNetworks(hosted.record.shareLanOn ?? [], links, plan);
    this.#leftOut = leftOut;
    if (lans.length === 0) return undefined;
    const inUse = links.flatMap((link) => networksOf(link));
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
  subnetProblem({ interfaceName, on }: RoutedSubnet): string | undefined {
    if (!this.#gateway || !this.#routers) return "this computer has no tunnel device";
    const reason = this.#problemOf(on);
    if (reason) return reason;
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
  defaultInterfaces(): ChosenInterface[] {
    const { lans } = this.#options;
    const shared = lans.links().filter(({ name }) => lans.choice(name).mode === "full");
    const home = shared.filter((link) => link.defaultRoute);
    return (home.length > 0 ? home : shared).slice(0, MAX_SHARED_LANS).map(chosenInterface);
  }

  /** As it is now. undefined: there is none of that name. */
  choose(interfaceName: string): ChosenInterface | undefined {
    const link = this.#options.lans.links().find(({ name }) => name === interfaceName);
    return link && link.kind !== "loopback" ? chosenInterface(link) : undefined;
  }
}

// Interfaces, the TUN and the kernel's joins as the runtime sees them, without a kernel.
import type { Endpoint } from "#ports/endpoint.ts";
import type { Lan, SourceGroup } from "#ports/lan.ts";
import type { Link, LinkEvent, Links } from "#ports/links.ts";
import { GatewayError, type KernelGateway } from "#ports/gateway.ts";
import type { RouterSocket } from "#ports/router-socket.ts";
import type { Icmpv6Message } from "#wire/icmpv6.ts";
import type { GroupFilter, HostJoins, LocalMemberships } from "#ports/memberships.ts";
import type { FirewallDump, SystemProbe } from "#ports/system-probe.ts";
import type { TunAddresses, TunDevice } from "#ports/tun-device.ts";
import { prefixContains, prefixText, type Prefix } from "#wire/address.ts";

let nextFd = 1000;

/** A wired LAN with an address of its own and the way out, unless it says otherwise. */
export function link(name: string, change: Partial<Link> = {}): Link {
  const index = change.index ?? 2;
  return {
    index,
    name,
    kind: "ethernet",
    up: true,
    running: true,
    multicast: true,
    mac: Uint8Array.of(2, 0, 0, 0, 0, index),
    mtu: 1500,
    master: undefined,
    addresses: [
      { address: `192.168.${index}.10`, prefixLength: 24, scope: "global" },
      { address: `fe80::${index}`, prefixLength: 64, scope: "link" },
    ],
    defaultRoute: true,
    ...change,
  };
}

export class FakeLinks implements Links {
  links: Link[];
  #handler: ((event: LinkEvent) => void) | undefined;

  constructor(links: readonly Link[]) {
    this.links = [...links];
  }

  list(): readonly Link[] {
    return this.links;
  }

  watch(handler: (event: LinkEvent) => void): { close(): void } {
    this.#handler = handler;
    return { close: () => (this.#handler = undefined) };
  }

  change(links: readonly Link[], event: LinkEvent): void {
    this.links = [...links];
    this.#handler?.(event);
  }

  close(): void {}
}

export class FakeTun implements TunDevice {
  readonly fd = nextFd++;
  readonly name = "castaway0";
  readonly index = 99;
  readonly mtu = 1400;
  config: TunAddresses = { addresses: [], routes: [], lans: [] };
  state: "open" | "closed" | "removed" = "open";
  broken = false;

  configure(config: TunAddresses): void {
    if (this.broken) throw new Error("the device is gone");
    this.config = config;
  }

  get addresses(): string[] {
    return this.config.addresses.map((own) => `${own.address}/${own.prefixLength}`);
  }

  get routes(): string[] {
    return this.config.routes.map(prefixText);
  }

  /** Does a packet to this address go into the tunnel? */
  leads(address: string): boolean {
    return this.config.routes.some((route) => prefixContains(route, address));
  }

  close(): void {
    this.state = "closed";
  }

  remove(): void {
    this.state = "removed";
  }
}

export class FakeLan implements Lan {
  readonly fd = nextFd++;
  readonly loop4 = nextFd++;
  readonly loop6 = nextFd++;
  readonly interfaceIndex: number;
  readonly mac: Uint8Array;
  readonly mtu: number;
  readonly mode: "full" | "local";
  closed = false;
  leftToKernel: readonly SourceGroup[] = [];

  constructor(of: Link, mode: "full" | "local") {
    this.interfaceIndex = of.index;
    this.mac = of.mac!;
    this.mtu = of.mtu;
    this.mode = mode;
  }

  leaveToKernel(streams: readonly SourceGroup[]): void {
    this.leftToKernel = streams;
  }

  close(): void {
    this.closed = true;
  }
}

/** Joins by "interface group", as filters in words; and what programs have joined. */
export class FakeJoins implements HostJoins, LocalMemberships {
  readonly joined = new Map<string, string>();
  readonly local = new Map<number, Map<string, GroupFilter>>();

  set(interfaceIndex: number, group: string, filter: GroupFilter): "exact" {
    const key = `${interfaceIndex} ${group}`;
    if (filter.mode === "include" && filter.sources.size === 0) this.joined.delete(key);
    else this.joined.set(key, `${filter.mode} ${[...filter.sources].join()}`.trim());
    return "exact";
  }

  forget(interfaceIndex: number): void {
    for (const key of this.joined.keys()) if (key.startsWith(`${interfaceIndex} `)) this.joined.delete(key);
  }

  read(interfaceIndex: number): Map<string, GroupFilter> {
    return new Map(this.local.get(interfaceIndex));
  }

  close(): void {}
}

/** A kernel without a firewall, in which everything can be joined. */
export class FakeProbe implements SystemProbe {
  environment: Record<string, string> = {};
  readonly settings = new Map<string, string>();
  rules: FirewallDump = { readable: true, rules: { nftables: [] }, legacy: false };
  joinError: Error | undefined;
  igmp = 3;

  async setting(path: string): Promise<string | undefined> {
    return this.settings.get(path);
  }

  async firewall(): Promise<FirewallDump> {
    return this.rules;
  }

  tryJoin(): boolean {
    if (this.joinError) throw this.joinError;
    return true;
  }

  /** By address, ms. */
  readonly echoes = new Map<string, number>();

  async echo(address: string): Promise<number | undefined> {
    return this.echoes.get(address);
  }

  /** By "host port", ms. */
  readonly connections = new Map<string, number>();

  async connects({ address, port }: Endpoint): Promise<number | undefined> {
    return this.connections.get(`${address} ${port}`);
  }

  igmpVersion(): number {
    return this.igmp;
  }
}

/** The kernel's packet filter and switches. Its settings are 0 unless said otherwise. */
export class FakeGateway implements KernelGateway {
  readonly instance = "this boot";
  /** What was loaded last; undefined: no table of ours is there. */
  rules: string | undefined;
  loads = 0;
  readonly settings = new Map<string, number>();
  /** Why nftables refuses. */
  refuses: string | undefined;
  /** Router advertisements by interface, the last one last. */
  readonly advertised = new Map<string, Icmpv6Message[]>();
  /** "prefix interface" */
  readonly routes = new Set<string>();
  /** Settings that cannot be written. */
  readonly locked = new Set<string>();

  async load(script: string): Promise<void> {
    if (this.refuses !== undefined) throw new GatewayError(this.refuses, "mend it");
    if (script.startsWith("list ")) {
      if (this.rules === undefined) throw new GatewayError("No such file or directory", "");
      return;
    }
    this.loads++;
    this.rules = script.includes("chain") ? script : undefined;
  }

  read(path: string): number | undefined {
    return this.settings.get(path) ?? 0;
  }

  write(path: string, value: number): void {
    if (this.locked.has(path)) throw new GatewayError(`${path} cannot be set: EROFS`, "sysctl -w");
    this.settings.set(path, value);
  }

  openRouter(interfaceName: string): RouterSocket {
    const sent = this.advertised.get(interfaceName) ?? [];
    this.advertised.set(interfaceName, sent);
    return { send: (message) => sent.push(message) > 0, close: () => {} };
  }

  addRoute(prefix: Prefix, interfaceName: string): void {
    this.routes.add(`${prefixText(prefix)} ${interfaceName}`);
  }

  removeRoute(prefix: Prefix, interfaceName: string): void {
    this.routes.delete(`${prefixText(prefix)} ${interfaceName}`);
  }
}

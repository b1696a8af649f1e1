// A home, an internet and hotels in network namespaces, for tests, the demo and the bench. Needs root, ip and nft.
//
//   source   listener   home            (home2)
//      └────────┴──── br-lan ─ home-router ──┐ NAT
//                                         internet
//             away ─ br-lan ─ away-router ───┘ NAT       (neighbour, away2 behind away2-router, ...)
import { layCables, addressLines, portOf, setSnooping } from "./lab/cabling.ts";
import { onProcessEnd } from "./lab/cleanup.ts";
import { LabHost } from "./lab/host.ts";
import {
  inNamespace,
  ipBatch,
  labNamespaces,
  namespaceName,
  removeNamespaces,
  setSysctls,
  sweepDeadRuns,
} from "./lab/namespaces.ts";
import {
  dropRule,
  NO_STRANGERS,
  replaceChain,
  tooBigRules,
  TRANSLATIONS,
  type NatKind,
} from "./lab/rules.ts";
import {
  HOME,
  HOME_UPLINK,
  INTERNET,
  hostAddresses,
  planSites,
  routerAddresses,
  type LabOptions,
  type SitePlan,
} from "./lab/topology.ts";
import { BadWire, type WireBehaviour } from "./lab/bad-wire.ts";

export type { LabHost } from "./lab/host.ts";
export type { LabOptions } from "./lab/topology.ts";

let labs = 0;

export class Lab {
  readonly sites: readonly SitePlan[];
  readonly #hosts = new Map<string, LabHost>();
  readonly #namespaces: readonly string[];
  readonly #before: (() => Promise<void> | void)[] = [];
  readonly #forget: () => void;
  /** The site that each laptop is in, and the last part of its address there. */
  readonly #places = new Map<string, { site: SitePlan; number: number }>();
  #wire: BadWire | undefined;
  #nextNumber = 100;

  private constructor(number: number, options: LabOptions) {
    this.sites = planSites(options);
    const nameOf = (host: string): string => namespaceName(number, host);
    const internet = {
      interfaceName: HOME,
      address4: `${options.homeUplink ?? HOME_UPLINK}.1`,
      address6: "2001:db8:0:1::1",
    };
    this.#hosts.set(INTERNET, new LabHost(INTERNET, nameOf(INTERNET), internet));
    for (const site of this.sites) {
      const wan = { interfaceName: "wan", ...routerAddresses(site) };
      this.#hosts.set(site.router, new LabHost(site.router, nameOf(site.router), wan));
      for (const { name, interfaceName, number: last } of site.hosts) {
        this.#hosts.set(
          name,
          new LabHost(name, nameOf(name), { interfaceName, ...hostAddresses(site, last) }),
        );
        this.#places.set(name, { site, number: last });
      }
    }
    const wires = options.badWire ? [nameOf("away-wire")] : [];
    this.#namespaces = [...[...this.#hosts.values()].map((host) => host.namespace), ...wires];
    this.#forget = onProcessEnd(() => this.#disposeNow());
  }

  /** Rejects with the command that failed; nothing is left behind then. */
  static async create(options: LabOptions = {}): Promise<Lab> {
    if (process.getuid?.() !== 0)
      throw new Error("the lab needs root, for network namespaces: sudo -E npm …");
    sweepDeadRuns();
    const number = ++labs;
    const lab = new Lab(number, options);
    try {
      await layCables(lab.sites, (host) => namespaceName(number, host), options);
      if (options.portForward) await lab.setPortForward(options.portForward);
      if (options.badWire) lab.#wire = await BadWire.start(namespaceName(number, "away-wire"));
      return lab;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  host(name: string): LabHost {
    const host = this.#hosts.get(name);
    if (host === undefined)
      throw new Error(`no host ${name}: there are ${[...this.#hosts.keys()].join(", ")}`);
    return host;
  }

  site(name: string): SitePlan {
    const site = this.sites.find((candidate) => candidate.name === name);
    if (site === undefined) throw new Error(`no site ${name}`);
    return site;
  }

  /** The addresses under which the internet sees the home. */
  get homePublic(): { readonly address4: string; readonly address6: string } {
    return this.host(this.site(HOME).router);
  }

  /** What `dispose` does before it removes anything. */
  beforeDispose(action: () => Promise<void> | void): void {
    this.#before.push(action);
  }

  /** UDP (and TCP) port of the home router that leads to the same port of the home machine. */
  async setPortForward(port: number | readonly number[] | false, toHost = "home"): Promise<void> {
    const to = this.host(toHost).address4;
    const ports = port === false ? [] : [port].flat();
    const rules = ports.map((one) => `meta l4proto { tcp, udp } th dport ${one} dnat to ${to}:${one}`);
    await this.#nft(this.site(HOME).router, replaceChain("ip nat", "forwards", rules));
  }

  /** IPv6 has no NAT here; this is the firewall that home routers have instead. Off at first. */
  async setInboundBlocked6(site: string, blocked: boolean): Promise<void> {
    const rules = blocked ? ["meta l4proto ipv6-icmp accept", "ct state new drop"] : [];
    await this.#nft(this.site(site).router, replaceChain("inet guard", "inbound6", rules));
  }

  /**
   * How the site's router translates IPv4. All but "plain" are also silent towards strangers, as routers with a
   * firewall are; by themselves the kernel's answers to them would take the port of a hole before it is made.
   */
  async setNat(site: string, kind: NatKind): Promise<void> {
    const { router } = this.site(site);
    await this.#nft(router, replaceChain("ip nat", "translate", [TRANSLATIONS[kind]]));
    const strangers = kind === "plain" ? [] : [NO_STRANGERS];
    await this.#nft(router, replaceChain("inet guard", "strangers", strangers));
  }

  /** The site has IPv4 alone: no packet of IPv6 comes in from the internet. */
  async setNoIpv6(site: string): Promise<void> {
    await this.#nft(this.site(site).router, replaceChain("inet guard", "inbound6", ["drop"]));
  }

  /** A network that lets no UDP through to the internet. */
  async setUdpBlocked(site: string, blocked: boolean): Promise<void> {
    const rules = blocked ? ["meta l4proto udp counter drop"] : [];
    await this.#nft(this.site(site).router, replaceChain("inet guard", "blocked", rules));
  }

  /** A network that lets nothing through but TCP to these ports; none: its router's own services are all there is. */
  async setOnlyTcp(site: string, ports: readonly number[] | false): Promise<void> {
    const way = (field: string): string =>
      ports && ports.length > 0 ? `tcp ${field} { ${ports.join(", ")} } accept` : "";
    const rules = ports === false ? [] : [way("dport"), way("sport"), "counter drop"].filter(Boolean);
    await this.#nft(this.site(site).router, replaceChain("inet guard", "blocked", rules));
  }

  /** Drops a share (0 to 1) of what passes between the site and the internet, each way. */
  async setLoss(site: string, share: number): Promise<void> {
    const rules = share === 0 ? [] : [dropRule(share)];
    await this.#nft(INTERNET, replaceChain("inet loss", `loss_${this.site(site).name}`, rules));
  }

  /** Packets dropped since the last setLoss on the site. */
  async lostPackets(site: string): Promise<number> {
    const chain = `loss_${this.site(site).name}`;
    const { stdout } = await this.host(INTERNET).exec("nft", ["list", "chain", "inet", "loss", chain]);
    return Number(/counter packets (\d+)/.exec(stdout)?.[1] ?? 0);
  }

  /** Loss, doubles, delay and reordering between the away site and the internet. Needs the option badWire. */
  async setWire(behaviour: WireBehaviour): Promise<void> {
    if (this.#wire === undefined) throw new Error("Lab.create({ badWire: true }) lays the wire");
    await this.#wire.set(behaviour);
  }

  async setPathMtu(site: string, mtu: number): Promise<void> {
    await ipBatch(this.host(INTERNET).namespace, [`link set ${this.site(site).name} mtu ${mtu}`]);
    await ipBatch(this.host(this.site(site).router).namespace, [`link set wan mtu ${mtu}`]);
  }

  /** Routers that find a packet too big keep it to themselves, as badly kept firewalls make them. */
  async setTooBigSilent(site: string, silent: boolean): Promise<void> {
    for (const host of [INTERNET, this.site(site).router]) await this.#nft(host, tooBigRules(silent));
  }

  /** What the internet sends towards the site, kbit/s; more waits in a queue of 50 ms, and is dropped behind it. */
  async setRate(site: string, kbit: number | false): Promise<void> {
    const { namespace } = this.host(INTERNET);
    const { name } = this.site(site);
    const limit = ["tbf", "rate", `${kbit || 0}kbit`, "burst", "16kb", "latency", "50ms"];
    const words = kbit === false ? ["del", "dev", name, "root"] : ["replace", "dev", name, "root", ...limit];
    await inNamespace(namespace, "tc", ["qdisc", ...words]);
  }

  async setSnooping(site: string, snooping: boolean, querier: boolean): Promise<void> {
    await setSnooping(this.host(this.site(site).router).namespace, snooping, { querier });
  }

  /** The machine gets another address on its LAN, as from a DHCP server that has forgotten it. */
  async readdress(name: string): Promise<LabHost> {
    return this.#place(name, this.#placeOf(name).site);
  }

  /** The laptop is carried to another site. Its interface goes down and comes up with another address. */
  async roam(name: string, toSite: string): Promise<LabHost> {
    const from = this.host(this.#placeOf(name).site.router).namespace;
    const site = this.site(toSite);
    const to = this.host(site.router).namespace;
    await ipBatch(from, [`link set ${portOf(name)} netns ${to}`]);
    await ipBatch(to, [`link set ${portOf(name)} master br-lan up`]);
    return this.#place(name, site);
  }

  /** The provider gives the site's router another IPv4 address: all NAT bindings are void. */
  async renumber(siteName: string): Promise<string> {
    const site = this.site(siteName);
    const first = 128 + 4 * (this.#nextNumber++ % 31);
    const { net } = site.uplink4;
    await ipBatch(this.host(INTERNET).namespace, [`addr add ${net}.${first + 1}/30 dev ${site.name}`]);
    const router = this.host(site.router);
    await ipBatch(router.namespace, [
      `addr del ${router.address4}/30 dev wan`,
      `addr add ${net}.${first + 2}/30 dev wan`,
      `route replace default via ${net}.${first + 1}`,
    ]);
    router.address4 = `${net}.${first + 2}`;
    return router.address4;
  }

  /** Reverse path filter of a machine, for interfaces that are there and that will come. */
  async setRpFilter(name: string, value: 0 | 1 | 2): Promise<void> {
    const { namespace, interfaceName } = this.host(name);
    const keys = ["default", interfaceName].map((key) => [`net/ipv4/conf/${key}/rp_filter`, value]);
    await setSysctls(namespace, Object.fromEntries(keys));
  }

  /** Ends every process of the lab by its pid, then removes the namespaces. Safe to repeat. */
  async dispose(): Promise<void> {
    for (const action of this.#before.splice(0).toReversed()) await action();
    await Promise.all([...this.#hosts.values()].map((host) => host.stopAll()));
    await this.#wire?.stop();
    this.#disposeNow();
    this.#forget();
  }

  /** Namespaces of this process's labs that are there now. */
  static existing(): string[] {
    return labNamespaces(process.pid);
  }

  #placeOf(name: string): { site: SitePlan; number: number } {
    const place = this.#places.get(name);
    if (place === undefined) throw new Error(`${name} is no host of a site`);
    return place;
  }

  async #place(name: string, site: SitePlan): Promise<LabHost> {
    const old = this.host(name);
    const number = this.#nextNumber++;
    await ipBatch(old.namespace, [
      `addr flush dev ${old.interfaceName} scope global`,
      ...addressLines(site, old.interfaceName, number),
    ]);
    this.#places.set(name, { site, number });
    old.address4 = hostAddresses(site, number).address4;
    old.address6 = hostAddresses(site, number).address6;
    return old;
  }

  async #nft(host: string, rules: string): Promise<void> {
    await inNamespace(this.host(host).namespace, "nft", ["-f", "-"], rules);
  }

  #disposeNow(): void {
    for (const host of this.#hosts.values()) host.killAll();
    removeNamespaces(this.#namespaces);
  }
}

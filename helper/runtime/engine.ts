import type { Clock } from "#ports/clock.ts";
import type { Datagrams } from "#ports/datagrams.ts";
import type { Entropy } from "#ports/entropy.ts";
import type { KernelGateway } from "#ports/gateway.ts";
import type { Links } from "#ports/links.ts";
import type { Log } from "#ports/log.ts";
import type { HostJoins } from "#ports/memberships.ts";
import { originId } from "#protocol/addressing/network-id.ts";
import { networkOf } from "#protocol/addressing/shared-lans.ts";
import { FORWARDING_LIMITS, Forwarding } from "#protocol/forwarding/forwarding.ts";
import { scopePolicy } from "#protocol/forwarding/scope.ts";
import { family } from "#wire/address.ts";
import { RelayService } from "./amt/relay-service.ts";
import { InternetStreams } from "./amt/internet-streams.ts";
import { Core } from "./core.ts";
import type { EnginePorts, FastPathHandle } from "./engine-ports.ts";
import { handleFastPathEvent } from "./fast-path-events.ts";
import { LanSharing } from "./gateway/lan-sharing.ts";
import { LanBeacons } from "./lan-beacons.ts";
import { LanVif } from "./lan-vif.ts";
import { Lans } from "./lans.ts";
import { AnnouncementListener } from "./discovery/announcement-listener.ts";
import { Discovery } from "./discovery/discovery.ts";
import type { LanSetting } from "./store/state.ts";
import { KernelForwarding } from "./kernel-forwarding/kernel-forwarding.ts";
import { mappedPrefix } from "./network-context.ts";
import { NetworkWatch } from "./network-watch.ts";
import { Networks } from "./networks.ts";
import { Proxy } from "./proxy/proxy.ts";
import { PortChoice } from "./port-choice.ts";
import { resolveCandidates } from "./resolve-candidates.ts";
import { sessionTraffic } from "./session-traffic.ts";
import type { SocketChoice } from "./socket-choice.ts";
import type { PeersFile } from "./peers-file/peers-file.ts";
import type { RoutesFile } from "./routes-file/routes-file.ts";
import { Sharing } from "./sharing.ts";
import { SocketVifs } from "./socket-vifs.ts";
import type { ProxySettings } from "./store/proxy-settings.ts";
import { StaticEntries } from "./static-entries.ts";
import type { StateKeeper } from "./state-keeper.ts";
import type { SystemAccess } from "./system-access.ts";
import { Tunnels } from "./tunnels/tunnels.ts";
import { TunVif } from "./tun-vif.ts";
import type { TunnelEnd } from "./tunnel-end.ts";
import { Ways } from "./ways.ts";

export interface EngineOptions {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly keeper: StateKeeper;
  /** Of the command line; undefined: the one that is set. */
  readonly port: number | undefined;
  readonly access: SystemAccess;
  readonly ports: EnginePorts;
  readonly lans: readonly LanSetting[];
  readonly socketVifs: readonly SocketChoice[];
  readonly routesFile?: RoutesFile;
  readonly peersFile?: PeersFile;
  /** Of the command line: be an AMT relay in this run, as it is set or not. */
  readonly amtRelay?: boolean;
  /** Of the command line. */
  readonly proxy?: ProxySettings | undefined;
  readonly build: string;
  readonly hostname: string;
  readonly changed: () => void;
}

const NO_THRESHOLDS: ReadonlyMap<string, number> = new Map();

/** Everything that carries packets, put together: devices, vifs, networks, and the events between them. */
export class Engine {
  /** What this computer calls itself. */
  readonly hostname: string;
  readonly core: Core;
  readonly fastPath: FastPathHandle;
  readonly access: SystemAccess;
  readonly tun: TunnelEnd;
  readonly lans: Lans;
  readonly proxy: Proxy;
  readonly sockets: SocketVifs;
  readonly tunnels: Tunnels;
  readonly ways: Ways;
  readonly networks: Networks;
  readonly statics: StaticEntries;
  readonly routesFile: RoutesFile | undefined;
  readonly peersFile: PeersFile | undefined;
  readonly sharing: Sharing;
  readonly discovery: Discovery;
  readonly announcements: AnnouncementListener;
  readonly port: PortChoice;
  readonly datagrams: Datagrams;
  /** undefined: we have no right to change the kernel's settings, or it cannot forward. */
  readonly kernel: KernelGateway | undefined;
  readonly lanSharing: LanSharing;
  /** undefined: streams from LAN to LAN are not handed to the kernel. */
  readonly kernelForwarding: KernelForwarding | undefined;
  readonly #hostJoins: HostJoins;
  readonly #links: Links;
  readonly #watch: NetworkWatch;
  readonly #sleep: { close(): void };
  readonly beacons: LanBeacons;
  readonly amtRelay: RelayService;
  readonly amt: InternetStreams;

  /** Throws SystemError where a device cannot be had. */
  constructor(options: EngineOptions) {
    const { clock, entropy, log, keeper, access, ports } = options;
    this.access = access;
    this.hostname = options.hostname;
    this.routesFile = options.routesFile;
    this.peersFile = options.peersFile;
    this.#links = ports.openLinks();
    const { machine } = keeper.state;
    const { openDatagrams, streamSockets } = ports;
    this.port = new PortChoice({ keeper, log, commandLine: options.port, openDatagrams, streamSockets });
    this.datagrams = this.port.open();
    this.fastPath = ports.startFastPath();
    const forwarding = new Forwarding({ ...FORWARDING_LIMITS, scope: scopePolicy(), lanToLan: false });
    this.core = new Core({
      clock,
      entropy,
      log,
      fastPath: this.fastPath,
      forwarding,
      changed: options.changed,
      stalled: (ms) => this.#woke(ms),
    });
    this.fastPath.onEvent((event) => {
      if (!handleFastPathEvent(event, this)) return;
      this.statics.vifsChanged();
      this.core.turn();
    });
    this.fastPath.send({ type: "udp", fd: this.datagrams.fd });
    const epoch = Math.floor(clock.wall() / 1000) >>> 0;
    this.fastPath.send({ type: "origin", origin: originId(machine.publicKey), epoch });
    this.tun = access.tunnelEnd(this.core);
    const joins = ports.openJoins();
    this.#hostJoins = joins.own;
    this.ways = new Ways({
      core: this.core,
      keeper,
      ports,
      datagrams: this.datagrams,
      links: this.#links,
      tun: this.tun.name,
      networks: (ways) => this.#makeNetworks(ways, options),
    });
    this.networks = this.ways.networks;
    this.sockets = new SocketVifs({
      core: this.core,
      choices: options.socketVifs,
      defaultInterface: () => this.#links.list().find((link) => link.defaultRoute)?.name,
      tun: this.tun.name !== undefined,
      ownAddress: (of) =>
        this.networks.addresses().addresses.find(({ address }) => family(address) === of)?.address,
    });
    this.proxy = new Proxy({
      commandLine: options.proxy,
      ofFile: () => this.routesFile?.proxy,
      settings: () => keeper.state.settings.proxy,
      log,
    });
    this.tunnels = new Tunnels({
      core: this.core,
      settings: () => keeper.state.settings.tunnels,
      networkAddresses: () => this.networks.addresses().addresses,
      links: () => this.#links.list(),
      folder: keeper.folder,
    });
    this.lans = new Lans({
      core: this.core,
      links: this.#links,
      ports: { hostJoins: joins.own, localMemberships: joins.local },
      access,
      chosen: options.lans,
      settings: () => [...(this.routesFile?.lans ?? []), ...keeper.state.settings.lans],
      thresholds: () => this.routesFile?.thresholds ?? NO_THRESHOLDS,
      proxyPart: (name) => this.proxy.part(name),
      hosting: () => this.networks.hosted?.enabled === true,
      isOwn: (name) => name === this.tun.name,
      isTaken: (name) => this.sockets.has(name),
    });
    this.kernelForwarding =
      ports.openKernelMulticast &&
      new KernelForwarding({
        core: this.core,
        lans: () => this.lans.vifs(),
        flows: (milliseconds) => this.fastPath.flows(milliseconds),
        raised: () => this.sharing.raised(),
        open: ports.openKernelMulticast,
      });
    this.kernel = this.tun.name === undefined ? undefined : ports.openGateway();
    this.lanSharing = new LanSharing({
      core: this.core,
      tun: this.tun.name,
      kernel: this.kernel,
      folder: keeper.folder,
      publicKey: machine.publicKey,
      hosted: () => this.networks.hosted,
      subnets: () => this.networks.routedSubnets(),
      entropy,
      openRouterSocket: ports.openRouterSocket,
      lans: this.lans,
    });
    this.beacons = new LanBeacons({
      core: this.core,
      ownPublicKey: machine.publicKey,
      networks: () => this.networks.lanNetworks(),
      lans: () => this.lans.vifs(),
    });
    this.sharing = new Sharing({
      core: this.core,
      networks: this.networks,
      settings: () => keeper.state.settings.sharing,
    });
    this.discovery = new Discovery({
      core: this.core,
      networks: this.networks,
      lans: this.lans,
      tun: this.tun,
      ownPublicKey: machine.publicKey,
      links: () => this.#links.list(),
      openSocket: ports.openLinkSocket,
      proxies: () => this.sharing.proxies(),
      sharedLans: () => this.lanSharing.inForce(),
    });
    this.announcements = new AnnouncementListener({
      core: this.core,
      hasIpv6: () =>
        this.#links
          .list()
          .some((link) => link.addresses.some(({ address }) => family(address) === 6 && address !== "::1")),
    });
    this.amtRelay = new RelayService({
      core: this.core,
      links: () => this.#links.list().filter((link) => link.name !== this.tun.name),
      open: ports.openRelaySocket,
      settings: () => ({
        ...keeper.state.settings.amt.relay,
        ...(options.amtRelay === true && { enabled: true }),
      }),
    });
    this.amt = new InternetStreams({
      core: this.core,
      fastPath: this.fastPath,
      // A proxy between LANs has what there is on its upstream: nobody asked it for the Internet's.
      settings: () => ({ ...keeper.state.settings.amt, ...(options.proxy && { automatic: false }) }),
      links: () => this.#links.list(),
      memberPrefixes: () => this.networks.addresses().routes,
      lookup: ports.nameLookup,
      watchStream: ports.watchStream,
      openSocket: () => ports.openAmtSocket(0),
      send: (from, to, data) => ports.sendDatagram(from, to, data),
    });
    this.statics = new StaticEntries(this.core, () => [
      ...(this.routesFile?.entries ?? []),
      ...keeper.state.settings.routes,
    ]);
    this.#watch = new NetworkWatch({
      links: this.#links,
      ownInterface: this.tun.name,
      clock,
      due: () => this.core.scheduler.arm(),
      changed: (routes) => {
        this.settingsChanged();
        if (routes) {
          this.ways.handleNetworkChanged(this.core.clock.now());
          this.sockets.networkChanged();
          this.amt.networkChanged();
        }
        this.core.turn();
      },
    });
    this.core.scheduler.add(this.#watch);
    this.#sleep = ports.watchSleep((slept) => {
      this.core.scheduler.stop(); // its timer has slept too
      this.#woke(slept);
      this.core.turn();
    });
  }

  /** What is used of the interfaces follows from settings and networks that have changed. */
  settingsChanged(): void {
    this.sharing.changed();
    this.lans.setRoles(this.proxy.refresh(this.#links.list(), (name) => this.lans.isOff(name)));
    this.lans.refresh();
    this.tunnels.refresh();
    this.lanSharing.refresh();
    this.beacons.refresh();
    this.discovery.refresh();
    this.statics.refresh();
    this.ways.refresh();
    this.amtRelay.refresh();
    this.amt.refresh();
    this.core.turn();
  }

  /** The routes file or the peers file says something else now. */
  filesChanged(): void {
    this.networks.byFile.refresh();
    this.settingsChanged();
  }

  /** Begins to carry packets. */
  start(): void {
    this.sharing.changed();
    this.networks.start();
    this.#addressesChanged();
    this.core.tableChanged();
    this.settingsChanged();
  }

  /** `keepDevice`: another daemon follows at once, and applications keep their memberships on the TUN. */
  async close(reason: "bye" | "restarting"): Promise<void> {
    this.#watch.close();
    this.#sleep.close();
    this.discovery.close();
    this.announcements.close();
    const unmapped = this.ways.mapping.close(reason === "restarting");
    this.ways.reach.close();
    await this.lanSharing.close();
    this.networks.close(reason);
    this.ways.streaming.close();
    this.beacons.close();
    this.kernelForwarding?.close();
    this.lans.close();
    this.sockets.close();
    this.amtRelay.close();
    this.amt.close();
    this.tunnels.close();
    this.tun.detach();
    this.core.scheduler.stop();
    await this.fastPath.stop(); // what was handed over, goodbyes included, is sent before it ends
    this.core.releaseAll();
    this.ways.streaming.releaseAll();
    await unmapped;
    this.#hostJoins.close();
    this.tun.close(reason === "restarting");
    this.#links.close();
    this.datagrams.close();
  }

  /** This process was stopped, nobody knows for how long. */
  continued(): void {
    this.ways.handleNetworkChanged(this.core.clock.now());
    this.core.turn();
  }

  #makeNetworks(ways: Ways, { keeper, entropy, log, ports, hostname, build }: EngineOptions): Networks {
    return new Networks({
      core: this.core,
      transport: ways.transport,
      keeper,
      localStatic: ways.local,
      hasAes: ports.hasAes,
      hello: {
        minor: 0,
        incarnation: new DataView(entropy.bytes(4).buffer).getUint32(0),
        capabilities: 0,
        name: hostname,
        build: build.slice(0, 32),
      },
      traffic: (vif) => sessionTraffic(this.fastPath.counters(vif)),
      resolve: (candidates) => resolveCandidates(candidates, log),
      streamTargets: (candidates, endpoints) => ways.streaming.targets(candidates, endpoints),
      ownEndpoints: () => ways.ownEndpoints(),
      mappedEndpoint: () => ways.mapping.endpoint,
      noteMapped: (endpoint, before) => ways.noteMapped(endpoint, before),
      addressesInUse: () =>
        this.#links
          .list()
          .flatMap((link) =>
            link.name === this.tun.name
              ? []
              : link.addresses.map((own) => networkOf(own.address, own.prefixLength)),
          ),
      addressesChanged: () => this.#addressesChanged(),
      reachChanged: () => this.beacons.refresh(),
      dhtKey: () => ways.dht.invitedTo,
      peersConfig: () => this.peersFile?.config,
      isLasting: (endpoint) => ways.paths.of(endpoint) !== "relayed",
    });
  }

  /** Peers may have given this computer up, NATs have forgotten it, and it may be somewhere else. */
  #woke(slept: number): void {
    this.core.log.write("info", "the computer or this process stood still", {
      seconds: Math.round(slept / 1_000),
    });
    const now = this.core.clock.now();
    for (const vif of this.core.vifs.values())
      if (vif instanceof LanVif || vif instanceof TunVif) vif.membership?.handleSlept(slept, now);
    this.ways.handleNetworkChanged(this.core.clock.now());
  }

  #addressesChanged(): void {
    this.sharing.networksChanged();
    const { addresses, routes, lans, unicast, behindTun } = this.networks.addresses();
    this.tun.configure({ addresses, routes, lans }, this.core.log);
    this.discovery.refresh();
    const { vif } = this.tun;
    const own = addresses.flatMap(({ address }) =>
      vif === undefined
        ? []
        : [{ ...mappedPrefix({ address, length: family(address) === 4 ? 32 : 128 }), vif }],
    );
    const forwarded = behindTun.flatMap((prefix) =>
      vif === undefined ? [] : [{ ...mappedPrefix(prefix), vif, lan: true }],
    );
    this.fastPath.send({ type: "unicast-routes", routes: [...own, ...unicast, ...forwarded] });
    this.lanSharing.refresh();
    this.core.changed();
  }
}

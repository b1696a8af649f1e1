import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { onTestFinished } from "vitest";
import * as v from "valibot";
import { METHODS, type Method, type Params, type Result } from "#contract/methods.ts";
import { snapshotSchema, type Snapshot } from "#contract/snapshot.ts";
import type { Clock } from "#ports/clock.ts";
import type { RelaySocketOptions } from "#ports/amt-relay.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { LinkSocketOptions } from "#ports/link-socket.ts";
import type { Link } from "#ports/links.ts";
import type { DaemonApi, PeerCredentials } from "#runtime/control/daemon-api.ts";
import { Engine } from "#runtime/engine.ts";
import { daemonHandlers } from "#runtime/handlers/daemon-handlers.ts";
import { defaultLanMode } from "#runtime/lan-policy.ts";
import { RingLog } from "#runtime/log.ts";
import { PeersFile } from "#runtime/peers-file/peers-file.ts";
import { RoutesFile } from "#runtime/routes-file/routes-file.ts";
import { Metrics } from "#runtime/metrics/metrics.ts";
import { StateKeeper } from "#runtime/state-keeper.ts";
import type { LanSetting } from "#runtime/store/state.ts";
import { TunVif } from "#runtime/tun-vif.ts";
import { SnapshotBuilder } from "#runtime/view/snapshot-builder.ts";
import { encodeMembershipPacket } from "#wire/membership-packet.ts";
import { openFakeRouterLink, type FakeRouter } from "./fake-router.ts";
import { type FakeRelays, NO_NAMES } from "./fake-relays.ts";
import { FakeFastPath } from "./fake-fast-path.ts";
import { FakeGateway, FakeJoins, FakeLan, FakeLinks, FakeProbe, FakeTun } from "./fake-devices.ts";
import type { Launcher } from "#edge/linux/launcher.ts";
import { NO_STREAMS } from "./fake-streams.ts";
import type { Host, Listener, World } from "./world.ts";

export interface ComputerOptions {
  readonly name: string;
  readonly endpoint: Endpoint;
  /** Interfaces; by default none. */
  readonly links?: readonly Link[];
  /** Which LAN an interface is plugged into, by name of the interface. */
  readonly segments?: Readonly<Record<string, string>>;
  readonly lans?: readonly LanSetting[];
  /** Of its network; by default it knows nothing of ports. */
  readonly router?: FakeRouter;
  /** Its port is not of the command line: the one that is set, or the daemon's own choice. */
  readonly portOfSettings?: true;
  /** Ports that another program has. */
  readonly busyPorts?: Set<number>;
  /** Its AMT relays and name servers; by default none. */
  readonly amt?: FakeRelays;
  /** By default there is no DHT. */
  readonly dhtLauncher?: Launcher;
  /** What stands in its routes file before it starts. */
  readonly routes?: string;
  /** The text of its peers file; undefined: there is none. */
  readonly peers?: string;
  /** State of an earlier run. */
  readonly folder?: string;
}

interface Plug {
  readonly heard: Set<Listener>;
  readonly member: Listener;
}

type Called = Exclude<Method, "status" | "watch">;
const ROOT: PeerCredentials = { uid: 0, gid: 0, pid: 1 };
const clock: Clock = { now: () => performance.now(), wall: () => Date.now() };

/** A daemon in memory: all of the slow path as it is, around it a world that is simulated. */
export class Computer implements Host {
  readonly options: ComputerOptions;
  readonly folder: string;
  readonly keeper: StateKeeper;
  readonly engine: Engine;
  readonly api: DaemonApi;
  readonly snapshots: SnapshotBuilder;
  readonly log: RingLog;
  readonly metrics: Metrics;
  readonly fast: FakeFastPath;
  readonly links: FakeLinks;
  readonly joins = new FakeJoins();
  readonly tun = new FakeTun();
  readonly probe = new FakeProbe();
  readonly gateway = new FakeGateway();
  readonly lans: FakeLan[] = [];
  /** Of discovery proxies, and what they sent. */
  readonly linkSockets = new Set<{ readonly options: LinkSocketOptions; readonly sent: Uint8Array[] }>();
  /** Of an AMT relay. */
  readonly relaySockets = new Set<{
    readonly options: RelaySocketOptions;
    readonly sent: { readonly to: Endpoint; readonly data: Uint8Array }[];
  }>();
  /** Interfaces that cannot be opened. */
  readonly brokenLans = new Set<string>();
  shutdowns = 0;
  endpoint: Endpoint;
  #woke: (slept: number) => void = () => {};
  readonly #world: World;
  readonly #routes: RoutesFile;
  readonly #peers: PeersFile;
  readonly #plugs = new Map<number, Plug>();

  static async start(world: World, options: ComputerOptions): Promise<Computer> {
    const folder = options.folder ?? temporaryFolder();
    const log = new RingLog("debug", () => {}, false);
    const randomKey = (): Uint8Array => world.random.bytes(32);
    const loaded = StateKeeper.load({ folder, newState: false, clock, log, randomKey });
    const computer = new Computer(world, { ...options, folder }, await world.answer(loaded), log);
    onTestFinished(async () => {
      computer.fast.kill();
      computer.engine.core.scheduler.stop();
      await computer.keeper.close().catch(() => {}); // a test may have made saving fail
    });
    await world.answer(computer.#routes.load());
    await world.answer(computer.#peers.load());
    computer.engine.start();
    return computer;
  }

  private constructor(world: World, options: ComputerOptions, keeper: StateKeeper, log: RingLog) {
    this.#world = world;
    this.options = options;
    this.folder = options.folder!;
    this.endpoint = options.endpoint;
    this.keeper = keeper;
    this.log = log;
    const ownKey = keeper.state.machine.publicKey;
    const file = { optional: true, log, wall: () => clock.wall() };
    this.#routes = new RoutesFile({ ...file, path: join(this.folder, "routes.conf") });
    this.#peers = new PeersFile({ ...file, path: join(this.folder, "peers.conf"), ownKey });
    if (options.routes !== undefined) writeFileSync(this.#routes.path, options.routes, { mode: 0o600 });
    if (options.peers !== undefined) this.writePeers(options.peers);
    this.links = new FakeLinks(options.links ?? []);
    this.fast = new FakeFastPath(
      (to, data) => world.send(this.endpoint, to, data),
      (fd, payload) => this.#beacon(fd, payload),
    );
    world.bind(options.endpoint, this);
    this.engine = new Engine({
      clock,
      entropy: { bytes: (length) => world.random.bytes(length) },
      log,
      keeper,
      port: options.portOfSettings ? undefined : options.endpoint.port,
      access: {
        devices: true,
        tunnelEnd: (core) => new TunVif(core, core.takeVifId()!, this.tun, this.joins),
        lanMode: defaultLanMode,
        openLan: (of, mode) => this.#openLan(of, mode),
      },
      ports: {
        dhtLauncher: options.dhtLauncher,
        uidOf: () => undefined,
        hasAes: true,
        openDatagrams: (port) => {
          if (options.busyPorts?.has(port)) throw new Error(`bind UDP port ${port}: EADDRINUSE`);
          return { fd: 3, port, receiveBuffer: 8 << 20, close: () => {} };
        },
        sendDatagram: (from, to, data) => {
          if (!options.amt?.send(from, to, data)) world.send(this.endpoint, to, data);
        },
        openAmtSocket: () => options.amt!.open(),
        nameLookup: options.amt?.lookup ?? NO_NAMES,
        watchStream: (_interface, source, group) => ({
          seen: () => options.amt?.native.has(`${source} ${group}`) === true,
          close: () => {},
        }),
        streamSockets: NO_STREAMS,
        startFastPath: () => this.fast,
        watchSleep: (woke) => {
          this.#woke = woke;
          return { close: () => {} };
        },
        openLinks: () => this.links,
        openLinkSocket: (of) => {
          const socket = { options: of, sent: [] as Uint8Array[] };
          this.linkSockets.add(socket);
          return {
            send: (payload) => void socket.sent.push(payload),
            close: () => void this.linkSockets.delete(socket),
          };
        },
        openRelaySocket: (of) => {
          const socket = { options: of, sent: [] as { to: Endpoint; data: Uint8Array }[] };
          this.relaySockets.add(socket);
          return {
            fd: 100 + this.relaySockets.size,
            send: (to, data) => socket.sent.push({ to, data }) > 0,
            close: () => void this.relaySockets.delete(socket),
          };
        },
        openRouterLink: (client, events) => openFakeRouterLink(options.router, client, events),
        openGateway: () => this.gateway,
        openRouterSocket: (name) => this.gateway.openRouter(name),
        openJoins: () => ({ own: this.joins, local: this.joins }),
      },
      lans: options.lans ?? [],
      socketVifs: [],
      routesFile: this.#routes,
      peersFile: this.#peers,
      build: "0.1.0",
      hostname: options.name,
      changed: () => {},
    });
    this.snapshots = new SnapshotBuilder(this.engine, keeper, "0.1.0");
    const { engine, snapshots } = this;
    const controlSocket = join(this.folder, "control.sock");
    this.metrics = new Metrics({ engine, keeper, snapshots, clock, log, controlSocket });
    this.api = daemonHandlers({
      engine,
      keeper,
      snapshots,
      log,
      metrics: this.metrics,
      probe: this.probe,
      shutdown: () => this.shutdowns++,
    });
  }

  arrive(data: Uint8Array, from: Endpoint): void {
    this.fast.arrive(data, from);
  }

  /** A call as a client makes it, checked by the contract both ways; lets time pass until it is answered. */
  async call<M extends Called>(method: M, params: Params<M>): Promise<Result<M>> {
    const handler = this.api[method] as (params: Params<M>, caller: PeerCredentials) => Promise<Result<M>>;
    const parsed = v.parse(METHODS[method].params, params) as Params<M>;
    const result = await this.#world.answer((async () => handler(parsed, ROOT))());
    return v.parse(METHODS[method].result, result) as Result<M>;
  }

  /** What `castaway status` shows. */
  status(): Snapshot {
    return v.parse(snapshotSchema, this.api.snapshot());
  }

  /** This computer's public key in base64. */
  get key(): string {
    return this.keeper.state.machine.publicKey.toBase64();
  }

  /** Its peers file, which counts from the next start or `routes.reload` on. */
  writePeers(text: string): void {
    writeFileSync(join(this.folder, "peers.conf"), text, { mode: 0o600 });
  }

  /** An invite to this computer's network, its endpoint in it. */
  async invite(params: Params<"invite.create"> = {}): Promise<string> {
    const { address, port } = this.endpoint;
    const { link } = await this.call("invite.create", { endpoints: [`${address}:${port}`], ...params });
    return link;
  }

  /** Ends as by SIGTERM, or as by an update. */
  async stop(reason: "bye" | "restarting" = "bye"): Promise<void> {
    await this.#world.answer(this.engine.close(reason));
    this.#world.unbind(this.endpoint);
    await this.#world.answer(this.keeper.close());
  }

  /** Ends as by SIGKILL: not a word to anybody. What was to be written is on disk; test/helper/store has the rest. */
  async kill(): Promise<void> {
    this.fast.kill();
    this.engine.core.scheduler.stop();
    this.#world.unbind(this.endpoint);
    await this.#world.answer(this.keeper.close());
  }

  /** The same computer, started again with the state that it left. */
  again(change: Partial<ComputerOptions> = {}): Promise<Computer> {
    return Computer.start(this.#world, { ...this.options, folder: this.folder, ...change });
  }

  /** Closes its lid: nothing runs, nothing is heard. Wakes up after that time. */
  async sleep(ms: number): Promise<void> {
    this.#world.unbind(this.endpoint);
    this.engine.core.scheduler.stop();
    await this.#world.run(ms);
    this.#world.bind(this.endpoint, this);
    this.#woke(ms);
  }

  /** Its outer address changes, and nobody tells it. */
  moveTo(endpoint: Endpoint): void {
    this.#world.unbind(this.endpoint);
    this.endpoint = endpoint;
    this.#world.bind(endpoint, this);
  }

  /** A program on this computer joins a group on the TUN, or leaves it. */
  joinsGroup(group: string, joins = true): void {
    const source = group.includes(":") ? "fe80::2" : "10.0.0.2";
    const type = joins ? "to-exclude" : "to-include";
    const message = { kind: "report", version: 3, records: [{ type, group, sources: [] }] } as const;
    const vif = this.engine.tun.vif!;
    this.fast.emit({
      type: "membership-packet",
      vif,
      own: true,
      packet: encodeMembershipPacket(message, source),
    });
  }

  /** A packet to a group comes in by the vif of that name. Returns nothing: look at `fast.delivered`. */
  hears(vifName: string, group: string, source: string): void {
    const vif = [...this.engine.core.vifs.values()].find(({ name }) => name === vifName);
    if (!vif) throw new Error(`no vif ${vifName}`);
    this.fast.forward(vif.id, { group, source, hops: 8 });
  }

  vifNames(): string[] {
    return [...this.engine.core.vifs.values()].map(({ name }) => name).sort();
  }

  #openLan(of: Link, mode: "full" | "local"): FakeLan {
    if (this.brokenLans.has(of.name)) throw new Error("permission denied");
    const lan = new FakeLan(of, mode);
    this.lans.push(lan);
    const segment = this.options.segments?.[of.name];
    if (segment === undefined) return lan;
    const heard = this.#world.segment(segment);
    const member = {
      hear: (data: Uint8Array) => {
        for (const [vif, { device }] of this.fast.vifs)
          if (device.kind === "lan" && device.fd === lan.fd)
            this.fast.emit({ type: "beacon", vif, from: Uint8Array.of(2, 9, 9, 9, 9, 9), data });
      },
    };
    heard.add(member);
    this.#plugs.set(lan.fd, { heard, member });
    return lan;
  }

  #beacon(fd: number, payload: Uint8Array): void {
    const plug = this.#plugs.get(fd);
    if (plug) for (const other of plug.heard) if (other !== plug.member) other.hear(payload);
  }
}

export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "castaway-runtime-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

export const HOME: ComputerOptions = {
  name: "home",
  endpoint: { address: "192.0.2.1", port: 42268 },
};
export const LAPTOP: ComputerOptions = {
  name: "laptop",
  endpoint: { address: "198.51.100.7", port: 5000 },
};
export const PHONE: ComputerOptions = {
  name: "phone",
  endpoint: { address: "2001:db8:5::1", port: 6000 },
};

/** A computer that hosts a network. */
export async function host(world: World, options: ComputerOptions = HOME, name = "Home"): Promise<Computer> {
  const computer = await Computer.start(world, options);
  await computer.call("up", { name });
  return computer;
}

/** A computer that is in the network of another one, and knows all of it. */
export async function guestOf(
  of: Computer,
  world: World,
  options: ComputerOptions = LAPTOP,
): Promise<Computer> {
  const computer = await Computer.start(world, options);
  await computer.call("join", { link: await of.invite() });
  await world.run(1_000);
  return computer;
}

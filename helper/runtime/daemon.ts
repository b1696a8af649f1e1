// `castaway daemon`: the composition root.
import { randomBytes } from "node:crypto";
import { chownSync, mkdirSync } from "node:fs";
import { hostname } from "node:os";
import { dirname, join, resolve } from "node:path";
import packageJson from "../../package.json" with { type: "json" };
import { dumpText } from "#contract/dump-text.ts";
import { ControlError } from "#contract/errors.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { bootClock } from "#edge/linux/boot-clock.ts";
import { findAccount } from "#edge/linux/accounts.ts";
import { prepareLauncher } from "#edge/linux/launcher.ts";
import { peerCredentials } from "#edge/linux/peer-credentials.ts";
import { preferToOthers } from "#edge/linux/priority.ts";
import { releaseUnusedCode } from "#edge/linux/unused-code.ts";
import {
  canBecomeOthers,
  hasNetworkPrivileges,
  reducePrivileges,
  type ReduceOptions,
} from "#edge/linux/privileges.ts";
import { tellServiceManager, type ServiceState } from "#edge/linux/service-manager.ts";
import { linuxProbe } from "#edge/linux/system-probe.ts";
import { startControlServer, type ControlServer } from "./control/server.ts";
import { daemonHandlers } from "./handlers/daemon-handlers.ts";
import { ContinuedSignal } from "./continued-signal.ts";
import type { DaemonOptions } from "./daemon-options.ts";
import { DumpFile } from "./dump-file.ts";
import { Engine, type EngineOptions } from "./engine.ts";
import { linuxPorts, portsWithoutNetworks, type FastPathHandle } from "./engine-ports.ts";
import { RingLog } from "./log.ts";
import { applyChange } from "./handlers/proxy-handlers.ts";
import { DEFAULT_PROXY, type ProxySettings } from "./store/proxy-settings.ts";
import { isJournal } from "./journal.ts";
import { Metrics } from "./metrics/metrics.ts";
import { PeersFile } from "./peers-file/peers-file.ts";
import { reloadFiles } from "./reload-files.ts";
import { RoutesFile } from "./routes-file/routes-file.ts";
import { dhtProgram } from "./resources.ts";
import { relayDump } from "./view/amt-relay-view.ts";
import { SnapshotBuilder } from "./view/snapshot-builder.ts";
import { StateKeeper } from "./state-keeper.ts";
import { fullAccess, lansAccess, plainAccess, type SystemAccess } from "./system-access.ts";

const DEFAULT_ROUTES = "/etc/castaway/routes.conf";
const DEFAULT_PEERS = "/etc/castaway/peers.conf";
const DEFAULT_TUN = "castaway0";
/** Watching clients are told of changes this often at most. */
const PUBLISH_MS = 500;
/** By then everything that is done once has been done. */
const STARTED_MS = 10_000;

const clock = bootClock();

/** Runs until a signal or `castaway daemon --stop`. Rejects where it cannot start. */
export async function runDaemon(options: DaemonOptions): Promise<void> {
  const access = becomeLess(options);
  const journal = !options.foreground && isJournal(process.env["JOURNAL_STREAM"], process.stderr.fd);
  const print = options.jsonLog ? () => {} : (text: string) => void process.stderr.write(text);
  const log = new RingLog(options.logLevel, print, journal);
  if (options.jsonLog) log.onLine((line) => process.stdout.write(`${JSON.stringify(line)}\n`));
  const keeper = await StateKeeper.load({
    folder: options.stateDirectory,
    newState: options.newState,
    clock,
    log,
    randomKey: () => randomBytes(32),
  });
  if (options.proxy)
    // The upstream is where sources are: no tunnel is made for what its routers bring.
    keeper.setSettings({
      proxy: { ...DEFAULT_PROXY, on: true },
      amt: { ...keeper.state.settings.amt, automatic: false },
    });
  const routesFile = new RoutesFile({
    path: resolve(options.routesFile ?? DEFAULT_ROUTES),
    optional: options.routesFile === undefined,
    log,
    wall: () => clock.wall(),
  });
  const peersFile = new PeersFile({
    // A proxy alone has no peers, whatever the service has: there is no such file in a new folder.
    path: options.proxy
      ? join(options.stateDirectory, "peers.conf")
      : resolve(options.peersFile ?? DEFAULT_PEERS),
    optional: options.peersFile === undefined,
    ownKey: keeper.state.machine.publicKey,
    log,
    wall: () => clock.wall(),
  });
  // Mistakes are logged, and shown as warnings; the tunnel does not wait for them.
  await Promise.allSettled([routesFile.load(), peersFile.load()]);
  let publishSoon = (): void => {};
  const engine = await makeEngine({
    clock,
    entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
    log,
    keeper,
    port: options.port,
    access,
    ports: {
      ...(options.proxy ? portsWithoutNetworks(clock) : linuxPorts(clock)),
      ...(!options.kernelForwarding && { openKernelMulticast: undefined }),
    },
    lans: options.lans,
    socketVifs: options.socketVifs,
    amtRelay: options.amtRelay,
    routesFile,
    peersFile,
    proxy: commandLineProxy(options),
    build: packageJson.version,
    hostname: hostname(),
    changed: () => publishSoon(),
  });
  const snapshots = new SnapshotBuilder(engine, keeper, packageJson.version);
  const metrics = new Metrics({ engine, keeper, snapshots, clock, log, controlSocket: options.socketPath });
  /** What clients see; what is announced is worth hearing while there are any. */
  const look = (): Snapshot => {
    if (!options.proxy) engine.announcements.looked(); // a proxy joins nothing of its own
    return snapshots.snapshot();
  };
  const ending = Promise.withResolvers<"bye" | "restarting">();
  const server = await startControlServer({
    path: options.socketPath,
    buildVersion: packageJson.version,
    api: {
      ...daemonHandlers({
        engine,
        keeper,
        snapshots,
        log,
        metrics,
        probe: linuxProbe,
        shutdown: () => ending.resolve("bye"),
      }),
      snapshot: look,
    },
    access: {
      ownUid: process.getuid?.() ?? 0,
      owners: () => [
        ...keeper.state.settings.owners,
        ...(options.sudoUid === undefined ? [] : [options.sudoUid]),
      ],
      others: "read",
    },
    peerCredentials: (socket) => {
      try {
        return peerCredentials(socket);
      } catch {
        return undefined;
      }
    },
    clock,
    log,
  }).catch(async (error: unknown) => {
    await engine.close("bye");
    throw error;
  });
  const publisher = new Publisher(server, look);
  publishSoon = () => publisher.soon();
  log.onLine((line) => server.publishLog({ ...line }));
  engine.start();
  await metrics.start();
  log.write("info", "castaway runs", { version: packageJson.version, port: engine.datagrams.port });
  tellManager("READY=1", log);

  setTimeout(releaseUnusedCode, STARTED_MS).unref();

  const dump = new DumpFile({
    socketPath: options.socketPath,
    text: () => dumpText(snapshots.snapshot(), snapshots.stats(), clock.wall(), relayDump(engine)),
    log,
  });
  process.on("SIGUSR1", () => void dump.write());
  const continued = new ContinuedSignal(() => engine.continued());
  let closing = false;
  process.on("SIGHUP", () => {
    // A terminal that was closed is no request to read a file.
    if (options.foreground && process.stderr.isTTY) return ending.resolve("bye");
    reloadFiles(engine, () => !closing).then(
      ({ entries, peers }) => log.write("info", "the files were read anew", { entries, peers }),
      () => publishSoon(), // logged
    );
  });
  // As systemd sends it at a restart (RestartKillSignal): the device stays for the daemon that follows.
  process.once("SIGUSR2", () => ending.resolve("restarting"));
  for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => ending.resolve("bye"));
  engine.fastPath.ended.then(
    () => ending.reject(new Error("the fast path ended by itself")),
    (error: unknown) => ending.reject(error instanceof Error ? error : new Error(String(error))),
  );

  const reason = await ending.promise;
  closing = true;
  log.write("info", "castaway ends", { reason });
  tellManager("STOPPING=1", log);
  continued.stop(); // systemd sends one behind SIGTERM: there is nothing to go on with
  publisher.stop();
  await server.close(reason === "restarting" ? "update" : "shutdown");
  await metrics.close();
  await engine.close(reason);
  await keeper.close();
  log.close();
}

/** A manager that hears nothing waits, and says so itself. */
function tellManager(state: ServiceState, log: RingLog): void {
  try {
    tellServiceManager(state, process.env["NOTIFY_SOCKET"]);
  } catch (error) {
    log.write("warn", "the service's manager could not be told", { state, error: String(error) });
  }
}

/** undefined: nothing was said about it, so that a file may say all. Throws ControlError where it makes no sense. */
function commandLineProxy({ proxy }: DaemonOptions): ProxySettings | undefined {
  return proxy && Object.keys(proxy).length > 0
    ? applyChange(DEFAULT_PROXY, { ...proxy, on: true })
    : undefined;
}

/** Throws what keeps a device from being had, and leaves no thread behind that would keep the process running. */
async function makeEngine(options: EngineOptions): Promise<Engine> {
  let fastPath: FastPathHandle | undefined;
  const startFastPath = (): FastPathHandle => (fastPath = options.ports.startFastPath());
  try {
    return new Engine({ ...options, ports: { ...options.ports, startFastPath } });
  } catch (error) {
    await fastPath?.stop();
    throw error;
  }
}

/** Shows clients what has changed, all of it at once and not too often. */
class Publisher {
  readonly #server: ControlServer;
  readonly #look: () => Snapshot;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: ControlServer, look: () => Snapshot) {
    this.#server = server;
    this.#look = look;
  }

  soon(): void {
    if (this.#timer || this.#server.clients() === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      if (this.#server.clients() === 0) return;
      this.#server.publish(this.#look());
      this.soon(); // rates change while somebody looks
    }, PUBLISH_MS);
  }

  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Root makes what it alone may make, then goes on with two capabilities, or with none where no device is wanted. */
function becomeLess(options: DaemonOptions): SystemAccess {
  const { user, stateDirectory, socketPath, tunName } = options;
  const devices = tunName !== false && hasNetworkPrivileges();
  if (!devices) checkWithoutDevices(options);
  const reduce: ReduceOptions = {};
  if (process.getuid?.() === 0 && user !== undefined) {
    const account = findAccount(user);
    if (!account)
      throw new ControlError(
        "not-found",
        `there is no account "${user}"`,
        `Make it: useradd --system ${user}`,
      );
    for (const folder of [stateDirectory, dirname(socketPath)]) {
      mkdirSync(folder, { recursive: true, mode: folder === stateDirectory ? 0o700 : 0o755 });
      chownSync(folder, account.uid, account.gid);
    }
    Object.assign(reduce, { user: account });
  }
  if (!options.proxy) prepareDhtLauncher();
  if (devices) preferToOthers();
  reducePrivileges({ ...reduce, keep: devices ? "network" : "none" });
  if (options.proxy) return lansAccess();
  return devices ? fullAccess(tunName || DEFAULT_TUN) : plainAccess();
}

/** Only who may still become another user can see to it that the DHT's process is one. */
function prepareDhtLauncher(): void {
  const account = canBecomeOthers() && (findAccount("castaway-dht") ?? findAccount("nobody"));
  if (account) prepareLauncher(account, dhtProgram());
}

/** Throws where what was asked for needs devices that cannot be had. */
function checkWithoutDevices({ socketVifs, lans, tunName, proxy }: DaemonOptions): void {
  if (proxy)
    throw new ControlError(
      "permission-denied",
      "a proxy needs the packets of network interfaces, for which this process has no privileges",
      "Start it as root: sudo castaway proxy",
    );
  const lan = lans.find(({ mode }) => mode !== "off");
  if (socketVifs.length === 0 && tunName === false)
    throw new ControlError(
      "bad-request",
      "without a TUN nothing would be carried",
      "Choose groups for it: castaway daemon --no-tun --socket-vif GROUP:PORT",
    );
  if (socketVifs.length > 0 && !lan && (tunName === false || tunName === undefined)) return;
  const what = tunName ? `--tun ${tunName}` : lan ? `--lan ${lan.name}` : "the service";
  throw new ControlError(
    tunName === false ? "bad-request" : "permission-denied",
    `${what} needs network devices, for which this process has no privileges`,
    "Start it as root (sudo castaway daemon, or its systemd unit), or let it carry chosen groups by plain " +
      "sockets: castaway daemon --socket-vif GROUP:PORT",
  );
}

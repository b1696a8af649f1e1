import type {
  DaemonInfo,
  Group,
  Lan,
  Snapshot,
  StaticRoute,
  Stats,
  Traffic,
  Warning,
} from "#contract/snapshot.ts";
import type { Reach } from "#contract/reach.ts";
import type { Sharing as SharingView } from "#contract/sharing.ts";
import { TLS_PORT } from "#protocol/reach/stream-targets.ts";
import type { Engine } from "../engine.ts";
import { Peer } from "../peer.ts";
import type { StateKeeper } from "../state-keeper.ts";
import { addressOrPrefix, type StaticEntry } from "../store/static-entry.ts";
import { relayCounters } from "./amt-relay-view.ts";
import { AmtView } from "./amt-view.ts";
import { GroupView } from "./group-view.ts";
import { membershipCounters } from "./membership-counters.ts";
import { NetworkView } from "./network-view.ts";
import { doubleNatWarning, reachView } from "./reach-view.ts";
import { proxyWarnings } from "./proxy-warnings.ts";
import { NO_TRAFFIC } from "./traffic.ts";
import { VifView, dropsOf } from "./vif-view.ts";

const MAX_TTL_WARNINGS = 16;

/** What clients are shown, put together from the machines and the fast path's counters. */
export class SnapshotBuilder {
  readonly networks: NetworkView;
  readonly #engine: Engine;
  readonly #keeper: StateKeeper;
  readonly #version: string;
  readonly #startedAt: number;
  readonly #groups: GroupView;
  readonly #vifs: VifView;
  readonly #amt: AmtView;

  constructor(engine: Engine, keeper: StateKeeper, version: string) {
    this.#engine = engine;
    this.#keeper = keeper;
    this.#version = version;
    this.#startedAt = engine.core.clock.wall();
    this.networks = new NetworkView(engine);
    this.#groups = new GroupView(engine);
    this.#vifs = new VifView(engine);
    this.#amt = new AmtView(engine);
  }

  snapshot(): Snapshot {
    const groups = this.#groups.groups(this.#keeper.state.settings.sharing.presets);
    return {
      daemon: this.daemon(),
      networks: this.networks.networks(),
      vifs: this.#vifs.vifs(),
      groups,
      routes: this.routes(),
      lans: this.lans(),
      reach: this.reach(),
      sharing: this.sharing(),
      amt: this.#amt.amt(this.#keeper.state.settings.amt),
      proxy: this.#engine.proxy.view(),
      warnings: this.#warnings(groups),
    };
  }

  routes(): StaticRoute[] {
    const ofFile = this.#engine.routesFile?.entries ?? [];
    const all: readonly (StaticEntry & { readonly origin?: string })[] = [
      ...ofFile,
      ...this.#keeper.state.settings.routes,
    ];
    return all.map(({ id, group, source, fromVif, toVifs, origin }) => ({
      id,
      group: addressOrPrefix(group),
      source: source && addressOrPrefix(source),
      fromVif,
      toVifs: [...toVifs],
      active: this.#engine.statics.isActive(id),
      ...(origin !== undefined && { origin }),
    }));
  }

  lans(): Lan[] {
    const { lans } = this.#engine;
    return lans
      .links()
      .filter((link) => link.kind !== "loopback" && link.multicast)
      .map((link) => ({
        name: link.name,
        index: link.index,
        up: link.up && link.running,
        addresses: link.addresses.map((own) => own.address),
        ...lans.choice(link.name),
      }));
  }

  reach(): Reach {
    const { ways, port } = this.#engine;
    return reachView(this.#keeper.state.settings.reach, port, ways.mapping.state, ways.dht.rendezvous);
  }

  sharing(): SharingView {
    const { presets, raiseTtl } = this.#keeper.state.settings.sharing;
    const proxies = this.#engine.discovery.running();
    return { presets: [...presets], proxies, raisedTtl: [...raiseTtl] };
  }

  stats(): Stats {
    const { core, fastPath, ways, announcements, kernelForwarding } = this.#engine;
    const traffic = { ...NO_TRAFFIC };
    const drops: Record<string, number> = { ...fastPath.transportCounters().drops };
    for (const vif of core.vifs.values()) {
      if (vif.id === announcements.vif) continue;
      const counters = fastPath.counters(vif.id);
      const byKernel = kernelForwarding?.traffic(vif.id) ?? NO_TRAFFIC;
      for (const key of Object.keys(traffic) as (keyof Traffic)[])
        traffic[key] += counters[key] + byKernel[key];
      for (const [reason, count] of Object.entries(dropsOf(vif, counters)))
        drops[reason] = (drops[reason] ?? 0) + count;
    }
    const counters: Record<string, number> = {
      "session.handshakes-accepted": ways.transport.counters.accepted,
      "session.cookies-sent": ways.transport.counters.cookies,
      "session.unknown-frames": ways.transport.counters.unknown,
      "port-mapping.answers-dropped": ways.mapping.dropped,
    };
    for (const [name, count] of Object.entries(this.#engine.discovery.counters())) counters[name] = count;
    for (const [name, count] of Object.entries(announcements.counters())) counters[`sap.${name}`] = count;
    for (const [what, count] of Object.entries(ways.streaming.incoming.counters))
      counters[`streams.${what}`] = count;
    Object.assign(counters, relayCounters(this.#engine));
    for (const [reason, count] of ways.transport.counters.dropped)
      counters[`session.handshakes-dropped-${reason}`] = count;
    for (const [reason, count] of Object.entries(core.forwarding.drops))
      counters[`forwarding.${reason}`] = count;
    Object.assign(counters, membershipCounters(core.vifs.values()));
    for (const vif of core.vifs.values())
      if (vif instanceof Peer && vif.session.path.breaker.state !== "closed") {
        const name = `path.breakers-${vif.session.path.breaker.state}`;
        counters[name] = (counters[name] ?? 0) + 1;
      }
    return {
      uptimeMs: core.clock.wall() - this.#startedAt,
      rssBytes: process.memoryUsage.rss(),
      traffic,
      drops,
      counters,
    };
  }

  daemon(): DaemonInfo {
    const { tun, datagrams } = this.#engine;
    return {
      version: this.#version,
      startedAt: this.#startedAt,
      pid: process.pid,
      hostname: this.#engine.hostname,
      tun: tun.name ?? null,
      port: datagrams.port,
    };
  }

  #warnings(groups: readonly Group[]): Warning[] {
    const lans = [...this.#engine.lans.failures].map(([name, { reason, since }]) => ({
      code: "lan-failed",
      message: `The interface ${name} cannot be used: ${reason}`,
      remedy: `castaway lans set ${name} off`,
      since,
    }));
    const { routesFile, peersFile } = this.#engine;
    const ofFile = [
      { kind: "routes", file: routesFile, check: `castaway check-config ${routesFile?.path}` },
      { kind: "peers", file: peersFile, check: `castaway check-config --peers ${peersFile?.path}` },
    ].flatMap(({ kind, file, check }) =>
      file?.fault
        ? [
            {
              code: `${kind}-file`,
              message: `The ${kind} file is not in use as it is now: ${file.fault.message}`,
              remedy: check,
              since: file.fault.since,
            },
          ]
        : [],
    );
    const doubleNat = doubleNatWarning(this.#engine.ways.mapping);
    const ports = [...this.#engine.ways.streaming.incoming.problems].map(([port, { reason, since }]) => ({
      code: "port-failed",
      message: `Nobody can connect by TCP port ${port}: ${reason}`,
      remedy: port === TLS_PORT ? "castaway reach --tls off" : "castaway reach --tcp off",
      since,
    }));
    return [
      ...lans,
      ...proxyWarnings(this.#engine.lans.vifs(), this.#startedAt),
      ...ports,
      ...ofFile,
      ...(doubleNat ? [doubleNat] : []),
      ...this.#ttlWarnings(groups),
    ];
  }

  /** Streams that somebody listens to and that go nowhere, because they are sent with TTL 1. */
  #ttlWarnings(groups: readonly Group[]): Warning[] {
    const stopped = groups.filter(
      (group) => group.ttl === 1 && !group.ttlRaised && group.pps > 0 && group.listeners.length > 0,
    );
    return stopped.slice(0, MAX_TTL_WARNINGS).map(({ group, source, inVif, firstSeen }) => ({
      code: "ttl-too-low",
      message: `${group} from ${source} is sent with TTL 1 on ${inVif}, so that it ends there`,
      remedy: `Have the sender raise it, or carry it all the same: castaway groups raise-ttl ${group}`,
      since: firstSeen ?? 0,
    }));
  }
}

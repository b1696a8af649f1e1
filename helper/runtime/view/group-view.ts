// Groups as clients see them: what flows, who listens to what does not, and what is announced.
import type { Group, Listener } from "#contract/snapshot.ts";
import { EXIT_LOCAL, EXIT_WIRE, type ExitKind, type VifId } from "#protocol/forwarding/route-table.ts";
import type { Flow } from "#fastpath/flow-memory.ts";
import type { AnnouncedStream } from "#protocol/discovery/announced-streams.ts";
import { isSapGroup } from "#protocol/discovery/announcements.ts";
import { GroupPurposes } from "#protocol/discovery/group-purpose.ts";
import type { PresetName } from "#protocol/discovery/presets.ts";
import { AmtTunnel } from "../amt/tunnel.ts";
import type { Engine } from "../engine.ts";
import { Peer } from "../peer.ts";
import { FlowLosses } from "./flow-losses.ts";
import { FlowRates } from "./flow-rates.ts";
import { GroupNames } from "./group-names.ts";
import { sessionLoss } from "./session-loss.ts";

/** Announced groups that are listed although nothing flows and nobody listens: what there is to be had. */
const MAX_ANNOUNCED = 256;
/** Groups without a packet for this long and without a listener are not shown any more. */
const SHOWN_MS = 60_000;

export class GroupView {
  readonly #engine: Engine;
  readonly #rates = new FlowRates();
  readonly #losses = new FlowLosses();
  #purposes = new GroupPurposes([]);
  #presets = "";

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  /** `presets`: those that are on. */
  groups(presets: readonly PresetName[]): Group[] {
    const { core, fastPath, announcements, kernelForwarding } = this.#engine;
    const names = new GroupNames(this.#engine, this.#purposesOf(presets));
    const now = core.clock.now();
    const wall = (at: number): number => core.clock.wall() - (now - at);
    const raised = this.#engine.sharing.raised();
    const seen = fastPath.flows(SHOWN_MS);
    const flows = kernelForwarding?.merged(seen) ?? seen;
    const listeners = new Map<string, Listener[]>();
    const silent = new Set<string>();
    for (const { group, refusal, listeners: found } of core.forwarding.dump().groups) {
      if (refusal) continue;
      // That daemons hear announcements, this one or other members', is nobody's stream.
      const others = found.filter(({ vif }) => vif !== announcements.vif);
      if (isSapGroup(group) && others.every(({ vif }) => core.vifs.get(vif) instanceof Peer))
        silent.add(group);
      listeners.set(
        group,
        others.map((listener): Listener => {
          const name = this.#vifName(listener.vif);
          return {
            vif: name,
            mode: listener.mode,
            sources: [...listener.sources],
            local: listener.exit === "local",
            since: core.listenerSince(listener.vif, exitOf(listener.exit), group) ?? core.clock.wall(),
            packets: 0,
            bytes: 0,
          };
        }),
      );
    }
    const shown: Group[] = flows
      .filter(
        ({ egressCount, group, vif }) =>
          // What a relay sends was asked for, before anybody listens too: people then look for it here.
          egressCount > 0 || listeners.has(group) || core.vifs.get(vif) instanceof AmtTunnel,
      )
      .map((flow): Group => {
        const rate = this.#rates.of(flow, now);
        const served = (listeners.get(flow.group) ?? []).filter((listener) =>
          listener.vif === this.#vifName(flow.vif)
            ? false
            : listener.sources.includes(flow.source) === (listener.mode === "include"),
        );
        return {
          group: flow.group,
          source: flow.source,
          ...names.of(flow.group, flow.source, flow.content?.port),
          sourceName: names.ofSource(flow.source),
          port: flow.content?.port ?? null,
          payload: flow.content?.payload ?? null,
          inVif: this.#vifName(flow.vif),
          listeners: served.map((listener) => ({ ...listener, packets: flow.packets, bytes: flow.bytes })),
          packets: flow.packets,
          bytes: flow.bytes,
          rateBps: rate.bitsPerSecond,
          pps: rate.packetsPerSecond,
          ...this.#loss(flow, now),
          ttl: flow.ttl,
          ttlRaised: raised.has(flow.group),
          firstSeen: wall(flow.firstSeen),
          lastSeen: wall(flow.lastSeen),
        };
      })
      .filter(({ group, listeners }) => listeners.length > 0 || !isSapGroup(group));
    const flowing = new Set(shown.map((group) => group.group));
    const announced = announcements.known.streams(MAX_ANNOUNCED, (group) => core.forwarding.mayCross(group));
    const still = (group: string, found: Listener[]): Group => {
      const without = withoutPackets(announced.get(group));
      return {
        ...without,
        ...names.of(group, without.source ?? undefined, without.port ?? undefined),
        sourceName: without.source === null ? null : names.ofSource(without.source),
        group,
        listeners: found,
        ttlRaised: raised.has(group),
      };
    };
    for (const [group, found] of listeners)
      if (!flowing.has(group) && !silent.has(group) && found.length > 0) shown.push(still(group, found));
    for (const group of announced.keys())
      if (!flowing.has(group) && (listeners.get(group)?.length ?? 0) === 0) shown.push(still(group, []));
    this.#rates.forget(now);
    this.#losses.forget(now);
    return shown;
  }

  #purposesOf(presets: readonly PresetName[]): GroupPurposes {
    if (presets.join() !== this.#presets) this.#purposes = new GroupPurposes(presets);
    this.#presets = presets.join();
    return this.#purposes;
  }

  /** What the stream says itself; else, of what came through the tunnel, what the session lost. */
  #loss(flow: Flow, now: number): Pick<Group, "lossRatio" | "lossOf"> {
    const ofStream = this.#losses.of(flow, now);
    if (ofStream !== null) return { lossRatio: ofStream, lossOf: "stream" };
    const { core, fastPath } = this.#engine;
    const ofSession =
      core.vifs.get(flow.vif) instanceof Peer ? sessionLoss(fastPath.counters(flow.vif)) : null;
    return { lossRatio: ofSession, lossOf: ofSession === null ? null : "session" };
  }

  #vifName(id: VifId): string {
    return this.#engine.core.vifs.get(id)?.name ?? `vif ${id}`;
  }
}

/** Of what is announced, or listened to, and does not flow. */
function withoutPackets(
  announced: AnnouncedStream | undefined,
): Omit<Group, "group" | "name" | "nameFrom" | "sourceName" | "listeners" | "ttlRaised"> {
  const [source, another] = announced?.sources ?? [];
  return {
    source: another === undefined ? (source ?? null) : null,
    port: announced?.port ?? null,
    payload: announced?.payload ?? null,
    inVif: null,
    packets: 0,
    bytes: 0,
    rateBps: 0,
    pps: 0,
    lossRatio: null,
    lossOf: null,
    ttl: null,
    firstSeen: null,
    lastSeen: null,
  };
}

function exitOf(exit: "wire" | "local"): ExitKind {
  return exit === "local" ? EXIT_LOCAL : EXIT_WIRE;
}

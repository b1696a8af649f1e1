// What all handlers need: the parts they act on, and how a network is named.
import { ControlError } from "#contract/errors.ts";
import { AddressPoolError } from "#protocol/addressing/prefixes.ts";
import type { SystemProbe } from "#ports/system-probe.ts";
import type { Engine } from "../engine.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";
import type { RingLog } from "../log.ts";
import type { Metrics } from "../metrics/metrics.ts";
import type { StateKeeper } from "../state-keeper.ts";
import type { SnapshotBuilder } from "../view/snapshot-builder.ts";

export interface HandlerParts {
  readonly engine: Engine;
  readonly keeper: StateKeeper;
  readonly snapshots: SnapshotBuilder;
  readonly log: RingLog;
  readonly metrics: Metrics;
  readonly probe: SystemProbe;
  readonly shutdown: () => void;
}

/** The networks as callers name them, by name or id. Throws ControlError for one that is not there. */
export class Named {
  readonly #parts: HandlerParts;

  constructor(parts: HandlerParts) {
    this.#parts = parts;
  }

  /** The network that this computer hosts, if that is the one meant. */
  hosted(network?: string): HostedNetworkRuntime {
    const own = this.#parts.engine.networks.hosted;
    if (own && (network === undefined || network === own.id || network === own.name)) return own;
    throw new ControlError(
      "not-found",
      network === undefined
        ? "this computer hosts no network"
        : `this computer hosts no network "${network}"`,
      "Make one: castaway invite",
    );
  }

  isHosted(network: string): boolean {
    const own = this.#parts.engine.networks.hosted;
    return own !== undefined && (own.id === network || own.name === network);
  }

  /** Is that the network of the peers file? */
  isByFile(network: string): boolean {
    const { byFile } = this.#parts.engine.networks;
    return byFile.config !== undefined && (byFile.id === network || byFile.config.network === network);
  }

  /** The joined network that is meant: the one so called, or the only one where this computer hosts none. */
  joinedUnlessHosted(network?: string): JoinedNetworkRuntime | undefined {
    const { hosted, joined } = this.#parts.engine.networks;
    if (network !== undefined) return this.isHosted(network) ? undefined : this.joined(network);
    return !hosted && joined.size === 1 ? [...joined.values()][0] : undefined;
  }

  joined(network: string): JoinedNetworkRuntime {
    const found = [...this.#parts.engine.networks.joined.values()].filter(
      (one) => one.id === network || one.record.networkName === network,
    );
    if (found.length === 1) return found[0]!;
    throw found.length > 1
      ? new ControlError(
          "conflict",
          `several networks are called "${network}"`,
          "Name one by its id: castaway status",
        )
      : new ControlError("not-found", `there is no network "${network}"`, "List them: castaway status");
  }

  /** Makes the network of this computer where there is none yet. */
  hostIfNew(name?: string): HostedNetworkRuntime {
    const { engine } = this.#parts;
    if (engine.networks.hosted) return engine.networks.hosted;
    try {
      const made = engine.networks.host(name ?? engine.hostname);
      engine.settingsChanged();
      return made;
    } catch (error) {
      if (error instanceof AddressPoolError) throw new ControlError("conflict", error.message);
      throw error;
    }
  }
}

/** What changed is on disk before the caller hears "done". */
export async function saved({ engine, keeper }: HandlerParts): Promise<Record<string, never>> {
  engine.core.turn();
  await keeper.saveNow();
  return {};
}

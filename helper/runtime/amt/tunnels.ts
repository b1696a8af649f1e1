import type { Datagrams } from "#ports/datagrams.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Core } from "../core.ts";
import type { FastPathHandle } from "../engine-ports.ts";
import type { RelayWay } from "./relay-search.ts";
import { AmtTunnel } from "./tunnel.ts";

const MAX_TUNNELS = 32;

export interface AmtTunnelsOptions {
  readonly core: Core;
  readonly fastPath: Pick<FastPathHandle, "counters">;
  /** Throws SystemError. */
  readonly openSocket: () => Datagrams;
  readonly send: (from: Datagrams, to: Endpoint, datagram: Uint8Array) => void;
  /** None of the tunnel's relays answers. */
  readonly exhausted: (tunnel: AmtTunnel) => void;
}

/** The tunnels that there are: one for each list of relays, so that streams of one owner share it. */
export class AmtTunnels {
  readonly #o: AmtTunnelsOptions;
  readonly #byWays = new Map<string, AmtTunnel>();
  #named = 0;

  constructor(options: AmtTunnelsOptions) {
    this.#o = options;
  }

  values(): Iterable<AmtTunnel> {
    return this.#byWays.values();
  }

  /** The tunnel to one of these relays, made where there is none. A text says why that cannot be. */
  to(ways: readonly RelayWay[]): AmtTunnel | string {
    const key = ways.map(({ address, discover, how }) => `${address} ${discover} ${how}`).join();
    const known = this.#byWays.get(key);
    if (known) return known;
    const { core, fastPath, openSocket, send, exhausted } = this.#o;
    const id = this.#byWays.size < MAX_TUNNELS ? core.takeVifId() : undefined;
    if (id === undefined) return "It would take more relays at once than there can be.";
    let socket: Datagrams;
    try {
      socket = openSocket();
    } catch (error) {
      core.vifRemoved(id);
      return `There is no socket for it: ${error instanceof Error ? error.message : String(error)}.`;
    }
    const tunnel: AmtTunnel = new AmtTunnel({
      core,
      id,
      name: `amt-${++this.#named}`,
      ways,
      socket,
      send: (to, datagram) => send(socket, to, datagram),
      received: () => fastPath.counters(id).rxPackets,
      changed: () => core.changed(),
      exhausted: () => exhausted(tunnel),
    });
    this.#byWays.set(key, tunnel);
    return tunnel;
  }

  close(tunnel: AmtTunnel): void {
    for (const [key, one] of this.#byWays) if (one === tunnel) this.#byWays.delete(key);
    tunnel.close();
  }

  closeAll(): void {
    for (const tunnel of this.#byWays.values()) tunnel.close();
    this.#byWays.clear();
  }
}

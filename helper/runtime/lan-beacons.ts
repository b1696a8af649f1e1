import { hmac } from "#noise/hash.ts";
import { LanElection } from "#protocol/forwarding/lan-election.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import { MAX_BEACON_NETWORKS } from "#wire/beacon.ts";
import { labelledHash } from "#protocol/addressing/network-id.ts";
import type { Core } from "./core.ts";
import type { LanVif } from "./lan-vif.ts";
import type { Timed } from "./scheduler.ts";

/** The host of a network is the best forwarder on a LAN: what it forwards crosses the tunnel once less. */
const PRIORITY_HOST = 100;
const PRIORITY_GUEST = 200;

/** A network as the LANs know it. */
export interface LanNetwork {
  readonly id: string;
  readonly host: boolean;
  /** 32 bytes that its members alone know of. */
  readonly hostPublicKey: Uint8Array;
}

export interface LanBeaconsOptions {
  readonly core: Core;
  readonly ownPublicKey: Uint8Array;
  readonly networks: () => readonly LanNetwork[];
  readonly lans: () => Iterable<LanVif>;
}

/** Which member forwards for which network on which LAN, where several of them sit on one. */
export class LanBeacons implements Timed {
  readonly #options: LanBeaconsOptions;
  readonly #elections = new Map<
    VifId,
    {
      readonly lan: LanVif;
      readonly election: LanElection;
      readonly names: Set<string>;
      /** Networks that no beacon has room for. Not carried on this LAN: two members might forward both. */
      readonly leftOut: Set<string>;
    }
  >();

  constructor(options: LanBeaconsOptions) {
    this.#options = options;
    options.core.scheduler.add(this);
  }

  /** Networks or LANs have changed. */
  refresh(): void {
    const { core, lans, networks, ownPublicKey } = this.#options;
    const now = core.clock.now();
    const present = new Map([...lans()].filter((lan) => lan.mode === "full").map((lan) => [lan.id, lan]));
    for (const id of this.#elections.keys()) if (!present.has(id)) this.#elections.delete(id);
    for (const [id, lan] of present) {
      let entry = this.#elections.get(id);
      if (!entry) {
        const election = new LanElection({
          priority: networks().some((network) => network.host) ? PRIORITY_HOST : PRIORITY_GUEST,
          memberId: labelledHash("castaway lan member", ownPublicKey).slice(0, 8),
          interfaceMac: lan.mac,
          epoch: Math.floor(core.clock.wall() / 1000),
          mac: hmac,
        });
        entry = { lan, election, names: new Set(), leftOut: new Set() };
        this.#elections.set(id, entry);
      }
      const wanted = new Map(networks().map((network) => [network.id, network]));
      for (const name of entry.names)
        if (!wanted.has(name)) {
          entry.election.removeNetwork(name, now);
          entry.names.delete(name);
          lan.setPassive(name, false);
        }
      for (const name of entry.leftOut)
        if (!wanted.has(name)) {
          entry.leftOut.delete(name);
          lan.setPassive(name, false);
        }
      for (const [name, network] of wanted) {
        if (entry.names.has(name)) continue;
        lan.setPassive(name, true); // until the election says otherwise
        if (entry.names.size >= MAX_BEACON_NETWORKS) {
          if (!entry.leftOut.has(name))
            core.log.write("warn", "there are more networks than a LAN can carry", {
              interface: lan.name,
              network: name,
              most: MAX_BEACON_NETWORKS,
            });
          entry.leftOut.add(name);
          continue;
        }
        entry.leftOut.delete(name);
        entry.names.add(name);
        const { hostPublicKey } = network;
        entry.election.addNetwork(
          {
            name,
            tag: labelledHash("castaway lan tag", hostPublicKey).slice(0, 8),
            key: labelledHash("castaway lan key", hostPublicKey),
          },
          now,
        );
      }
    }
    this.#drain();
  }

  handle(vif: VifId, from: Uint8Array, payload: Uint8Array, now: number): void {
    this.#elections.get(vif)?.election.handleBeacon(payload, from, now);
    this.#drain();
  }

  pollTimeout(): number | undefined {
    let earliest = Infinity;
    for (const { election } of this.#elections.values())
      earliest = Math.min(earliest, election.pollTimeout() ?? Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const { election } of this.#elections.values()) election.handleTimeout(now);
    this.#drain();
  }

  /** Says goodbye on every LAN, so that another member takes over at once. */
  close(): void {
    const now = this.#options.core.clock.now();
    for (const { election, names } of this.#elections.values())
      for (const name of names) election.removeNetwork(name, now);
    this.#drain();
    this.#options.core.scheduler.remove(this);
  }

  #drain(): void {
    const { core } = this.#options;
    for (const [vif, { lan, election }] of this.#elections)
      for (let command; (command = election.nextCommand());) {
        if (command.type === "send-beacon")
          core.fastPath.send({ type: "send-beacon", vif, payload: command.payload });
        else {
          lan.setPassive(command.network, command.role === "passive");
          core.log.write("info", `this computer is ${command.role} on a LAN`, {
            interface: lan.name,
            network: command.network,
          });
        }
      }
  }
}

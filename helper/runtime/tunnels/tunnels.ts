import type { Tunnel } from "#contract/tunnels.ts";
import { openPlainTun } from "#edge/linux/plain-tun.ts";
import type { Link } from "#ports/links.ts";
import { isLan } from "#ports/links.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import { family, type Address, type Family } from "#wire/address.ts";
import type { Core } from "../core.ts";
import type { TunnelSetting } from "../store/tunnel-settings.ts";
import { Mcasttunnel } from "./mcasttunnel.ts";
import type { RunningTunnel } from "./running-tunnel.ts";
import { Sixtunnel, type SixtunnelParts } from "./sixtunnel.ts";
import type { TunnelVif } from "./tunnel-vif.ts";

export interface TunnelsOptions {
  readonly core: Core;
  readonly settings: () => readonly TunnelSetting[];
  /** This computer's addresses in its networks. */
  readonly networkAddresses: () => readonly { readonly address: Address }[];
  readonly links: () => readonly Link[];
  readonly folder: string;
}

/** The tunnels of other programs' kinds, as they are set. */
export class Tunnels {
  readonly #options: TunnelsOptions;
  readonly #parts: SixtunnelParts;
  readonly #running = new Map<string, { readonly setting: TunnelSetting; readonly tunnel: RunningTunnel }>();
  readonly #vifs = new Map<VifId, TunnelVif>();
  #closed = false;

  constructor(options: TunnelsOptions) {
    const { core, folder } = options;
    this.#options = options;
    this.#parts = {
      core,
      folder,
      openTun: openPlainTun,
      ownAddress: (of) => this.#ownAddress(of),
      addVif: (make) => {
        const id = core.takeVifId();
        if (id === undefined) return undefined;
        const vif = make(id);
        this.#vifs.set(id, vif);
        return vif;
      },
      removeVif: (vif) => {
        this.#vifs.delete(vif.id);
        vif.close();
      },
    };
  }

  /** What is set may have changed. */
  refresh(): void {
    if (this.#closed) return;
    const wanted = new Map(this.#options.settings().map((setting) => [setting.id, setting]));
    for (const [id, { setting, tunnel }] of this.#running)
      if (wanted.get(id) !== setting) {
        this.#running.delete(id);
        tunnel.close();
      }
    for (const [id, setting] of wanted)
      if (!this.#running.has(id)) this.#running.set(id, { setting, tunnel: this.#start(setting) });
  }

  /** False: the vif is none of theirs. */
  packetOut(vif: VifId, packet: Uint8Array, now: number): boolean {
    const found = this.#vifs.get(vif);
    found?.packetOut(packet, now);
    return found !== undefined;
  }

  list(): Tunnel[] {
    return [...this.#running.values()].map(({ setting, tunnel }) => {
      const { problem, peers, ...figures } = tunnel.state();
      const state =
        peers.length > 0
          ? ("up" as const)
          : problem === undefined
            ? ("waiting" as const)
            : ("failed" as const);
      return {
        ...setting,
        ...figures,
        state,
        detail: problem ?? "",
        peers: [...peers],
        drops: { ...figures.drops },
      };
    });
  }

  close(): void {
    this.#closed = true;
    for (const { tunnel } of this.#running.values()) tunnel.close();
    this.#running.clear();
  }

  #start(setting: TunnelSetting): RunningTunnel {
    return setting.kind === "mcasttunnel"
      ? new Mcasttunnel(setting, this.#parts)
      : new Sixtunnel(setting, this.#parts);
  }

  /** In a network the others there know it; else that of the LAN, best of the one with the way out. */
  #ownAddress(of: Family): Address | undefined {
    const inNetwork = this.#options.networkAddresses().find(({ address }) => family(address) === of);
    if (inNetwork) return inNetwork.address;
    const links = this.#options.links().filter(isLan);
    return [...links.filter(({ defaultRoute }) => defaultRoute), ...links]
      .flatMap(({ addresses }) => addresses)
      .find(({ address, scope }) => family(address) === of && scope === "global")?.address;
  }
}

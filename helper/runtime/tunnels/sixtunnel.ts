import { join } from "node:path";
import type { OpenPlainTun } from "#ports/plain-tun.ts";
import { sixCounters } from "#protocol/sixtunnel/counters.ts";
import { parsePrefix } from "#wire/address.ts";
import { SixtunnelClient } from "../sixtunnel/client.ts";
import { DEVICE_DEFAULTS, type SixEndOptions, type SixEvent, type SixFarEnd } from "../sixtunnel/far-end.ts";
import { ownId } from "../sixtunnel/own-id.ts";
import { SixtunnelServer } from "../sixtunnel/server.ts";
import type { TunnelSetting } from "../store/tunnel-settings.ts";
import { Opening } from "./opening.ts";
import { allDrops, type RunningTunnel, type TunnelParts, type TunnelState } from "./running-tunnel.ts";
import { SixtunnelVif } from "./sixtunnel-vif.ts";

type Setting = Extract<TunnelSetting, { kind: "sixtunnel" }>;

export interface SixtunnelParts extends TunnelParts {
  readonly openTun: OpenPlainTun;
  /** Where the assignments are kept. */
  readonly folder: string;
}

/** The IPv6 tunnel: unicast by a TUN device of its own, multicast by a vif for each far end. */
export class Sixtunnel implements RunningTunnel {
  readonly #setting: Setting;
  readonly #parts: SixtunnelParts;
  readonly #counters = sixCounters();
  readonly #vifs = new Set<SixtunnelVif>();
  readonly #opening: Opening<SixtunnelServer | SixtunnelClient>;

  constructor(setting: Setting, parts: SixtunnelParts) {
    this.#setting = setting;
    this.#parts = parts;
    this.#opening = new Opening({ core: parts.core, id: setting.id, open: () => this.#open() });
  }

  state(): TunnelState {
    const { toPeers, fromPeers, drops } = this.#counters;
    const { problem, end } = this.#opening;
    const all = allDrops(drops, ...[...this.#vifs].map(({ vif }) => vif.drops));
    return { problem, peers: end?.peers ?? [], toPeers, fromPeers, drops: all };
  }

  close(): void {
    this.#opening.close();
  }

  async #open(): Promise<SixtunnelServer | SixtunnelClient> {
    const { core, openTun, folder } = this.#parts;
    const setting = this.#setting;
    const options: SixEndOptions = {
      openTun,
      device: { ...DEVICE_DEFAULTS, name: `six-${setting.id}` },
      counters: this.#counters,
      said: (event) => this.#said(event),
      multicast: (farEnd) => this.#link(farEnd),
    };
    const { port } = setting;
    if (setting.role === "server")
      return SixtunnelServer.start({
        ...options,
        address: setting.address ?? undefined,
        port,
        range: parsePrefix(setting.range),
        assignments: join(folder, `sixtunnel-${setting.range.replaceAll(/[:/]+/g, "-")}.json`),
        knownOnly: setting.knownOnly,
      });
    const id = setting.clientId ?? ownId();
    if (id === undefined) throw new Error("no network interface has a MAC address: choose an Id");
    core.log.write("info", "sixtunnel: connects", { tunnel: setting.id, peer: setting.address, id });
    const { address: host, defaultRoute } = setting;
    return new SixtunnelClient({ ...options, host, port, id, defaultRoute });
  }

  #link(farEnd: SixFarEnd): SixtunnelVif | undefined {
    const { core, addVif, removeVif } = this.#parts;
    let made: SixtunnelVif | undefined;
    addVif((id) => {
      made = new SixtunnelVif({
        core,
        id,
        name: `six-${farEnd.prefix.address}`,
        role: this.#setting.role,
        farEnd,
        closed: (vif) => {
          if (made) this.#vifs.delete(made);
          removeVif(vif);
        },
      });
      return made.vif;
    });
    if (made) this.#vifs.add(made);
    else core.log.write("warn", "no multicast for a far end: too many vifs", { tunnel: this.#setting.id });
    core.turn();
    return made;
  }

  #said(event: SixEvent): void {
    const opening = this.#opening;
    if (opening.closed) return;
    const { core } = this.#parts;
    const why = "why" in event ? event.why : undefined;
    const fields = {
      tunnel: this.#setting.id,
      peer: event.peer,
      ...(event.event === "connected" && { id: event.id, prefix: event.prefix }),
      ...(why !== undefined && { reason: why }),
    };
    if (event.event !== "unreachable") core.log.write("info", `sixtunnel: ${event.event}`, fields);
    else if (why !== opening.problem)
      core.log.write("warn", "the other end of a tunnel is not reached", fields);
    if (event.event === "unreachable") opening.problem = why;
    if (event.event === "connected") opening.problem = undefined;
    core.changed();
  }
}

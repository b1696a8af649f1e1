import { RESENT_PORT } from "#ports/group-socket.ts";
import { IpReassembly } from "#protocol/forwarding/ip-reassembly.ts";
import { EXIT_WIRE } from "#protocol/forwarding/route-table.ts";
import { tunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { family } from "#wire/address.ts";
import { decodeIpPart, encodeAddressed } from "#wire/addressed-datagram.ts";
import { DecodeError } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";
import { decodeUdp } from "#wire/udp.ts";
import { TunnelClient, TunnelServer, type EndEvent, type TunnelEnd } from "../mcasttunnel/ends.ts";
import type { TunnelSetting } from "../store/tunnel-settings.ts";
import { Opening } from "./opening.ts";
import { allDrops, type RunningTunnel, type TunnelParts, type TunnelState } from "./running-tunnel.ts";
import { TunnelVif } from "./tunnel-vif.ts";

type Setting = Extract<TunnelSetting, { kind: "mcasttunnel" }>;

/**
 * One group and port through mcasttunnel's TCP. What comes by it lost its source on the way: it goes on with this
 * computer's own, and with the source port that says so, by which no socket vif and no such tunnel takes it again.
 */
export class Mcasttunnel implements RunningTunnel {
  readonly #setting: Setting;
  readonly #parts: TunnelParts;
  readonly #counters = tunnelCounters();
  readonly #peers = new Set<string>();
  readonly #reassembly = new IpReassembly();
  readonly #vif: TunnelVif | undefined;
  /** undefined: there was no vif for it. */
  readonly #opening: Opening<TunnelEnd> | undefined;
  #identification: number;

  constructor(setting: Setting, parts: TunnelParts) {
    const { core } = parts;
    this.#setting = setting;
    this.#parts = parts;
    this.#identification = new DataView(core.entropy.bytes(4).buffer).getUint32(0);
    this.#vif = parts.addVif(
      (id) =>
        new TunnelVif({
          core,
          id,
          name: `mcasttunnel-${setting.id}`,
          kind: "mcasttunnel",
          leave: (packet, now) => this.#leave(packet, now),
        }),
    );
    if (this.#vif) this.#opening = new Opening({ core, id: setting.id, open: () => this.#open() });
  }

  state(): TunnelState {
    const { toPeers, fromPeers, drops } = this.#counters;
    const problem = this.#opening ? this.#opening.problem : "there are as many vifs as there can be";
    const all = allDrops(drops, this.#vif?.drops ?? {});
    return { problem, peers: [...this.#peers], toPeers, fromPeers, drops: all };
  }

  close(): void {
    this.#opening?.close();
    if (this.#vif) this.#parts.removeVif(this.#vif);
  }

  async #open(): Promise<TunnelEnd> {
    const { role, address, port } = this.#setting;
    const options = {
      address: address ?? undefined,
      port,
      counters: this.#counters,
      heard: async (payload: Uint8Array) => this.#heard(payload),
      said: (event: EndEvent) => this.#said(event),
    };
    return role === "server" ? TunnelServer.start(options) : new TunnelClient(options);
  }

  #said(event: EndEvent): void {
    const opening = this.#opening!;
    if (opening.closed) return;
    const { core } = this.#parts;
    const { peer } = event;
    const why = "why" in event ? event.why : undefined;
    const fields = { tunnel: this.#setting.id, peer, ...(why !== undefined && { reason: why }) };
    switch (event.event) {
      case "unreachable":
        if (why !== opening.problem)
          core.log.write("warn", "the other end of a tunnel is not reached", fields);
        opening.problem = why;
        break;
      case "connected":
        opening.problem = undefined;
        this.#peers.add(peer);
        break;
      case "disconnected":
        this.#peers.delete(peer);
        break;
      case "refused":
    }
    if (event.event !== "unreachable") core.log.write("info", `mcasttunnel: ${event.event}`, fields);
    // While nobody is there, nothing need come here.
    const filter = this.#peers.size > 0 ? ANY_SOURCE : undefined;
    core.listeners(this.#vif!.id, EXIT_WIRE, this.#setting.group, filter);
    core.turn();
  }

  #heard(payload: Uint8Array): void {
    const { group, groupPort, ttl } = this.#setting;
    const source = this.#parts.ownAddress(family(group));
    if (source === undefined) return this.#vif?.drop("no-own-address");
    const datagram = {
      source,
      sourcePort: RESENT_PORT,
      destination: group,
      destinationPort: groupPort,
      ttl: ttl + 1, // one goes where it is forwarded
      payload,
    };
    for (const packet of encodeAddressed(datagram, this.#identification++)) this.#vif?.arrive(packet);
  }

  #leave(packet: Uint8Array, now: number): void {
    const vif = this.#vif!;
    try {
      const part = this.#reassembly.add(decodeIpPart(packet), now);
      if (!part) return;
      if (part.protocol !== IpProtocol.UDP) return vif.drop("not-udp");
      const { sourcePort, destinationPort, payload } = decodeUdp(part.payload, part.source, part.destination);
      if (destinationPort !== this.#setting.groupPort) return vif.drop("other-port");
      if (sourcePort === RESENT_PORT) return vif.drop("loop");
      const end = this.#opening?.end;
      if (end) end.offer(payload);
      else this.#counters.drops["not-connected"]++;
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      vif.drop("malformed");
    }
  }
}

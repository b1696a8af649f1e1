import { InFlight, inFlightBytes } from "#fastpath/in-flight.ts";
import { TokenBucket } from "#fastpath/token-bucket.ts";
import { Announcements, SAP_GROUPS_4, SAP_GROUPS_6 } from "#protocol/discovery/announcements.ts";
import { EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import type { Address } from "#wire/address.ts";
import { decodeIpPart } from "#wire/addressed-datagram.ts";
import { DecodeError } from "#wire/cursor.ts";
import { IpProtocol } from "#wire/ip-protocol.ts";
import { SAP_PORT } from "#wire/sap.ts";
import { decodeUdp } from "#wire/udp.ts";
import type { Core, RuntimeVif } from "../core.ts";
import type { Timed } from "../scheduler.ts";

/** Announcements are listened to for so long after somebody looked: they come minutes apart. */
export const LISTENING_MS = 10 * 60_000;
/** Datagrams a second that are looked at. */
const RATE = 20;
const BURST = 200;

export interface AnnouncementListenerOptions {
  readonly core: Core;
  /** Has this computer any IPv6? Where it has none, its groups cannot be joined. */
  readonly hasIpv6: () => boolean;
}

/**
 * Hears SAP wherever this computer hears multicast: a vif of the forwarder's that wants the announcement groups and
 * sends nothing. So announcements from LANs, from this computer's programs and through the tunnel are one thing, and
 * what is joined for them is joined as for any listener. It is there as long as somebody looks at the groups.
 */
export class AnnouncementListener implements Timed {
  readonly known = new Announcements();
  readonly #options: AnnouncementListenerOptions;
  readonly #bucket = new TokenBucket(RATE, BURST);
  #vif: ListeningVif | undefined;
  #until = 0;
  #closed = false;
  #limited = 0;
  #malformed = 0;

  constructor(options: AnnouncementListenerOptions) {
    this.#options = options;
    options.core.scheduler.add(this);
    options.core.scheduler.add(this.known);
  }

  /** undefined: nothing is listened to. */
  get vif(): VifId | undefined {
    return this.#vif?.id;
  }

  /** Somebody looks at the groups. */
  looked(): void {
    const { core, hasIpv6 } = this.#options;
    this.#until = core.clock.now() + LISTENING_MS;
    if (this.#vif || this.#closed) return;
    const id = core.takeVifId();
    if (id === undefined) return; // as many vifs as there can be: names are not worth one of them
    const groups = hasIpv6() ? [...SAP_GROUPS_4, ...SAP_GROUPS_6] : SAP_GROUPS_4;
    this.#vif = new ListeningVif(core, id, groups);
    core.turn();
  }

  /** A packet to its vif out of the fast path. */
  packetOut(packet: Uint8Array, now: number): void {
    this.#vif?.arrived(packet.length);
    if (!this.#bucket.take(now)) {
      this.#limited++;
      return;
    }
    try {
      const { source, destination, protocol, offset, more, payload } = decodeIpPart(packet);
      if (protocol !== IpProtocol.UDP || offset > 0 || more)
        throw new DecodeError("IP payload", protocol, "a whole UDP datagram"); // section 7: they are to fit one packet
      const datagram = decodeUdp(payload, source, destination);
      if (datagram.destinationPort !== SAP_PORT)
        throw new DecodeError("UDP destination port", datagram.destinationPort, SAP_PORT);
      if (this.known.handleDatagram(datagram.payload, source, now)) this.#options.core.changed();
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#malformed++;
    }
  }

  counters(): Record<string, number> {
    const { malformed, ...counters } = this.known.counters;
    return {
      ...counters,
      malformed: malformed + this.#malformed,
      limited: this.#limited,
      known: this.known.size,
    };
  }

  pollTimeout(): number | undefined {
    return this.#vif && this.#until;
  }

  handleTimeout(): void {
    this.#stop();
  }

  close(): void {
    this.#closed = true;
    this.#stop();
    this.#options.core.scheduler.remove(this);
    this.#options.core.scheduler.remove(this.known);
  }

  #stop(): void {
    this.#vif?.close();
    this.#vif = undefined;
  }
}

class ListeningVif implements RuntimeVif {
  readonly id: VifId;
  readonly name = "announcements";
  readonly #core: Core;
  readonly #leaving: InFlight;

  constructor(core: Core, id: VifId, groups: readonly Address[]) {
    this.#core = core;
    this.id = id;
    const inFlight = new SharedArrayBuffer(inFlightBytes());
    this.#leaving = new InFlight(inFlight, "out");
    core.addVif(this, { kind: "observer", upstream: false });
    core.fastPath.send({ type: "vif-add", vif: id, device: { kind: "socket", inFlight } });
    for (const group of groups) core.listeners(id, EXIT_WIRE, group, ANY_SOURCE);
  }

  arrived(bytes: number): void {
    this.#leaving.end(bytes);
  }

  close(): void {
    this.#core.removeVif(this.id);
  }

  upstreamWants(): void {}
  membershipPacket(): void {}
  control(): void {}
  failed(): void {}
  flush(): void {}
}

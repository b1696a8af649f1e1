import type { Endpoint } from "#ports/endpoint.ts";
import type { HttpAnswer } from "#ports/router-link.ts";
import { isNatPmpAnnouncement } from "#wire/nat-pmp.ts";
import { isPcpAnnouncement } from "#wire/pcp.ts";
import { IgdMapper } from "./igd-mapper.ts";
import { PortControl } from "./port-control.ts";
import { type MappingCommand, type MappingMethod, type MappingTarget } from "./port-mapping-types.ts";
import { isPublicAddress } from "./public-address.ts";

/** UPnP is asked too where PCP and NAT-PMP have not answered by then. */
const UPNP_AFTER = 500;
/** Where nothing mapped, everything is asked again after this. */
const RETRY = 600_000;
/** A router announces itself ten times; one of them in so much time counts. */
const ANNOUNCEMENTS_APART = 10_000;

export type MapperState =
  | { readonly state: "asking" }
  | {
      readonly state: "mapped";
      readonly method: MappingMethod;
      readonly udp: Endpoint;
      readonly tcp: Endpoint | undefined;
      /** false: the router's own outside is not public, there is another NAT in front of it. */
      readonly isPublic: boolean;
    }
  /** `reasons`: by way, such as "no-answer" or "not-authorized". */
  | { readonly state: "none"; readonly reasons: Readonly<Record<string, string>> };

/** A port of one router, by the first of the ways that gives it: PCP, NAT-PMP, UPnP. Renews it until it is released. */
export class PortMapper {
  readonly target: MappingTarget;
  #control: PortControl | undefined;
  #igd: IgdMapper | undefined;
  #igdAt: number | undefined;
  #retryAt: number | undefined;
  #leaving = false;
  #had = false;
  #failures: Record<string, string> = {};
  #droppedBefore = 0;
  #announcedAt = -Infinity;

  constructor(target: MappingTarget, now: number) {
    this.target = target;
    this.#start(now);
  }

  get state(): MapperState {
    for (const way of [this.#control, this.#igd]) {
      const udp = way?.mappings.get("udp")?.external;
      if (!way || !udp) continue;
      const method = way === this.#igd ? "upnp" : this.#control!.dialect!;
      const tcp = way.mappings.get("tcp")?.external;
      return { state: "mapped", method, udp, tcp, isPublic: isPublicAddress(udp.address) };
    }
    return this.#retryAt === undefined
      ? { state: "asking" }
      : { state: "none", reasons: { ...this.#failures } };
  }

  /** After `release`: the router has nothing of ours any more, as far as it listens. */
  get released(): boolean {
    return this.#leaving && (this.#control?.released ?? true) && (this.#igd?.released ?? true);
  }

  /** What came and was of no use. */
  get dropped(): number {
    return this.#droppedBefore + (this.#control?.dropped ?? 0) + (this.#igd?.dropped ?? 0);
  }

  nextCommand(): MappingCommand | undefined {
    return this.#control?.nextCommand() ?? this.#igd?.nextCommand();
  }

  pollTimeout(): number | undefined {
    const deadlines = [
      this.#control?.pollTimeout(),
      this.#igd?.pollTimeout(),
      ...(this.#leaving ? [] : [this.#igdAt, this.#retryAt]),
    ].filter((at) => at !== undefined);
    return deadlines.length === 0 ? undefined : Math.min(...deadlines);
  }

  handleTimeout(now: number): void {
    for (const way of [this.#control, this.#igd])
      if ((way?.pollTimeout() ?? Infinity) <= now) way!.handleTimeout(now);
    if (this.#leaving) return;
    if (this.#retryAt !== undefined && now >= this.#retryAt) this.#start(now);
    if (this.#igdAt !== undefined && now >= this.#igdAt) {
      this.#igdAt = undefined;
      this.#igd ??= new IgdMapper(this.target, now);
    }
    this.#settle(now);
  }

  handleDatagram(data: Uint8Array, from: Endpoint, now: number): void {
    this.#control?.handleDatagram(data, from, now);
    this.#igd?.handleDatagram(data, from, now);
    this.#settle(now);
  }

  /** The router may have started anew, with nothing of ours. Others may say so in its name: it is asked, no more. */
  handleAnnouncement(data: Uint8Array, from: Endpoint, now: number): void {
    if (from.address !== this.target.gateway || now < this.#announcedAt + ANNOUNCEMENTS_APART) return;
    if (!isPcpAnnouncement(data) && !isNatPmpAnnouncement(data)) return;
    this.#announcedAt = now;
    this.refresh(now);
  }

  handleHttp(id: number, answer: HttpAnswer | undefined, now: number): void {
    this.#igd?.handleHttp(id, answer, now);
    this.#settle(now);
  }

  /** The network has changed, and this router with it perhaps: what it has forgotten is asked for again. */
  refresh(now: number): void {
    if (this.#leaving) return;
    if (this.#retryAt !== undefined) return this.#start(now);
    this.#control?.refresh(now);
    this.#igd?.refresh(now);
  }

  release(now: number): void {
    this.#leaving = true;
    this.#control?.release(now);
    this.#igd?.release(now);
  }

  #start(now: number): void {
    this.#droppedBefore = this.dropped;
    this.#failures = {};
    this.#retryAt = undefined;
    this.#igd = undefined;
    this.#igdAt = now + UPNP_AFTER;
    this.#control = new PortControl(this.target, now);
  }

  /** One way is enough. Taking the other one's mapping back could take this one's: where it made one, it runs out. */
  #settle(now: number): void {
    if (this.#leaving) return;
    if (this.#control?.failure !== undefined) {
      this.#failures[this.#control.dialect ?? "pcp"] = this.#control.failure;
      this.#droppedBefore += this.#control.dropped;
      this.#control = undefined;
      if (this.#igdAt !== undefined) this.#igdAt = now;
    }
    if (this.#igd?.failure !== undefined) {
      this.#failures["upnp"] = this.#igd.failure;
      this.#droppedBefore += this.#igd.dropped;
      this.#igd = undefined;
    }
    if (this.#control?.mappings.has("udp")) {
      this.#igd = undefined;
      this.#igdAt = undefined;
    } else if (this.#igd?.mappings.has("udp")) this.#control = undefined;
    if (this.#control?.mappings.has("udp") || this.#igd?.mappings.has("udp")) this.#had = true;
    if (this.#control || this.#igd || this.#igdAt !== undefined) return;
    // A router that took away what it gave may have been started anew.
    this.#retryAt ??= now + (this.#had ? 0 : RETRY);
    this.#had = false;
  }
}

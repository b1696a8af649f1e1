import type { Lan, SourceGroup } from "#ports/lan.ts";
import type { Link } from "#ports/links.ts";
import type { HostJoins, LocalMemberships } from "#ports/memberships.ts";
import { EXIT_LOCAL, EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import type { LanRole, PerFamily, VifOptions } from "#protocol/forwarding/vifs.ts";
import { mergeFilters, NOTHING, sameFilter, type SourceFilter } from "#protocol/membership/source-filter.ts";
import type { Address, Family } from "#wire/address.ts";
import { family, prefixText } from "#wire/address.ts";
import type { Core, RuntimeVif } from "./core.ts";
import { networksOf } from "./gateway/shared-interfaces.ts";
import { mappedPrefix } from "./network-context.ts";
import { permits, type InterfaceRules } from "./proxy/plan.ts";
import { LinkMembership } from "./link-membership.ts";

export interface LanPorts {
  readonly hostJoins: HostJoins;
  readonly localMemberships: LocalMemberships;
}

export type LanMode = "full" | "local";

/** What a LAN is among the others of this computer. */
export interface LanUse {
  /** undefined: nothing goes between it and other LANs but by a static route. */
  readonly role: LanRole | undefined;
  /** What came with that TTL or less does not leave by it. */
  readonly ttlThreshold: number;
  /** Of a proxy's interface. */
  readonly rules: InterfaceRules;
  readonly quickLeave: boolean;
}

const NEITHER: PerFamily = { 4: false, 6: false };

/**
 * The kernel does not report all that programs join and leave, so its lists are read from time to time: more often
 * while we hold joins, because it has nothing to report of a group that we hold joined already; and else because, as
 * a host of IGMPv1, v2 or MLDv1, it keeps silent where it heard another host's report (RFC 2236 section 3).
 */
const RECHECK_MS = 2_000;
const IDLE_RECHECK_MS = 5_000;

/** A LAN interface. Full: its wire and this computer's programs on it. Local: the programs alone. */
export class LanVif implements RuntimeVif {
  readonly id: VifId;
  readonly name: string;
  readonly mode: LanMode;
  readonly link: Link;
  /** In full mode: the router side towards the hosts of the LAN. None on a proxy's upstream (RFC 4605 section 4.1). */
  readonly membership: LinkMembership | undefined;
  readonly #core: Core;
  readonly #lan: Lan;
  readonly #ports: LanPorts;
  readonly #onFailure: () => void;
  readonly #joined = new Map<Address, SourceFilter>();
  #local: ReadonlyMap<Address, SourceFilter> = new Map();
  readonly #passiveFor = new Set<string>();
  #use: LanUse;
  #otherQuerier = NEITHER;
  #networks = "";
  #refusedReports = 0;
  #recheckAt: number;

  constructor(
    core: Core,
    id: VifId,
    link: Link,
    lan: Lan,
    ports: LanPorts,
    use: LanUse,
    onFailure: () => void,
  ) {
    this.#core = core;
    this.#onFailure = onFailure;
    this.id = id;
    this.name = link.name;
    this.link = link;
    this.mode = lan.mode;
    this.#lan = lan;
    this.#ports = ports;
    this.#use = use;
    core.addVif(this, this.#vifOptions());
    const { fd, loop4, loop6, interfaceIndex, mac, mtu, mode } = lan;
    core.fastPath.send({
      type: "vif-add",
      vif: id,
      device: { kind: "lan", fd, loop4, loop6, interfaceIndex, mac, mtu, mode },
    });
    this.#sendRules();
    if (mode === "full" && use.role !== "upstream") {
      this.membership = new LinkMembership({
        ownAddress4: queryAddress(link, 4),
        ownAddress6: queryAddress(link, 6),
        fastLeave: false,
        quickLeave: use.quickLeave,
        now: core.clock.now(),
        sendPacket: (packet) => core.fastPath.send({ type: "inject", vif: id, packet }),
        ownJoin: (group) => this.#ownJoin(group),
        listenersChanged: (group, filter) => this.#listenersChanged(group, filter),
      });
      core.scheduler.add(this.membership);
    }
    this.#recheckAt = core.clock.now() + IDLE_RECHECK_MS;
    core.scheduler.add(this);
    this.#readLocal();
  }

  get mac(): Uint8Array {
    return this.#lan.mac;
  }

  /** Networks that another member carries on this LAN. */
  get passiveFor(): ReadonlySet<string> {
    return this.#passiveFor;
  }

  /** Another member of that network forwards on this LAN, or does not any more. */
  setPassive(network: string, passive: boolean): void {
    if (passive === this.#passiveFor.has(network)) return;
    if (passive) this.#passiveFor.add(network);
    else this.#passiveFor.delete(network);
    this.#changed();
  }

  get use(): LanUse {
    return this.#use;
  }

  /** Reports of groups that may not be joined here. */
  get refusedReports(): number {
    return this.#refusedReports;
  }

  get interfaceIndex(): number {
    return this.#lan.interfaceIndex;
  }

  setTtlThreshold(ttlThreshold: number): void {
    if (ttlThreshold === this.#use.ttlThreshold) return;
    this.#use = { ...this.#use, ttlThreshold };
    this.#changed();
  }

  /** What the kernel carries is not looked at here: it costs no wake-up. */
  leaveToKernel(flows: readonly SourceGroup[]): void {
    this.#lan.leaveToKernel(flows);
  }

  /** The interface's addresses have changed. */
  addressesChanged(link: Link, now: number): void {
    for (const family of [4, 6] as const)
      this.membership?.setOwnAddress(family, queryAddress(link, family), now);
    if (networksOf(link).map(prefixText).join() !== this.#networks) this.#sendRules(link);
  }

  membershipPacket(packet: Uint8Array, own: boolean, now: number): void {
    if (own) this.#readLocal(); // the kernel said that something changed; its lists say what
    else this.membership?.handlePacket(packet, now);
  }

  upstreamWants(group: Address, wanted: SourceFilter | undefined): void {
    const filter = this.#use.role === "upstream" && !permits(this.#use.rules, group) ? undefined : wanted;
    try {
      const outcome = this.#ports.hostJoins.set(this.#lan.interfaceIndex, group, filter ?? NOTHING);
      if (outcome === "wider")
        this.#core.log.write("debug", "joined for more sources than asked for", { vif: this.name, group });
    } catch (error) {
      this.#core.log.write("warn", "a group could not be joined", {
        vif: this.name,
        group,
        error: String(error),
      });
    }
    const now = this.#core.clock.now();
    if (filter) {
      this.#joined.set(group, filter);
      this.#recheckAt = Math.min(this.#recheckAt, now + RECHECK_MS);
    } else {
      this.#joined.delete(group);
      this.#recheckAt = now; // programs that joined it meanwhile keep it, and the kernel reports nothing
    }
  }

  pollTimeout(): number {
    return this.#recheckAt;
  }

  handleTimeout(now: number): void {
    this.#recheckAt = now + (this.#joined.size > 0 ? RECHECK_MS : IDLE_RECHECK_MS);
    this.#readLocal();
  }

  failed(errno: number): void {
    this.#core.log.write("warn", "a LAN interface failed", { vif: this.name, errno });
    this.#onFailure();
  }

  close(): void {
    if (this.membership) this.#core.scheduler.remove(this.membership);
    this.#core.scheduler.remove(this);
    this.#ports.hostJoins.forget(this.#lan.interfaceIndex);
    this.#core.removeVif(this.id, () => this.#lan.close());
  }

  #readLocal(): void {
    const read = this.#ports.localMemberships.read(this.#lan.interfaceIndex);
    if (read === this.#local) return;
    for (const group of this.#local.keys())
      if (!read.has(group)) this.#core.listeners(this.id, EXIT_LOCAL, group, undefined);
    for (const [group, filter] of read) {
      const known = this.#local.get(group);
      if (!known || !sameFilter(known, filter)) this.#core.listeners(this.id, EXIT_LOCAL, group, filter);
    }
    this.#local = read;
  }

  control(): void {}

  /** Queriers are elected at any time. */
  flush(): void {
    const other = this.membership?.otherQuerier() ?? NEITHER;
    if (samePerFamily(other, this.#otherQuerier)) return;
    this.#otherQuerier = other;
    if (this.#use.role !== undefined) this.#changed(); // nothing else depends on it
  }

  #listenersChanged(group: Address, filter: SourceFilter | undefined): void {
    const { role, rules } = this.#use;
    if (filter && role === "downstream" && !permits(rules, group)) this.#refusedReports++;
    else this.#core.listeners(this.id, EXIT_WIRE, group, filter);
  }

  /** What the kernel has joined here, for us and for this computer's programs. */
  #ownJoin(group: Address): SourceFilter | undefined {
    const [ours, theirs] = [this.#joined.get(group), this.#local.get(group)];
    return ours && theirs ? mergeFilters(ours, theirs) : (ours ?? theirs);
  }

  /** Those of a downstream say what may be joined behind it, and not what may be sent there by routes. */
  #sendRules(link = this.link): void {
    const { role, rules } = this.#use;
    const networks = networksOf(link);
    this.#networks = networks.map(prefixText).join();
    if (role === undefined) return;
    const { sources, allowed, denied } = rules;
    const ofGroups = role === "upstream";
    this.#core.fastPath.send({
      type: "lan-rules",
      vif: this.id,
      rules: {
        sources: sources.length > 0 ? [...sources, ...networks].map(mappedPrefix) : undefined,
        allowed: ofGroups && allowed.length > 0 ? allowed.map(mappedPrefix) : undefined,
        denied: ofGroups ? denied.map(mappedPrefix) : [],
        bitsPerSecond: rules.bitsPerSecond,
      },
    });
  }

  #vifOptions(): VifOptions {
    return {
      kind: "lan",
      upstream: this.mode === "full",
      passiveFor: new Set(this.#passiveFor),
      role: this.#use.role,
      ttlThreshold: this.#use.ttlThreshold,
      otherQuerier: this.#otherQuerier,
    };
  }

  #changed(): void {
    this.#core.forwarding.changeVif(this.id, this.#vifOptions());
    this.#core.tableChanged();
  }
}

function samePerFamily(a: PerFamily, b: PerFamily): boolean {
  return a[4] === b[4] && a[6] === b[6];
}

/** Queries come from the lowest address of the interface, MLD's from a link-local one (RFC 9777 section 5.1.14). */
function queryAddress(link: Link, of: Family): Address | undefined {
  const own = link.addresses.filter(
    (candidate) => family(candidate.address) === of && (of === 4 || candidate.scope === "link"),
  );
  return own[0]?.address;
}

import {
  MAX_VIFS,
  VIF_LAN,
  VIF_OTHER_QUERIER_4,
  VIF_OTHER_QUERIER_6,
  VIF_PROXIED,
  type RouteTable,
  type VifId,
} from "./route-table.ts";

/** A LAN's part where LANs are joined by a proxy (RFC 4605): nothing goes from one upstream to another. */
export type LanRole = "upstream" | "downstream";

export interface PerFamily {
  readonly 4: boolean;
  readonly 6: boolean;
}

export interface VifOptions {
  /**
   * observer: the daemon itself, which hears what others send and sends nothing. amt-relay: gateways anywhere, who get
   * what they ask for and send nothing either.
   */
  readonly kind:
    | "tun"
    | "lan"
    | "peer"
    | "socket"
    | "observer"
    | "amt-gateway"
    | "amt-relay"
    | "mcasttunnel"
    | "sixtunnel";
  /** Peers: the network that the session belongs to. */
  readonly network?: string;
  /** Peers: are we that network's host? A host forwards between its members. */
  readonly hostOfNetwork?: boolean;
  /** LANs: networks for which another member forwards here (lan-election.ts). */
  readonly passiveFor?: ReadonlySet<string>;
  /** LANs that packets go between. undefined: none but by a static route. */
  readonly role?: LanRole | undefined;
  /** LANs: another router is the querier there, and forwards there what comes from other LANs. */
  readonly otherQuerier?: PerFamily;
  /** LANs: what came with that TTL or less does not leave by it; 1: all that may be forwarded at all does. */
  readonly ttlThreshold?: number;
  /** Do we join towards this vif what the other vifs want? */
  readonly upstream: boolean;
}

/** Vifs of one class are treated alike by `mayForward`, so most answers are computed once a class. */
export interface VifClass {
  readonly kind: VifOptions["kind"];
  readonly network: string | undefined;
  readonly hostOfNetwork: boolean;
  readonly passiveFor: ReadonlySet<string>;
  readonly role: LanRole | undefined;
}

export interface Vif {
  readonly id: VifId;
  readonly vifClass: VifClass;
  readonly upstream: boolean;
  /** As in RouteTable. */
  readonly flags: number;
  readonly ttlThreshold: number;
}

/** A vif with a link behind it that other routers and hosts may be on. */
function isLink({ kind }: VifClass): boolean {
  return kind === "lan" || kind === "socket";
}

/** `passiveFor`: networks for which another member forwards on any LAN of ours. */
interface Rules {
  readonly lanToLan: boolean;
  readonly passiveFor: ReadonlySet<string>;
}

/**
 * May a packet from a vif of the one class go to another vif of the other? Symmetric but for the TUN, where another
 * member forwards on a LAN: what that one puts on the LAN our programs hear there natively, because we join on the LAN
 * what they join on the TUN; and what they send it has from the network, and puts on the LAN itself.
 */
function mayForward(from: VifClass, to: VifClass, { lanToLan, passiveFor }: Rules): boolean {
  if (from.kind === "observer") return false;
  // RFC 7450 section 4: AMT goes from a relay to a gateway. What comes from the Internet is for this computer and its
  // LANs; members fetch it for themselves, and it is not offered anew by our own relay.
  if (from.kind === "amt-relay" || to.kind === "amt-gateway") return false;
  if (from.kind === "amt-gateway") return to.kind === "tun" || isLink(to);
  if (to.kind === "observer") return true;
  if (isLink(from) && isLink(to)) return lanToLan || areJoined(from, to);
  // Between two of them nothing would tell that it has been there already: sources are lost on the way.
  if (from.kind === "mcasttunnel" && to.kind === "mcasttunnel") return false;
  if (to.kind === "tun" && from.network !== undefined && passiveFor.has(from.network)) return false;
  if (from.kind === "tun" && to.kind === "lan" && to.passiveFor.size > 0) return false;
  const [lan, peer] = from.kind === "lan" ? [from, to] : [to, from];
  if (lan.kind === "lan" && peer.network !== undefined && lan.passiveFor.has(peer.network)) return false;
  if (from.kind !== "peer" || to.kind !== "peer") return true;
  return from.network !== undefined && from.network === to.network && from.hostOfNetwork && to.hostOfNetwork;
}

/** RFC 4605 section 4.2: from the upstream to downstreams, from a downstream to the upstream and the others. */
function areJoined(from: VifClass, to: VifClass): boolean {
  if (from.role === undefined || to.role === undefined) return false;
  return from.role === "downstream" || to.role === "downstream";
}

const NO_NETWORKS: ReadonlySet<string> = new Set();

/** The vifs, their classes interned, and the matrix of who may forward to whom. */
export class Vifs {
  readonly #vifs = new Map<VifId, Vif>();
  readonly #classes = new Map<string, VifClass>();
  #rules: Rules;
  #allowed: Uint8Array<ArrayBuffer> | undefined;

  constructor(lanToLan: boolean) {
    this.#rules = { lanToLan, passiveFor: NO_NETWORKS };
  }

  setLanToLan(lanToLan: boolean): void {
    this.#rules = { ...this.#rules, lanToLan };
    this.#allowed = undefined;
  }

  /** Throws where the number is out of range or taken. */
  add(id: VifId, options: VifOptions): Vif {
    if (!Number.isInteger(id) || id < 0 || id >= MAX_VIFS)
      throw new RangeError(`vif ${id}: 0 to ${MAX_VIFS - 1}`);
    if (this.#vifs.has(id)) throw new Error(`vif ${id} is there already`);
    const { upstream, ttlThreshold = 1 } = options;
    if (!Number.isInteger(ttlThreshold) || ttlThreshold < 1 || ttlThreshold > 255)
      throw new RangeError(`a TTL threshold of ${ttlThreshold}: 1 to 255`);
    const vif = { id, vifClass: this.#intern(options), upstream, flags: flagsOf(options), ttlThreshold };
    this.#vifs.set(id, vif);
    this.#changed();
    return vif;
  }

  /** Throws where there is no such vif, or its being an upstream would change. */
  change(id: VifId, options: VifOptions): void {
    if (this.get(id).upstream !== options.upstream) throw new Error(`vif ${id} stays what it is upstream`);
    this.remove(id);
    this.add(id, options);
  }

  remove(id: VifId): void {
    this.#vifs.delete(id);
    this.#changed();
  }

  find(id: VifId): Vif | undefined {
    return this.#vifs.get(id);
  }

  /** Throws where there is no such vif. */
  get(id: VifId): Vif {
    const vif = this.#vifs.get(id);
    if (!vif) throw new Error(`there is no vif ${id}`);
    return vif;
  }

  values(): Iterable<Vif> {
    return this.#vifs.values();
  }

  mayForwardClass(from: VifClass, to: VifClass): boolean {
    return mayForward(from, to, this.#rules);
  }

  /** Is what `other` wants joined on `upstream`? What LANs want of each other is joined on the proxy's upstream alone. */
  mayJoinClass(upstream: VifClass, other: VifClass): boolean {
    if (upstream.role === "downstream" && isLink(other)) return false;
    return this.mayForwardClass(upstream, other);
  }

  /** From each downstream of the proxy to its upstream, whether anybody listens there or not: RFC 4605 section 4.3. */
  upstreamRoutes(): { readonly inVif: VifId; readonly outVifs: readonly VifId[] }[] {
    const of = (role: LanRole): VifId[] =>
      [...this.#vifs.values()].filter(({ vifClass }) => vifClass.role === role).map(({ id }) => id);
    const outVifs = of("upstream");
    return outVifs.length === 0 ? [] : of("downstream").map((inVif) => ({ inVif, outVifs }));
  }

  /** Has a proxy any interface? */
  get proxies(): boolean {
    return [...this.#vifs.values()].some(({ vifClass }) => vifClass.role !== undefined);
  }

  /** What RouteTable says of each vif by itself. */
  marks(): Pick<RouteTable, "vifFlags" | "thresholds"> {
    const vifFlags = new Uint8Array(MAX_VIFS);
    const thresholds = new Uint8Array(MAX_VIFS).fill(1);
    let some = false;
    for (const { id, flags, ttlThreshold } of this.#vifs.values()) {
      vifFlags[id] = flags;
      thresholds[id] = ttlThreshold;
      if (ttlThreshold > 1) some = true;
    }
    return { vifFlags, thresholds: some ? thresholds : new Uint8Array(0) };
  }

  /** The bits of RouteTable.allowed; a copy, which the caller may hand over. */
  allowed(): Uint8Array<ArrayBuffer> {
    this.#allowed ??= this.#compileAllowed();
    return this.#allowed.slice();
  }

  /** The bits of RouteTable.native. */
  native(): Uint8Array<ArrayBuffer> {
    const bits = new Uint8Array(MAX_VIFS / 8);
    for (const { id, vifClass, upstream } of this.#vifs.values())
      if (isLink(vifClass) && upstream) bits[id >>> 3]! |= 1 << (id & 7);
    return bits;
  }

  #changed(): void {
    const passiveFor = new Set([...this.#vifs.values()].flatMap(({ vifClass }) => [...vifClass.passiveFor]));
    this.#rules = { ...this.#rules, passiveFor };
    this.#allowed = undefined;
  }

  #compileAllowed(): Uint8Array<ArrayBuffer> {
    const bits = new Uint8Array((MAX_VIFS * MAX_VIFS) / 8);
    for (const from of this.#vifs.values())
      for (const to of this.#vifs.values())
        if (from !== to && this.mayForwardClass(from.vifClass, to.vifClass)) {
          const bit = from.id * MAX_VIFS + to.id;
          bits[bit >>> 3]! |= 1 << (bit & 7);
        }
    return bits;
  }

  #intern(options: VifOptions): VifClass {
    const { kind, network, hostOfNetwork = false, passiveFor = NO_NETWORKS, role } = options;
    const key = `${kind} ${role ?? ""} ${hostOfNetwork} ${network ?? ""} ${[...passiveFor].sort().join()}`;
    let found = this.#classes.get(key);
    if (!found) {
      found = { kind, network, hostOfNetwork, passiveFor, role };
      this.#classes.set(key, found);
    }
    return found;
  }
}

function flagsOf({ kind, role, otherQuerier }: VifOptions): number {
  if (kind !== "lan") return 0;
  return (
    VIF_LAN |
    (role ? VIF_PROXIED : 0) |
    (otherQuerier?.[4] ? VIF_OTHER_QUERIER_4 : 0) |
    (otherQuerier?.[6] ? VIF_OTHER_QUERIER_6 : 0)
  );
}

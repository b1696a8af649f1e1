import type { Link, Links } from "#ports/links.ts";
import { isLan } from "#ports/links.ts";
import type { Core } from "./core.ts";
import type { LanChoice } from "./lan-policy.ts";
import type { LanRole } from "#protocol/forwarding/vifs.ts";
import { LanVif, type LanMode, type LanPorts, type LanUse } from "./lan-vif.ts";
import { NO_RULES } from "./proxy/plan.ts";
import type { ProxyPart } from "./proxy/proxy.ts";
import type { LanSetting } from "./store/state.ts";
import type { SystemAccess } from "./system-access.ts";

export interface LansOptions {
  readonly core: Core;
  readonly links: Links;
  readonly ports: LanPorts;
  readonly access: Pick<SystemAccess, "lanMode" | "openLan">;
  /** Chosen on the command line, for this run. */
  readonly chosen: readonly LanSetting[];
  /** Chosen by hand, kept by the store. */
  readonly settings: () => readonly LanSetting[];
  /** TTL thresholds by name; 1 where there is none. */
  readonly thresholds: () => ReadonlyMap<string, number>;
  /** What holds on an interface that the proxy has. */
  readonly proxyPart: (name: string) => Omit<ProxyPart, "role"> | undefined;
  readonly hosting: () => boolean;
  /** Interfaces of ours are no LAN. */
  readonly isOwn: (name: string) => boolean;
  /** A socket vif is on the interface: its groups would be there twice, with two sources. */
  readonly isTaken: (name: string) => boolean;
}

/** Which interfaces are LAN vifs: follows what comes and goes, and what people choose. */
export class Lans {
  readonly #options: LansOptions;
  readonly #vifs = new Map<string, LanVif>();
  /** Interfaces that could not be opened, with the reason; tried again when they change. */
  readonly failures = new Map<string, { readonly reason: string; readonly since: number }>(); // wall ms
  #links: readonly Link[] = [];
  #roles: ReadonlyMap<string, LanRole> = new Map();

  constructor(options: LansOptions) {
    this.#options = options;
  }

  vifs(): Iterable<LanVif> {
    return this.#vifs.values();
  }

  links(): readonly Link[] {
    return this.#links;
  }

  /**
   * Interfaces that a proxy joins (RFC 4605): they are LANs in full mode, and packets go between them. All others keep
   * to themselves. To be followed by `refresh()`.
   */
  setRoles(roles: ReadonlyMap<string, LanRole>): void {
    this.#roles = roles;
  }

  /** Switched off by hand, or taken by something else? */
  isOff(name: string): boolean {
    const { isOwn, isTaken } = this.#options;
    return isOwn(name) || isTaken(name) || this.#byHand(name)?.mode === "off";
  }

  /** The mode that an interface of this name has or would have. */
  choice(name: string): { readonly mode: LanChoice; readonly pinned: boolean } {
    const { hosting, access, isTaken } = this.#options;
    if (this.#roles.has(name)) return { mode: "full", pinned: true };
    const byHand = this.#byHand(name);
    if (byHand) return { mode: byHand.mode, pinned: true };
    const link = this.#links.find((candidate) => candidate.name === name);
    const free = link && !isTaken(name) ? link : undefined;
    return { mode: free ? access.lanMode(free, hosting()) : "off", pinned: false };
  }

  /** Looks at the interfaces again: opens, closes and renews what has changed. */
  refresh(): void {
    const { core, links, isOwn } = this.#options;
    this.#links = links.list().filter((link) => !isOwn(link.name));
    const wanted = new Map<string, { link: Link; mode: LanMode }>();
    for (const link of this.#links) {
      const { mode } = this.choice(link.name);
      if (mode !== "off" && isLan(link)) wanted.set(link.name, { link, mode });
    }
    for (const [name, vif] of this.#vifs) {
      const now = wanted.get(name);
      const use = this.#use(name);
      if (now && now.mode === vif.mode && sameUse(use, vif.use) && sameDevice(now.link, vif.link)) {
        vif.addressesChanged(now.link, core.clock.now());
        vif.setTtlThreshold(use.ttlThreshold);
      } else {
        core.log.write("info", "a LAN interface is not used any more", { interface: name });
        this.#vifs.delete(name);
        vif.close();
      }
    }
    for (const name of this.failures.keys()) if (!wanted.has(name)) this.failures.delete(name);
    for (const [name, { link, mode }] of wanted) if (!this.#vifs.has(name)) this.#open(link, mode);
    core.changed();
  }

  /** A vif whose descriptor failed: closed now, opened again when its interface is back. */
  failed(vif: LanVif): void {
    if (this.#vifs.get(vif.name) !== vif) return;
    this.#vifs.delete(vif.name);
    vif.close();
    this.refresh();
  }

  #byHand(name: string): LanSetting | undefined {
    const { chosen, settings } = this.#options;
    return chosen.find((lan) => lan.name === name) ?? settings().find((lan) => lan.name === name);
  }

  #use(name: string): LanUse {
    const part = this.#options.proxyPart(name);
    return {
      role: this.#roles.get(name),
      ttlThreshold: this.#options.thresholds().get(name) ?? 1,
      rules: part?.rules ?? NO_RULES,
      quickLeave: part?.quickLeave ?? false,
    };
  }

  close(): void {
    for (const vif of this.#vifs.values()) vif.close();
    this.#vifs.clear();
  }

  #open(link: Link, mode: LanMode): void {
    const { core, access, ports, isTaken } = this.#options;
    try {
      if (isTaken(link.name)) throw new Error("a socket vif is on it");
      const lan = access.openLan(link, mode);
      const id = core.takeVifId();
      if (id === undefined) {
        lan.close();
        throw new Error("there are as many vifs as there can be");
      }
      const vif = new LanVif(core, id, link, lan, ports, this.#use(link.name), () => this.failed(vif));
      this.#vifs.set(link.name, vif);
      this.failures.delete(link.name);
      core.log.write("info", "a LAN interface is used", { interface: link.name, mode });
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      this.failures.set(link.name, { reason, since: core.clock.wall() });
      core.log.write("warn", "a LAN interface cannot be used", {
        interface: link.name,
        error: String(error),
      });
    }
  }
}

/** But for the TTL threshold, which can be changed. */
function sameUse(a: LanUse, b: LanUse): boolean {
  const text = ({ role, rules, quickLeave }: LanUse): string => JSON.stringify([role, rules, quickLeave]);
  return text(a) === text(b);
}

function sameDevice(a: Link, b: Link): boolean {
  return a.index === b.index && a.mtu === b.mtu && Buffer.compare(a.mac ?? EMPTY, b.mac ?? EMPTY) === 0;
}

const EMPTY = new Uint8Array(0);

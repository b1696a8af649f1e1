import { findGroupInterface } from "#edge/portable/group-interface.ts";
import { openGroupSocket } from "#edge/portable/socket-vif.ts";
import type { GroupInterface, GroupPort } from "#ports/group-socket.ts";
import type { VifId } from "#protocol/forwarding/route-table.ts";
import { family, type Address, type Family } from "#wire/address.ts";
import type { Core } from "./core.ts";
import type { SocketChoice } from "./socket-choice.ts";
import { SocketVif } from "./socket-vif.ts";

export interface SocketVifsOptions {
  readonly core: Core;
  readonly choices: readonly SocketChoice[];
  /** Name of the interface with a default route; undefined: there is none. */
  readonly defaultInterface: () => string | undefined;
  /** A TUN serves this computer's programs: they are not to hear a socket vif's datagrams as well. */
  readonly tun: boolean;
  readonly ownAddress: (of: Family) => Address | undefined;
}

/** The socket vifs that were chosen, one for each interface. */
export class SocketVifs {
  readonly #options: SocketVifsOptions;
  readonly #vifs = new Map<VifId, SocketVif>();
  readonly #interfaces: ReadonlySet<string | undefined>;

  constructor(options: SocketVifsOptions) {
    this.#options = options;
    const { choices } = options;
    this.#interfaces = new Set(choices.map(({ via }) => via));
    for (const via of this.#interfaces) {
      const id = options.core.takeVifId();
      if (id === undefined) throw new Error("there are more socket vifs than there can be vifs");
      const groups = merged(choices.filter((choice) => choice.via === via));
      this.#vifs.set(id, this.#make(id, via, groups));
    }
  }

  values(): Iterable<SocketVif> {
    return this.#vifs.values();
  }

  get(id: VifId): SocketVif | undefined {
    return this.#vifs.get(id);
  }

  /** Is there a socket vif on the interface? */
  has(name: string): boolean {
    return [...this.#interfaces].some((via) => {
      const where = this.#find(via);
      return typeof where !== "string" && where.name === name;
    });
  }

  networkChanged(): void {
    for (const vif of this.#vifs.values()) vif.networkChanged();
  }

  close(): void {
    for (const vif of this.#vifs.values()) vif.close();
    this.#vifs.clear();
  }

  #make(id: VifId, via: string | undefined, groups: readonly GroupPort[]): SocketVif {
    const { core, tun, ownAddress } = this.#options;
    return new SocketVif({
      core,
      id,
      name: via === undefined ? "socket" : `socket-${via}`,
      groups,
      find: () => this.#usable(via, groups),
      open: (wanted, where, received, failed) =>
        openGroupSocket({ ...where, groups: fromHere(wanted, where), loop: !tun }, { received, failed }),
      ownAddress,
    });
  }

  #usable(via: string | undefined, groups: readonly GroupPort[]): GroupInterface | string {
    const where = this.#find(via);
    if (typeof where === "string" || where.name === undefined) return where;
    const missing = groups.find(
      ({ group }) => (family(group) === 4 ? where.interface4 : where.interface6) === undefined,
    );
    if (!missing) return where;
    return `${where.name} has no IPv${family(missing.group)} address`;
  }

  #find(via: string | undefined): GroupInterface | string {
    const { tun, defaultInterface } = this.#options;
    if (via !== undefined) return findGroupInterface(via) ?? `there is no interface ${via} that is up`;
    // Beside a TUN the system would choose that.
    if (!tun) return {};
    const name = defaultInterface();
    if (name === undefined) return "there is no default route: name an interface behind a %";
    return findGroupInterface(name) ?? `${name} has no address`;
  }
}

/** One entry a group and port: any source, or all the sources that were named for it. */
function merged(choices: readonly GroupPort[]): GroupPort[] {
  const all = new Map<string, GroupPort>();
  for (const { group, port, sources } of choices) {
    const before = all.get(`${group} ${port}`);
    const any = sources === undefined || (before && before.sources === undefined);
    const together = any ? undefined : [...new Set([...(before?.sources ?? []), ...sources])];
    all.set(`${group} ${port}`, { group, port, ...(together && { sources: together }) });
  }
  return [...all.values()];
}

/**
 * On loopback each address of 127/8 is a computer of its own, as far as multicast goes: a vif there takes what is sent
 * from its own address, and no other. So two daemons on one machine are two ends that share nothing.
 */
function fromHere(groups: readonly GroupPort[], { interface4 }: GroupInterface): readonly GroupPort[] {
  if (interface4?.startsWith("127.") !== true) return groups;
  return groups.map((wanted) => (family(wanted.group) === 4 ? { ...wanted, sources: [interface4] } : wanted));
}

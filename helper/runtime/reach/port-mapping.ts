// Asks the router of this computer's network for a port, while it hosts a network and the switch is on.
import type { Endpoint } from "#ports/endpoint.ts";
import { endpointText } from "#ports/endpoint.ts";
import type { Link } from "#ports/links.ts";
import type { OpenRouterLink, RouterLink } from "#ports/router-link.ts";
import { PortMapper, type MapperState } from "#protocol/reach/port-mapper.ts";
import type { MappingTarget } from "#protocol/reach/port-mapping-types.ts";
import { isPublicAddress } from "#protocol/reach/public-address.ts";
import { prefixContains, type Address } from "#wire/address.ts";
import type { Core } from "../core.ts";
import type { Timed } from "../scheduler.ts";

/** So long at the end, at most, for the router to say that it has taken the port back. */
const FAREWELL_MS = 1_000;
/** Who waits for an answer, such as an invite that is made at once, waits so long at most. */
const PATIENCE_MS = 4_000;

export type PortMappingState =
  | MapperState
  | { readonly state: "off" }
  /** This computer hosts no network; or its own address is public; or there is no router. */
  | { readonly state: "idle"; readonly why: "not-hosting" | "public" | "no-router" };

export interface PortMappingOptions {
  readonly core: Core;
  readonly open: OpenRouterLink;
  readonly links: () => readonly Link[];
  /** Of the transport. */
  readonly port: number;
  /** Twelve bytes that are the same at each start. */
  readonly nonce: Uint8Array;
  readonly enabled: () => boolean;
  readonly hosting: () => boolean;
  /** There is another outside endpoint, or none any more. */
  readonly changed: () => void;
}

interface Active {
  readonly mapper: PortMapper;
  readonly link: RouterLink;
}

export class PortMapping implements Timed {
  readonly #options: PortMappingOptions;
  readonly #waiting = new Set<() => void>();
  #active: Active | undefined;
  /** Those that take back what they had. */
  readonly #leaving = new Set<Active>();
  #idle: PortMappingState = { state: "off" };
  #shown = "";
  #since = 0;
  #closing = false;

  constructor(options: PortMappingOptions) {
    this.#options = options;
    options.core.scheduler.add(this);
  }

  get state(): PortMappingState {
    return this.#active?.mapper.state ?? this.#idle;
  }

  /** When it became so, wall ms. */
  get since(): number {
    return this.#since;
  }

  /** Where everybody reaches this computer's UDP port; a port of a router that is behind another NAT is none. */
  get endpoint(): Endpoint | undefined {
    const { state } = this;
    return state.state === "mapped" && state.isPublic ? state.udp : undefined;
  }

  /** Answers that were damaged, forged, or to nothing that was asked. */
  get dropped(): number {
    return this.#active?.mapper.dropped ?? 0;
  }

  /** Settings, networks, interfaces or routes have changed. `network`: the router may be another one behind its address. */
  refresh(network = false): void {
    const { core } = this.#options;
    const target = this.#target();
    const current = this.#active?.mapper.target;
    if (target && current?.gateway === target.gateway && current.client === target.client) {
      if (network) this.#active!.mapper.refresh(core.clock.now());
      return this.#carryOut();
    }
    if (this.#active) this.#leave(this.#active);
    this.#active = target && this.#begin(target);
    this.#carryOut();
  }

  /** Resolves when it is known whether there is a port, or has become too long to wait for. */
  async settled(): Promise<void> {
    if (this.state.state !== "asking") return;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, PATIENCE_MS);
      this.#waiting.add(done);
    });
  }

  /** `keep`: another daemon follows at once. */
  async close(keep: boolean): Promise<void> {
    const { core } = this.#options;
    const active = this.#active;
    this.#closing = true;
    core.scheduler.remove(this); // which may have stopped: what is left is driven here
    this.#active = undefined;
    for (const done of this.#waiting) done();
    if (active && keep) active.link.close();
    else if (active) this.#leave(active);
    this.#carryOut();
    const until = core.clock.now() + FAREWELL_MS;
    while (this.#leaving.size > 0 && core.clock.now() < until) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      this.handleTimeout(core.clock.now());
    }
    for (const { link } of this.#leaving) link.close();
    this.#leaving.clear();
  }

  pollTimeout(): number | undefined {
    const deadlines = this.#all().map(({ mapper }) => mapper.pollTimeout() ?? Infinity);
    const earliest = Math.min(...deadlines, Infinity);
    return earliest === Infinity ? undefined : earliest;
  }

  handleTimeout(now: number): void {
    for (const { mapper } of this.#all())
      if ((mapper.pollTimeout() ?? Infinity) <= now) mapper.handleTimeout(now);
    this.#carryOut();
  }

  #all(): Active[] {
    return [...(this.#active ? [this.#active] : []), ...this.#leaving];
  }

  #begin(target: MappingTarget): Active {
    const { core, open } = this.#options;
    const mapper = new PortMapper(target, core.clock.now());
    const link = open(target.client, {
      datagram: (data, from) => {
        mapper.handleDatagram(data, from, core.clock.now());
        this.#input();
      },
      announcement: (data, from) => {
        mapper.handleAnnouncement(data, from, core.clock.now());
        this.#input();
      },
    });
    return { mapper, link };
  }

  #leave(active: Active): void {
    active.mapper.release(this.#options.core.clock.now());
    this.#leaving.add(active);
  }

  #input(): void {
    this.#carryOut();
    if (!this.#closing) this.#options.core.turn();
  }

  #carryOut(): void {
    for (const active of this.#all()) {
      const { mapper, link } = active;
      for (let command; (command = mapper.nextCommand());) {
        if (command.type === "datagram") {
          link.send(command.to, command.data);
          continue;
        }
        const { id } = command;
        void link.request(mapper.target.gateway, command.request).then((answer) => {
          mapper.handleHttp(id, answer, this.#options.core.clock.now());
          this.#input();
        });
      }
      if (!mapper.released) continue;
      this.#leaving.delete(active);
      link.close();
    }
    this.#tell();
  }

  #tell(): void {
    if (this.#closing) return;
    const { state } = this;
    if (state.state !== "asking") for (const done of this.#waiting) done();
    const shown = JSON.stringify(state);
    if (shown === this.#shown) return;
    this.#shown = shown;
    const { core, changed } = this.#options;
    this.#since = core.clock.wall();
    if (state.state === "mapped")
      core.log.write("info", "the router has opened a port", {
        endpoint: endpointText(state.udp),
        by: state.method,
      });
    else if (state.state === "none") core.log.write("info", "the router opens no port", { ...state.reasons });
    core.changed();
    changed();
  }

  #target(): MappingTarget | undefined {
    const { enabled, hosting, links, port, nonce } = this.#options;
    if (!enabled()) return this.#none({ state: "off" });
    if (!hosting()) return this.#none({ state: "idle", why: "not-hosting" });
    const link = links()
      .filter(({ gateway4, up }) => gateway4 && up)
      .sort((a, b) => a.gateway4!.metric - b.gateway4!.metric)[0];
    const gateway = link?.gateway4?.address;
    const client = gateway === undefined ? undefined : ownAddress(link!, gateway);
    if (gateway === undefined || client === undefined) return this.#none({ state: "idle", why: "no-router" });
    if (isPublicAddress(client)) return this.#none({ state: "idle", why: "public" });
    return { gateway, client, port, nonce };
  }

  #none(why: PortMappingState): undefined {
    this.#idle = why;
    return undefined;
  }
}

/** The one that the router sees: in its own network, where there are several. */
function ownAddress({ addresses }: Link, gateway: Address): Address | undefined {
  const own = addresses.filter(({ address, scope }) => scope === "global" && !address.includes(":"));
  const near = own.find(({ address, prefixLength }) =>
    prefixContains({ address, length: prefixLength }, gateway),
  );
  return (near ?? own[0])?.address;
}

import { PROXY_OFF, type Proxy as ProxyView } from "#contract/proxy.ts";
import type { Log } from "#ports/log.ts";
import type { Link } from "#ports/links.ts";
import type { LanRole } from "#protocol/forwarding/vifs.ts";
import { prefixText } from "#wire/address.ts";
import type { ProxySettings } from "../store/proxy-settings.ts";
import { chooseRoles, type Roles } from "./choose-roles.ts";
import { planOf, type InterfaceRules, type ProxyPlan } from "./plan.ts";

/** What an interface is to the proxy. */
export interface ProxyPart {
  readonly role: LanRole;
  readonly rules: InterfaceRules;
  readonly quickLeave: boolean;
}

export interface ProxyOptions {
  /** Of the command line: goes before the file, and that before what is set. */
  readonly commandLine: ProxySettings | undefined;
  readonly ofFile: () => ProxyPlan | undefined;
  readonly settings: () => ProxySettings;
  readonly log: Log;
}

const NOBODY: Roles = { upstream: undefined, downstream: [], problem: undefined };

/** The proxy between this computer's LANs: which interface has which part in it. */
export class Proxy {
  readonly #options: ProxyOptions;
  readonly #earlier = new Set<string>();
  #plan: ProxyPlan | undefined;
  #roles = NOBODY;
  #said = PROXY_OFF.detail;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  /** To be called when interfaces, settings or the file have changed. Returns who has which part now. */
  refresh(links: readonly Link[], isOff: (name: string) => boolean): Map<string, LanRole> {
    const { commandLine, ofFile, settings } = this.#options;
    this.#plan = commandLine ? planOf(commandLine) : (ofFile() ?? planOf(settings()));
    if (!this.#plan) this.#earlier.clear();
    this.#roles = this.#plan ? chooseRoles(this.#plan, { links, earlier: this.#earlier, isOff }) : NOBODY;
    const { upstream } = this.#roles;
    if (upstream !== undefined && this.#plan?.upstream === undefined) this.#earlier.add(upstream);
    this.#say();
    const roles = new Map<string, LanRole>(this.#roles.downstream.map((name) => [name, "downstream"]));
    return upstream === undefined ? roles : roles.set(upstream, "upstream");
  }

  part(name: string): ProxyPart | undefined {
    const role = this.#roleOf(name);
    if (!this.#plan || !role) return undefined;
    return { role, rules: this.#plan.rulesOf(name, role), quickLeave: this.#plan.quickLeave };
  }

  /** Who says what it does beside `castaway proxy on`; undefined: nobody. */
  get setElsewhere(): string | undefined {
    if (this.#options.commandLine) return "the command line of this proxy";
    return this.#options.ofFile()?.origin;
  }

  view(): ProxyView {
    const { upstream, downstream, problem } = this.#roles;
    const { quickLeave, sources, allowed, denied, bitsPerSecond } =
      this.#options.commandLine ?? this.#options.settings();
    const origin = this.#plan?.origin ?? null;
    const said =
      origin === null
        ? {
            quickLeave,
            sources: sources.map(prefixText),
            allowed: allowed.map(prefixText),
            denied: denied.map(prefixText),
            bitsPerSecond,
          }
        : { quickLeave: this.#plan!.quickLeave };
    if (!this.#plan) return { ...PROXY_OFF, ...said };
    return {
      ...PROXY_OFF,
      ...said,
      state: problem === undefined ? "running" : "waiting",
      detail: problem ?? `What listeners on ${downstream.join(", ")} want is joined on ${upstream}.`,
      upstream: upstream ?? null,
      downstream: [...downstream],
      origin,
    };
  }

  #say(): void {
    const { detail, state } = this.view();
    if (detail === this.#said) return;
    this.#said = detail;
    this.#options.log.write(state === "waiting" ? "warn" : "info", `proxy: ${detail}`);
  }

  #roleOf(name: string): LanRole | undefined {
    if (name === this.#roles.upstream) return "upstream";
    return this.#roles.downstream.includes(name) ? "downstream" : undefined;
  }
}

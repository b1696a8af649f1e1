import type { Clock } from "#ports/clock.ts";
import type { GatewayPlan, KernelGateway } from "#ports/gateway.ts";
import type { Log } from "#ports/log.ts";
import { forwardingSettings, guards, isTaken, type Setting } from "#protocol/gateway/forwarding-settings.ts";
import { gatewayRules, lookForRules, noRules } from "#protocol/gateway/rules.ts";
import { prefixText } from "#wire/address.ts";
import type { Change, GatewayRecord, GatewayRecordFile, LinkRoute } from "./gateway-record.ts";

export interface GatewayOptions {
  readonly kernel: KernelGateway;
  readonly record: Pick<GatewayRecordFile, "load" | "save" | "remove">;
  readonly tun: string;
  /** Names of all interfaces. */
  readonly interfaces: () => readonly string[];
  readonly clock: Clock;
  readonly log: Log;
  /** What is in force, or the problem, has changed. */
  readonly changed: () => void;
}

/** Why the kernel does not do what was wanted. */
export interface GatewayProblem {
  readonly message: string;
  readonly remedy: string | null;
  readonly since: number; // wall ms
}

/**
 * Makes the kernel forward as planned, one plan after the other and never half of one: rules before the switches that
 * they guard, and where a step fails, everything back. What a service that crashed left is known from its record.
 */
export class Gateway {
  readonly #options: GatewayOptions;
  #wanted: GatewayPlan | undefined;
  #applied: GatewayPlan | undefined;
  #problem: GatewayProblem | undefined;
  #changes: readonly Change[] = [];
  #routes: readonly LinkRoute[] = [];
  #rules = "";
  /** Rules may be there. */
  #dirty = false;
  #loaded = false;
  #stale = true;
  #work: Promise<void> | undefined;

  constructor(options: GatewayOptions) {
    this.#options = options;
  }

  /** What is in force now. */
  get applied(): GatewayPlan | undefined {
    return this.#applied;
  }
  get problem(): GatewayProblem | undefined {
    return this.#problem;
  }

  /** undefined: nothing is forwarded, and everything is as it was before. `again`: try what failed once more. */
  want(plan: GatewayPlan | undefined, again = false): void {
    if (JSON.stringify(plan) === JSON.stringify(this.#wanted) && !again && !(this.#stale && !this.#work))
      return;
    this.#wanted = plan;
    this.#stale = true;
    this.#work ??= this.#run();
  }

  /** Others may have flushed every table of the packet filter, ours too: then all of it is made again. */
  async check(): Promise<void> {
    if (!this.#applied || this.#work) return;
    const { kernel, tun, log } = this.#options;
    const there = await kernel.load(lookForRules(tun)).then(
      () => true,
      () => false,
    );
    if (!this.#applied || this.#work) return;
    if (!there) log.write("warn", "somebody has removed our rules from the packet filter");
    // Interfaces, and what else this computer forwards, may have changed too.
    if (!there || this.#rulesFor(this.#applied, this.#changes) !== this.#rules) this.want(this.#wanted, true);
  }

  /** When the last plan is in force, or known not to be possible. */
  async settled(): Promise<void> {
    while (this.#work) await this.#work;
  }

  async close(): Promise<void> {
    this.want(undefined);
    await this.settled();
  }

  async #run(): Promise<void> {
    while (this.#stale) {
      this.#stale = false;
      const plan = this.#wanted;
      try {
        await this.#load();
        if (plan) await this.#apply(plan);
        else await this.#clear();
        this.#applied = plan;
        this.#problem = undefined;
      } catch (error) {
        this.#fail(error);
        this.#applied = undefined;
        await this.#clear().catch((second: unknown) => this.#fail(second));
      }
    }
    this.#work = undefined;
    this.#options.changed();
  }

  #rulesFor(plan: GatewayPlan, changes: readonly Change[]): string {
    const { kernel, interfaces } = this.#options;
    const switched = changes.map(({ path }) => path);
    return gatewayRules(
      plan,
      guards(plan, switched, interfaces(), (path) => kernel.read(path)),
    );
  }

  #fail(error: unknown): void {
    const message = error instanceof Error ? error.message : String(error);
    const remedy =
      error instanceof Error && "remedy" in error && typeof error.remedy === "string" ? error.remedy : null;
    this.#problem = { message, remedy, since: this.#options.clock.wall() };
    this.#options.log.write("error", "the kernel cannot be made to forward", { error: message });
  }

  /** What an earlier run left behind. */
  async #load(): Promise<void> {
    if (this.#loaded) return;
    const found = await this.#options.record.load();
    this.#loaded = true;
    if (!found) return;
    if (found.instance !== this.#options.kernel.instance) {
      await this.#options.record.remove();
      return;
    }
    this.#options.log.write("info", "an earlier run left the kernel forwarding");
    this.#dirty = true;
    this.#changes = found.changes;
    this.#routes = found.routes;
    if (found.tun !== this.#options.tun) await this.#options.kernel.load(noRules(found.tun));
  }

  async #apply(plan: GatewayPlan): Promise<void> {
    const { kernel, tun, interfaces, record } = this.#options;
    const settings = forwardingSettings(plan, interfaces(), this.#readBefore);
    await this.#save(this.#changes);
    const kept = this.#changes.filter(({ path }) => settings.some((setting) => setting.path === path));
    const made = settings.flatMap((setting) => this.#changeFor(setting, kept));
    const rules = this.#rulesFor(plan, [...kept, ...made]);
    try {
      await kernel.load(rules);
    } catch (error) {
      if (!this.#dirty) await record.remove(); // all or nothing: there is nothing
      throw error;
    }
    this.#dirty = true;
    this.#rules = rules;
    this.#restore(this.#changes.filter((change) => !kept.includes(change)));
    const routes = plan.subnets.map(({ subnet, interfaceName }) => ({ prefix: subnet, interfaceName }));
    await this.#save([...kept, ...made], [...this.#routes, ...routes]);
    this.#setRoutes(routes);
    for (const { path, value } of settings) if (kernel.read(path) !== value) kernel.write(path, value);
    this.#options.log.write("info", "the kernel forwards for members", {
      tun,
      lans: plan.lans.map(({ interfaceName }) => interfaceName).join(" "),
      subnets: plan.subnets.map(({ interfaceName }) => interfaceName).join(" "),
    });
  }

  async #clear(): Promise<void> {
    if (!this.#dirty) return;
    const { kernel, tun, record, log } = this.#options;
    this.#restore(this.#changes);
    this.#changes = [];
    this.#setRoutes([]);
    await kernel.load(noRules(tun));
    await record.remove();
    this.#dirty = false;
    log.write("info", "the kernel does not forward for members any more");
  }

  /** As it would be without us: what we set ourselves is no reason to leave it alone. */
  readonly #readBefore = (path: string): number | undefined =>
    this.#changes.find((change) => change.path === path)?.before ?? this.#options.kernel.read(path);

  #changeFor({ path, value }: Setting, kept: readonly Change[]): Change[] {
    if (kept.some((change) => change.path === path)) return [];
    const before = this.#options.kernel.read(path);
    return before === undefined || before === value ? [] : [{ path, before, now: value }];
  }

  /** In the other order; what somebody else has set since then is theirs. */
  #restore(changes: readonly Change[]): void {
    const { kernel, log } = this.#options;
    for (const { path, before, now } of changes.toReversed()) {
      if (kernel.read(path) !== now || isTaken(path, (other) => kernel.read(other))) continue;
      try {
        kernel.write(path, before);
      } catch (error) {
        log.write("warn", "a setting could not be put back", { path, before, error: String(error) });
      }
    }
  }

  /** Those that there may be become exactly these. */
  #setRoutes(routes: readonly LinkRoute[]): void {
    const { kernel } = this.#options;
    const key = ({ prefix, interfaceName }: LinkRoute): string => `${prefixText(prefix)} ${interfaceName}`;
    const wanted = new Set(routes.map(key));
    for (const route of this.#routes)
      if (!wanted.has(key(route))) kernel.removeRoute(route.prefix, route.interfaceName);
    for (const { prefix, interfaceName } of routes) kernel.addRoute(prefix, interfaceName);
    this.#routes = routes;
  }

  async #save(changes: readonly Change[], routes = this.#routes): Promise<void> {
    const { kernel, record, tun } = this.#options;
    this.#changes = changes;
    this.#routes = routes;
    const saved: GatewayRecord = { instance: kernel.instance, tun, changes, routes };
    await record.save(saved);
  }
}

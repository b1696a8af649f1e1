// What the daemon does about a finding when it is asked to: what a person would type, with the daemon's own rights,
// and no more than one command takes back. What is decided by people (which LAN, whose invite) is none of it.
import { ControlError } from "#contract/errors.ts";
import type { Fix } from "#contract/snapshot.ts";
import { GatewayError } from "#ports/gateway.ts";
import type { ReachSettings } from "../store/reach-settings.ts";
import type { Subject } from "./topic.ts";

/** Settings that changed take effect, and are saved, by whoever calls `apply`. */
interface Repair {
  readonly fix: Fix;
  /** The command that takes it back. */
  readonly undo: string;
  /** Throws ControlError. */
  apply(): void;
}

/** By the first part of a fix's id; the second names what it is for. undefined: there is nothing to mend now. */
const KINDS: Readonly<Record<string, (of: string, subject: Subject) => Repair | undefined>> = {
  "rp-filter": looseReversePath,
  "network-up": networkUp,
  "port-mapping": portMappingOn,
  proxy: proxyOff,
};

/** Throws ControlError: "not-found" for a fix that is none, or of which there is no need any more. */
export function repairOf(id: string, subject: Subject): Repair {
  const [kind = "", ...of] = id.split(":");
  const repair = Object.hasOwn(KINDS, kind) ? KINDS[kind]!(of.join(":"), subject) : undefined;
  if (repair) return repair;
  throw new ControlError(
    "not-found",
    `there is nothing to mend by "${id}"`,
    "See what there is: castaway doctor",
  );
}

/** For a finding; undefined where it cannot be mended from here. */
export function fixOf(id: string, subject: Subject): Fix | undefined {
  // An interface may be called what an id cannot say.
  if (!/^[\w:.-]{1,64}$/.test(id)) return undefined;
  const [kind = "", ...of] = id.split(":");
  return KINDS[kind]?.(of.join(":"), subject)?.fix;
}

/** Values of rp_filter; of an interface and "all" the larger one counts (Documentation/networking/ip-sysctl.rst). */
const STRICT = 1;
const LOOSE = 2;

/** The reverse path filter (RFC 3704) of an interface that we use, for as long as the computer runs. */
function looseReversePath(name: string, { engine }: Subject): Repair | undefined {
  const { kernel, lans, tun } = engine;
  const isUsed = name === tun.name || [...lans.vifs()].some((vif) => vif.name === name);
  if (!kernel || !isUsed) return undefined;
  const read = (of: string): number => kernel.read(`net/ipv4/conf/${of}/rp_filter`) ?? 0;
  if (Math.max(read("all"), read(name)) !== STRICT) return undefined;
  const before = read(name);
  return {
    fix: {
      id: `rp-filter:${name}`,
      label: `Let ${name} take packets of senders elsewhere (rp_filter loose), until this computer is restarted.`,
    },
    undo: `sudo sysctl -w net.ipv4.conf.${name}.rp_filter=${before}`,
    apply: () => {
      try {
        kernel.write(`net/ipv4/conf/${name}/rp_filter`, LOOSE);
      } catch (error) {
        if (error instanceof GatewayError) throw new ControlError("conflict", error.message, error.remedy);
        throw error;
      }
    },
  };
}

function networkUp(id: string, { engine }: Subject): Repair | undefined {
  const { hosted } = engine.networks;
  if (hosted?.id === id) return hosted.enabled ? undefined : switchOn(id, hosted.name, hosted);
  const joined = engine.networks.joined.get(id);
  return !joined || joined.record.enabled ? undefined : switchOn(id, joined.record.networkName, joined);
}

function switchOn(id: string, name: string, network: { setEnabled(enabled: boolean): void }): Repair {
  return {
    fix: { id: `network-up:${id}`, label: `Switch ${name} on.` },
    undo: `castaway down --network ${id}`,
    apply: () => network.setEnabled(true),
  };
}

function portMappingOn(_of: string, subject: Subject): Repair | undefined {
  if (subject.keeper.state.settings.reach.portMapping) return undefined;
  return {
    fix: { id: "port-mapping", label: "Ask the router for a port while this computer hosts a network." },
    undo: "castaway reach --port-mapping off",
    apply: () => setReach(subject, { portMapping: true }),
  };
}

function proxyOff(_of: string, subject: Subject): Repair | undefined {
  const { proxy } = subject.keeper.state.settings.reach;
  if (proxy === "off") return undefined;
  return {
    fix: { id: "proxy", label: "Connect without the proxy." },
    undo: `castaway reach --proxy ${typeof proxy === "string" ? proxy : `${proxy.host}:${proxy.port}`}`,
    apply: () => setReach(subject, { proxy: "off" }),
  };
}

function setReach({ keeper }: Subject, change: Partial<ReachSettings>): void {
  keeper.setSettings({ reach: { ...keeper.state.settings.reach, ...change } });
}

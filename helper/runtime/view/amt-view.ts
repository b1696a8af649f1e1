// Internet multicast as clients see it.
import type { Amt, AmtJoin } from "#contract/amt.ts";
import type { Flow } from "#fastpath/flow-memory.ts";
import type { Address } from "#wire/address.ts";
import type { InternetStream } from "../amt/internet-stream.ts";
import type { AmtTunnel } from "../amt/tunnel.ts";
import type { Engine } from "../engine.ts";
import type { AmtSettings } from "../store/amt-settings.ts";
import { relayState } from "./amt-relay-view.ts";
import { FlowRates } from "./flow-rates.ts";

/** What came within this time is coming. */
const COMING_MS = 3_000;
const KNOWN_MS = 60_000;

export class AmtView {
  readonly #engine: Engine;
  readonly #rates = new FlowRates();

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  amt({ relays, automatic, relay }: AmtSettings): Amt {
    return { relays: [...relays], automatic, joins: this.#joins(), relay: relayState(this.#engine, relay) };
  }

  #joins(): AmtJoin[] {
    const { core, fastPath, amt } = this.#engine;
    const now = core.clock.now();
    const streams = [...amt.streams()].filter(({ kept, native, tunnel, searching, problem }) =>
      // What comes by a LAN, or still may, is none of the Internet's.
      kept ? true : !native && (tunnel !== undefined || searching || problem !== undefined),
    );
    const flows = streams.length > 0 ? fastPath.flows(KNOWN_MS) : [];
    const joins = streams.map((stream) => this.#join(stream, flows, now));
    this.#rates.forget(now);
    return joins;
  }

  #join(stream: InternetStream, flows: readonly Flow[], now: number): AmtJoin {
    const { source, group, kept, tunnel } = stream;
    const own = tunnel
      ? flows.filter(
          (flow) =>
            flow.vif === tunnel.id &&
            flow.group === group &&
            (source === undefined || flow.source === source),
        )
      : [];
    const coming = own.filter(({ lastSeen }) => now - lastSeen < COMING_MS);
    const sum = (of: (flow: Flow) => number): number => own.reduce((total, flow) => total + of(flow), 0);
    const { relay, way, gateway } = tunnel ?? {};
    return {
      // A program may have asked first, and somebody then by the id that they were told.
      id: kept?.id ?? stream.id,
      source: source ?? null,
      group,
      relay: kept?.relay ?? null,
      port: kept?.port ?? own.find(({ content }) => content)?.content?.port ?? null,
      kept: kept !== undefined,
      ...this.#progress(stream, coming.length > 0, now),
      via: relay && way ? { address: relay.address, how: way.how } : null,
      roundTripMs: relay ? (gateway?.roundTripMs ?? null) : null,
      packets: sum(({ packets }) => packets),
      bytes: sum(({ bytes }) => bytes),
      rateBps: coming.reduce((total, flow) => total + this.#rates.of(flow, now).bitsPerSecond, 0),
    };
  }

  #progress(
    { problem, tunnel, full }: InternetStream,
    isComing: boolean,
    now: number,
  ): Pick<AmtJoin, "state" | "detail"> {
    if (!tunnel) {
      if (problem !== undefined) return { state: "failed", detail: problem };
      return { state: "looking", detail: "A relay is being looked for." };
    }
    if (tunnel.problem !== undefined)
      return { state: "failed", detail: `The tunnel does not work: ${tunnel.problem}.` };
    const { gateway, relay } = tunnel;
    if (gateway.state !== "active") {
      // What one of them said counts for more than that others are silent.
      const refused =
        full.length > 0 ? full : gateway.resumesAt !== undefined || gateway.isAskedInVain ? gateway.full : [];
      if (refused.length > 0) return { state: "failed", detail: refusal(refused, tunnel, now) };
    }
    if (gateway.resumesAt !== undefined) {
      const tried = [...new Set(tunnel.ways.map(({ address }) => address))].join(", ");
      const seconds = Math.max(0, Math.ceil((gateway.resumesAt - now) / 1_000));
      return { state: "failed", detail: `No relay answers (${tried}). The next try is in ${seconds} s.` };
    }
    if (!relay) {
      const asked = gateway.candidate?.address ?? "somebody";
      return { state: "looking", detail: `${asked} is asked for a relay.` };
    }
    if (gateway.state !== "active")
      return { state: "asking", detail: `The relay ${relay.address} has not answered yet.` };
    return isComing
      ? { state: "receiving", detail: `It comes from the relay ${relay.address}.` }
      : { state: "waiting", detail: `The relay ${relay.address} was asked for it; nothing comes yet.` };
  }
}

function refusal(full: readonly Address[], { gateway }: AmtTunnel, now: number): string {
  const isOne = full.length === 1;
  const takes = isOne
    ? `The relay ${full[0]} takes no more receivers`
    : `The relays ${full.join(", ")} take no more receivers`;
  const again = isOne ? "it is asked again" : "they are asked again";
  if (gateway.resumesAt !== undefined)
    return `${takes}; ${again} in ${Math.max(0, Math.ceil((gateway.resumesAt - now) / 1_000))} s.`;
  const asked = gateway.relay?.address ?? gateway.candidate?.address;
  return asked !== undefined && full.includes(asked)
    ? `${takes}; ${again} now.`
    : `${takes}; others are asked.`;
}

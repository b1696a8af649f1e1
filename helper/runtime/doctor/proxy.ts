// The HTTP proxy by which connections leave, in networks that let nothing else out.
import { endpointText } from "#ports/endpoint.ts";
import { resolveCandidates } from "../resolve-candidates.ts";
import { chooseProxy, ProxyError, type Proxy } from "../streams/proxy.ts";
import { fixOf } from "./fixes.ts";
import { fail, ok, warn, type Topic } from "./topic.ts";

const CONNECT_MS = 3_000;

export const proxy: Topic = {
  id: "proxy",
  title: "the proxy",
  examine: async (subject) => {
    const { engine, keeper, probe } = subject;
    const { tcp, proxy: setting } = keeper.state.settings.reach;
    if (!tcp) return [];
    let chosen: Proxy | undefined;
    try {
      chosen = chooseProxy(setting, probe.environment);
    } catch (error) {
      if (!(error instanceof ProxyError)) throw error;
      return [
        fail(
          "proxy",
          `The proxy cannot be used: ${error.message}.`,
          "castaway reach --proxy HOST:PORT, or off",
          fixOf("proxy", subject),
        ),
      ];
    }
    if (!chosen) return [];
    const { host, port } = chosen;
    const [place] = await resolveCandidates([{ host, port }], engine.core.log);
    const ms = place && (await probe.connects(place, CONNECT_MS));
    const name = endpointText({ address: host, port });
    if (ms !== undefined)
      return [ok("proxy", `The proxy ${name} takes connections, after ${ms.toFixed(0)} ms.`)];
    return [
      warn(
        "proxy",
        `The proxy ${name} ${place ? "takes no connections" : "is not found"}.`,
        "Connections that need none are made without it. Where it is wrong: castaway reach --proxy off",
        fixOf("proxy", subject),
      ),
    ];
  },
};

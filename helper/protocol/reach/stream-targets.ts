import type { Endpoint } from "#ports/endpoint.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import type { StreamTarget } from "#protocol/session/session-types.ts";

/** Where a host that serves TLS does so. */
export const TLS_PORT = 443;

export interface StreamChoices {
  /** As the invite and the host's own list name them: a proxy looks names up itself. */
  readonly candidates: readonly Candidate[];
  /** The same with names looked up, and where the host was heard last. */
  readonly endpoints: readonly Endpoint[];
  readonly tcp: boolean;
  readonly proxy: boolean;
}

/**
 * Where streams to a host may be opened, the likeliest first: TCP at every address and port that UDP is tried at, then
 * TLS at port 443 of every address (a host that serves it needs not be asked for), then the same through the proxy.
 */
export function streamTargets({ candidates, endpoints, tcp, proxy }: StreamChoices): StreamTarget[] {
  if (!tcp) return [];
  const direct = endpoints.filter(({ stream }) => stream === undefined);
  const all: StreamTarget[] = [
    ...direct.map(({ address, port }) => ({ kind: "tcp", host: address, port, proxied: false }) as const),
    ...direct.map(({ address }) => ({ kind: "tls", host: address, port: TLS_PORT, proxied: false }) as const),
  ];
  if (proxy)
    all.push(
      ...candidates.map(({ host }) => ({ kind: "tls", host, port: TLS_PORT, proxied: true }) as const),
    );
  return interleave(unique(all));
}

/** Plain TCP first, and of the others one of each kind by turns: none waits until another kind has been tried in full. */
function interleave(targets: readonly StreamTarget[]): StreamTarget[] {
  const kinds = [
    targets.filter(({ kind }) => kind === "tcp"),
    targets.filter(({ proxied }) => proxied),
    targets.filter(({ kind, proxied }) => kind === "tls" && !proxied),
  ];
  const longest = Math.max(0, ...kinds.map((kind) => kind.length));
  return Array.from({ length: longest }, (_, i) => kinds.flatMap((kind) => kind[i] ?? [])).flat();
}

function unique(targets: readonly StreamTarget[]): StreamTarget[] {
  const keys = new Map(
    targets.map((target) => [`${target.kind} ${target.host} ${target.port} ${target.proxied}`, target]),
  );
  return [...keys.values()];
}

// What was measured of each peer, from the harness's own result files, and how Castaway stands beside the others.

/** One peer. Latencies in us, rates in packets a second, memory in MiB. */
export interface Figures {
  readonly name: string;
  readonly title: string;
  readonly encrypted: boolean;
  readonly p50: number;
  readonly p99: number;
  readonly lossFree: number;
  /** The source could send no faster: the rate is a floor. */
  readonly sourceBound: boolean;
  /** CPU time of the tunnel's processes for each delivered packet, us. */
  readonly cpuOut: number;
  readonly cpuIn: number;
  readonly memory: readonly number[];
  /** undefined where the stream flows before anybody joins. */
  readonly joinMs: number | undefined;
}

/** The parts of a result file that are read here. */
export interface HarnessResult {
  readonly name: string;
  readonly info: { readonly title: string; readonly encrypted: string };
  readonly latency: readonly { readonly got: { readonly p50_us: number; readonly p99_us: number } }[];
  readonly cpu: readonly { readonly tunnel_us_by_process: Readonly<Record<string, number>> }[];
  readonly rss_kib: Readonly<Record<string, number>>;
  readonly join: readonly (readonly [ms: number, pruned: boolean])[];
  readonly max: readonly {
    readonly pps: number;
    readonly sender_bound?: boolean;
    readonly failed_at?: { readonly loss: number } | null;
  }[];
}

const LOSS_LIMIT = 1e-4; // the harness's

export function figuresOf(result: HarnessResult): Figures {
  const side = (end: "home" | "away", inverse = false): number =>
    median(
      result.cpu.map(({ tunnel_us_by_process: by }) =>
        Object.entries(by)
          .filter(([label]) => label.endsWith(end) !== inverse)
          .reduce((sum, [, us]) => sum + us, 0),
      ),
    );
  const joins = result.join.filter(([, pruned]) => pruned).map(([ms]) => ms);
  const bound = result.max.filter(
    ({ sender_bound: all, failed_at: failed }) => all || (failed != null && failed.loss <= LOSS_LIMIT),
  );
  return {
    name: result.name,
    title: result.info.title,
    encrypted: result.info.encrypted !== "no",
    p50: median(result.latency.map(({ got }) => got.p50_us)),
    p99: median(result.latency.map(({ got }) => got.p99_us)),
    lossFree: median(result.max.map(({ pps }) => pps)),
    sourceBound: bound.length * 2 > result.max.length,
    cpuOut: side("away", true),
    cpuIn: side("away"),
    memory: Object.values(result.rss_kib).map((kib) => kib / 1024),
    joinMs: joins.length === 0 ? undefined : median(joins),
  };
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const COLUMNS = [
  "peer",
  "encrypted",
  "latency us p50 / p99, 1 kpps",
  "loss-free pps",
  "CPU us a packet, out + in",
  "memory MiB",
  "join ms",
  "CPU, ours is",
  "loss-free, ours is",
  "p50, ours is",
] as const;

/** A Markdown table; the last columns are ours divided by theirs. */
export function comparisonTable(all: readonly Figures[], own = "castaway"): string {
  const ours = all.find(({ name }) => name === own);
  const rows = all.map((peer) => [
    peer.title,
    peer.encrypted ? "yes" : "no",
    `${peer.p50.toFixed(0)} / ${peer.p99.toFixed(0)}`,
    `${peer.sourceBound ? ">= " : ""}${(peer.lossFree / 1000).toFixed(1)}k`,
    `${(peer.cpuOut + peer.cpuIn).toFixed(1)} (${peer.cpuOut.toFixed(1)} + ${peer.cpuIn.toFixed(1)})`,
    peer.memory.map((mib) => mib.toFixed(0)).join(" + ") || "0",
    peer.joinMs?.toFixed(1) ?? "flows already",
    ...(ours === undefined || ours === peer
      ? ["", "", ""]
      : [
          ratio(ours.cpuOut + ours.cpuIn, peer.cpuOut + peer.cpuIn),
          ratio(ours.lossFree, peer.lossFree),
          ratio(ours.p50, peer.p50),
        ]),
  ]);
  return [COLUMNS, COLUMNS.map(() => "---"), ...rows].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}

function ratio(ours: number, theirs: number): string {
  // A peer in the kernel has no processes whose time could be counted.
  return theirs > 0 ? `${(ours / theirs).toFixed(2)} x` : "-";
}

interface Aim {
  readonly text: string;
  readonly holds: boolean;
}

/** The aims that these peers allow to be judged. */
export function judge(all: readonly Figures[], own = "castaway"): Aim[] {
  const find = (name: string): Figures | undefined => all.find((peer) => peer.name === name);
  const ours = find(own);
  if (ours === undefined) return [];
  const aims: Aim[] = [];
  const add = (text: string, holds: boolean): void => void aims.push({ text, holds });
  const [fastd, openvpn, vxlan] = [find("fastd"), find("openvpn"), find("vxlan-bridge")];
  if (fastd) {
    const share = (ours.cpuOut + ours.cpuIn) / (fastd.cpuOut + fastd.cpuIn);
    add(`CPU a packet over both ends: ${share.toFixed(2)} of fastd's (aim: 0.5 at most)`, share <= 0.5);
  }
  const encrypted = all.filter((peer) => peer !== ours && peer.encrypted);
  if (encrypted.length > 0) {
    const best = Math.max(...encrypted.map(({ lossFree }) => lossFree));
    const times = ours.lossFree / best;
    add(
      `loss-free rate: ${times.toFixed(2)} times the best encrypted one's (aim: 1.5 at least)`,
      times >= 1.5,
    );
  }
  if (openvpn) {
    add(
      `latency at 1 kpps: p50 ${(ours.p50 / openvpn.p50).toFixed(2)}, p99 ${(ours.p99 / openvpn.p99).toFixed(2)} of OpenVPN's (aim: 1 at most)`,
      ours.p50 <= openvpn.p50 && ours.p99 <= openvpn.p99,
    );
  }
  if (vxlan?.joinMs !== undefined && ours.joinMs !== undefined) {
    const more = ours.joinMs - vxlan.joinMs;
    add(`join to first packet: ${more.toFixed(1)} ms above kernel VXLAN's (aim: 3 at most)`, more <= 3);
  }
  const most = Math.max(...ours.memory);
  add(`memory: ${most.toFixed(0)} MiB at the larger end (aim: under 90)`, most < 90);
  return aims;
}

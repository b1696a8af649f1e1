// mcast.py as tests use it: senders and receivers in a host of the lab, and their typed reports.
import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("../mcast.py", import.meta.url));

export interface SendOptions {
  /** "239.1.2.3:5004", "[ff1e::1]:5004"; port 5004 if left out. */
  readonly group: string;
  /** By name. Without it the kernel chooses. */
  readonly interface?: string;
  readonly source?: string;
  readonly size?: number; // bytes of UDP payload, 1316
  readonly rate?: number; // datagrams a second, 100
  readonly count?: number;
  readonly seconds?: number;
  readonly ttl?: number; // 16
  readonly loop?: boolean;
  readonly run?: number;
}

export interface SendReport {
  readonly sent: number;
  readonly refused: number;
  readonly seconds: number;
  readonly rate: number;
}

export interface ReceiveOptions {
  readonly group: string;
  readonly interface?: string;
  /** INCLUDE these sources (SSM). */
  readonly sources?: readonly string[];
  /** EXCLUDE these sources. */
  readonly exclude?: readonly string[];
  readonly join?: boolean; // true
  readonly joinAfter?: number; // seconds
  readonly leaveAfter?: number; // seconds after the join; goes on listening
  readonly multicastAll?: boolean; // true, as sockets have it
  readonly bind?: "any" | "group";
  readonly bindDevice?: string;
  readonly count?: number;
  readonly seconds?: number;
  readonly run?: number;
}

export interface ReceiveReport {
  /** Different datagrams; `datagrams` counts duplicates too. */
  readonly received: number;
  readonly datagrams: number;
  readonly duplicates: number;
  /** Gaps between the first and the last sequence number that came, over all senders. */
  readonly lost: number;
  readonly first_seq: number | null;
  readonly last_seq: number | null;
  readonly reordered: number;
  readonly corrupt: number;
  /** Datagrams on the port that are no sender's of ours, or of another run. */
  readonly foreign: number;
  readonly bytes: number;
  readonly before_join: number;
  readonly after_leave: number;
  readonly overflows: number;
  readonly longest_gap_ms: number;
  readonly first_after_join_ms: number | null;
  readonly p50_us: number | null;
  readonly p99_us: number | null;
  readonly max_us: number | null;
  readonly sources: Readonly<Record<string, number>>;
  /** Datagrams by the interface they arrived on. */
  readonly interfaces: Readonly<Record<string, number>>;
  readonly ttls: readonly number[];
}

export class Sender {
  readonly child: Child;

  constructor(child: Child) {
    this.child = child;
  }

  /** Waits for the end by count or seconds. */
  async finished(timeoutMs = 60_000): Promise<SendReport> {
    return lastReport<SendReport>((await this.child.finished(timeoutMs)).stdout, this.child);
  }

  async stop(): Promise<SendReport> {
    return lastReport<SendReport>((await this.child.stop()).stdout, this.child);
  }
}

export class Receiver {
  readonly child: Child;
  #reports = 0;

  constructor(child: Child) {
    this.child = child;
  }

  join(): void {
    this.child.write("join\n");
  }

  leave(): void {
    this.child.write("leave\n");
  }

  /** Ms from the join to the first datagram. */
  async first(timeoutMs = 10_000): Promise<number> {
    const line = await this.child.line(/"event": "first"/, timeoutMs);
    return (JSON.parse(line) as { after_join_ms: number }).after_join_ms;
  }

  /** The figures so far; it goes on receiving. */
  async report(): Promise<ReceiveReport> {
    const wanted = ++this.#reports;
    this.child.write("report\n");
    const deadline = performance.now() + 5_000;
    for (;;) {
      const found = reports<ReceiveReport>(this.child.stdout)[wanted - 1];
      if (found !== undefined) return found;
      if (performance.now() > deadline)
        throw new Error(`${this.child.label}: no report: ${this.child.stderr}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  async finished(timeoutMs = 60_000): Promise<ReceiveReport> {
    return lastReport<ReceiveReport>((await this.child.finished(timeoutMs)).stdout, this.child);
  }

  async stop(): Promise<ReceiveReport> {
    return lastReport<ReceiveReport>((await this.child.stop()).stdout, this.child);
  }
}

/** Resolves once it sends. */
export async function startSender(host: Machine, options: SendOptions): Promise<Sender> {
  const args = [
    ...common(options),
    ...value("--source", options.source),
    ...value("--size", options.size),
    ...value("--rate", options.rate),
    ...value("--ttl", options.ttl),
    ...value("--run", options.run),
    ...(options.loop === false ? ["--loop", "0"] : []),
  ];
  const label = `${host.name}: send ${options.group}`;
  const child = host.spawn(PYTHON, [PROGRAM, "send", options.group, ...args], { label });
  await child.line(/"event": "ready"/);
  return new Sender(child);
}

/** Resolves once the socket is open and, unless told otherwise, joined. */
export async function startReceiver(host: Machine, options: ReceiveOptions): Promise<Receiver> {
  const args = [
    ...common(options),
    ...(options.sources ?? []).flatMap((source) => ["--source", source]),
    ...(options.exclude ?? []).flatMap((source) => ["--exclude", source]),
    ...value("--join-after", options.joinAfter),
    ...value("--leave-after", options.leaveAfter),
    ...value("--bind", options.bind),
    ...value("--bind-device", options.bindDevice),
    ...value("--run", options.run),
    ...(options.join === false ? ["--no-join"] : []),
    ...(options.multicastAll === false ? ["--multicast-all", "0"] : []),
  ];
  const label = `${host.name}: recv ${options.group}`;
  const child = host.spawn(PYTHON, [PROGRAM, "recv", options.group, ...args], { label });
  const joinsNow = options.join !== false && !options.joinAfter;
  await child.line(joinsNow ? /"event": "joined"/ : /"event": "ready"/);
  return new Receiver(child);
}

function common(options: SendOptions | ReceiveOptions): string[] {
  return [
    ...value("--interface", options.interface),
    ...value("--count", options.count),
    ...value("--seconds", options.seconds),
  ];
}

function value(name: string, given: string | number | undefined): string[] {
  return given === undefined ? [] : [name, String(given)];
}

function reports<Report>(output: string): Report[] {
  return output
    .split("\n")
    .filter((line) => line.startsWith('{"event": "report"'))
    .map((line) => JSON.parse(line) as Report);
}

function lastReport<Report>(output: string, child: Child): Report {
  const report = reports<Report>(output).at(-1);
  if (report === undefined) throw new Error(`${child.label} ended without a report: ${child.stderr}`);
  return report;
}

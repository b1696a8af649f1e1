// gateway.py as tests use it: an AMT gateway that is none of ours, step by step.
import { fileURLToPath } from "node:url";
import type { Child } from "#test/support/child.ts";
import type { LabHost } from "#test/support/lab.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("./gateway.py", import.meta.url));
const ANSWER_MS = 5_000;

export interface ReportRecord {
  readonly type: "is-include" | "is-exclude" | "to-include" | "to-exclude" | "allow" | "block";
  readonly group: string;
  readonly sources?: readonly string[];
}

export interface QueryAnswer {
  readonly event: "query";
  readonly flags: number;
  /** Of the whole message, bytes. */
  readonly length: number;
  readonly mac: string;
  readonly nonce: number;
  /** Of the query in it. */
  readonly family: 4 | 6;
  readonly source: string;
  /** It has the nonce of the last Request. */
  readonly right: boolean;
  /** Where the relay sees the gateway, in hexadecimal; empty: it does not say. */
  readonly tail: string;
}

/** What came of one stream, "source,group". */
export interface Received {
  readonly packets: number;
  readonly bytes: number;
  readonly fragments: number;
  /** Length or header checksum wrong. */
  readonly bad: number;
  /** TOS or traffic class of the outer headers. */
  readonly tos: readonly number[];
  /** Of the inner headers. */
  readonly ttls: readonly number[];
}

export class PythonGateway {
  readonly child: Child;
  readonly host: LabHost;
  #answers = 0;
  #port = 0;

  private constructor(host: LabHost, child: Child) {
    this.host = host;
    this.child = child;
  }

  /** `words`: options of gateway.py. */
  static async start(host: LabHost, relay: string, ...words: readonly string[]): Promise<PythonGateway> {
    const bind = relay.includes(":") ? "::" : "0.0.0.0";
    const child = host.spawn(PYTHON, [PROGRAM, "--bind", bind, "--relay", relay, ...words], {
      label: `${host.name}: gateway.py ${words.join(" ")}`,
    });
    const gateway = new PythonGateway(host, child);
    gateway.#port = ((await gateway.#answer("ready")) as { port: number }).port;
    return gateway;
  }

  get port(): number {
    return this.#port;
  }

  async discover(to?: string): Promise<{ readonly relay: string; readonly source: string }> {
    this.#tell({ op: "discover", ...(to !== undefined && { to }) });
    return (await this.#answer("advertisement")) as { relay: string; source: string };
  }

  async request(family: 4 | 6): Promise<QueryAnswer> {
    this.#tell({ op: "request", family });
    return (await this.#answer("query")) as QueryAnswer;
  }

  /** Answers the last Query, or that of a nonce, with a report. */
  async update(
    records: readonly ReportRecord[],
    other: { readonly query?: number; readonly mac?: string } = {},
  ): Promise<void> {
    this.#tell({ op: "update", records, ...other });
    await this.#answer("done");
  }

  /** Request and report. */
  async join(family: 4 | 6, records: readonly ReportRecord[]): Promise<QueryAnswer> {
    const query = await this.request(family);
    await this.update(records);
    return query;
  }

  async teardown(of: {
    readonly address: string;
    readonly port: number;
    readonly mac?: string;
    readonly nonce?: number;
  }): Promise<void> {
    this.#tell({ op: "teardown", ...of });
    await this.#answer("done");
  }

  async raw(hex: string, to?: string): Promise<void> {
    this.#tell({ op: "raw", hex, ...(to !== undefined && { to }) });
    await this.#answer("done");
  }

  /** By "source,group". `reset`: counts from zero afterwards. */
  async streams(reset = false): Promise<Readonly<Record<string, Received>>> {
    this.#tell({ op: "stats", reset });
    return ((await this.#answer("stats")) as { streams: Record<string, Received> }).streams;
  }

  /** Polls until so many packets of each of the streams have come. */
  async until(packets: number, streams: readonly string[], timeoutMs = 10_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const got = await this.streams();
      if (streams.every((stream) => (got[stream]?.packets ?? 0) >= packets)) return;
      if (performance.now() > deadline)
        throw new Error(
          `${this.child.label}: not ${packets} of each of ${streams.join(" ")}: ${JSON.stringify(got)}`,
        );
      await new Promise((resolve) => setTimeout(resolve, 30));
    }
  }

  /** Polls until nothing of the streams has come between two looks, 300 ms apart. */
  async untilSilent(streams: readonly string[], timeoutMs = 10_000): Promise<void> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      await this.streams(true);
      await new Promise((resolve) => setTimeout(resolve, 300));
      const got = await this.streams();
      if (streams.every((stream) => !got[stream])) return;
      if (performance.now() > deadline) throw new Error(`${this.child.label}: still ${JSON.stringify(got)}`);
    }
  }

  async stop(): Promise<void> {
    await this.child.stop();
  }

  #tell(command: unknown): void {
    this.child.write(`${JSON.stringify(command)}\n`);
  }

  /** The next line that it prints. */
  async #answer(event: string): Promise<unknown> {
    const deadline = performance.now() + ANSWER_MS;
    for (;;) {
      const lines = this.child.stdout.split("\n").slice(0, -1);
      if (lines.length > this.#answers) {
        const said = JSON.parse(lines[this.#answers++]!) as { event: string };
        if (said.event === event) return said;
        continue;
      }
      if (performance.now() > deadline || !this.child.running)
        throw new Error(`${this.child.label}: no ${event}: ${this.child.stderr.slice(-2_000)}`);
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  }
}

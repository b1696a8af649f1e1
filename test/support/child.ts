import { spawn, type ChildProcess, type SpawnOptions } from "node:child_process";

/** How a process ended: its exit code, or the signal that ended it. */
export interface ChildExit {
  readonly code: number | undefined;
  readonly signal: NodeJS.Signals | undefined;
}

export interface Finished extends ChildExit {
  readonly stdout: string;
  readonly stderr: string;
}

const KEPT_CHARACTERS = 4_000_000;
/** `ip netns exec` replaces itself, so the pid is the command's; the group is for what the command starts. */
const OWN_GROUP: SpawnOptions = { detached: true, stdio: ["pipe", "pipe", "pipe"] };

/** A process of a test or of the demo: its output by line, and an end that is certain. */
export class Child {
  readonly label: string;
  readonly exited: Promise<ChildExit>;
  readonly #process: ChildProcess;
  readonly #waiting = new Set<() => void>();
  #stdout = "";
  #stderr = "";
  #exit: ChildExit | undefined;

  constructor(command: string, args: readonly string[], options: SpawnOptions & { readonly label?: string }) {
    const { label, ...rest } = options;
    this.label = label ?? [command, ...args].join(" ");
    this.#process = spawn(command, [...args], { ...rest, ...OWN_GROUP });
    this.#process.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout = (this.#stdout + text).slice(-KEPT_CHARACTERS);
      this.#wake();
    });
    this.#process.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr = (this.#stderr + text).slice(-KEPT_CHARACTERS);
      this.#wake();
    });
    // A process that is gone before it reads its input is reported by its exit, not by EPIPE.
    this.#process.stdin?.on("error", () => undefined);
    this.exited = new Promise((resolve) => {
      const finish = (exit: ChildExit): void => {
        this.#exit ??= exit;
        this.#wake();
        resolve(this.#exit);
      };
      this.#process.once("error", (error) => {
        this.#stderr += `${error.message}\n`;
        finish({ code: 127, signal: undefined });
      });
      // "close", not "exit": all output has been read by then.
      this.#process.once("close", (code, signal) =>
        finish({ code: code ?? undefined, signal: signal ?? undefined }),
      );
    });
  }

  /** undefined if it could not be started. */
  get pid(): number | undefined {
    return this.#process.pid;
  }

  get running(): boolean {
    return this.#exit === undefined && this.#process.exitCode === null && this.#process.signalCode === null;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Takes the whole lines out of stdout that came since the last call. */
  takeLines(): string[] {
    const lines = this.#stdout.split("\n");
    this.#stdout = lines.pop() ?? "";
    return lines;
  }

  write(text: string): void {
    this.#process.stdin?.write(text);
  }

  endInput(): void {
    this.#process.stdin?.end();
  }

  /** The first line of either output that matches, past or future; rejects when the process ends or time is up. */
  async line(pattern: RegExp, timeoutMs = 10_000): Promise<string> {
    const deadline = performance.now() + timeoutMs;
    for (;;) {
      const found = [...this.#stdout.split("\n"), ...this.#stderr.split("\n")].find((line) =>
        pattern.test(line),
      );
      if (found !== undefined) return found;
      if (this.#exit !== undefined) throw new Error(`${this.label} ended before ${pattern}: ${this.#tail()}`);
      const left = deadline - performance.now();
      if (left <= 0)
        throw new Error(`${this.label}: no line ${pattern} within ${timeoutMs} ms: ${this.#tail()}`);
      await this.#change(left);
    }
  }

  /** Waits for the end by itself. Rejects (and kills) after timeoutMs. */
  async finished(timeoutMs: number): Promise<Finished> {
    const timer = setTimeout(() => this.signal("SIGKILL"), timeoutMs);
    const exit = await this.exited;
    clearTimeout(timer);
    if (exit.signal === "SIGKILL") throw new Error(`${this.label} did not end within ${timeoutMs} ms`);
    return { ...exit, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** Asks it to end, insists after graceMs, and returns once it is gone. */
  async stop(signal: NodeJS.Signals = "SIGTERM", graceMs = 2_000): Promise<Finished> {
    this.signal(signal);
    const timer = setTimeout(() => this.signal("SIGKILL"), graceMs);
    const exit = await this.exited;
    clearTimeout(timer);
    return { ...exit, stdout: this.#stdout, stderr: this.#stderr };
  }

  /** To the process and what it started. False if it is gone already. */
  signal(signal: NodeJS.Signals): boolean {
    const { pid } = this.#process;
    if (pid === undefined || !this.running) return false;
    try {
      return process.kill(-pid, signal);
    } catch {
      return false;
    }
  }

  #change(timeoutMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        this.#waiting.delete(done);
        resolve();
      };
      const timer = setTimeout(done, timeoutMs);
      this.#waiting.add(done);
    });
  }

  #wake(): void {
    for (const done of this.#waiting) done();
  }

  #tail(): string {
    return (this.#stderr + this.#stdout).slice(-2_000);
  }
}

/** Runs a command to its end. Rejects unless it exits with 0, or with any code if `anyExit`. */
export async function run(
  command: string,
  args: readonly string[],
  options: SpawnOptions & {
    readonly input?: string;
    readonly timeoutMs?: number;
    readonly anyExit?: boolean;
  } = {},
): Promise<Finished> {
  const { input, timeoutMs = 20_000, anyExit = false, ...rest } = options;
  const child = new Child(command, args, rest);
  if (input !== undefined) child.write(input);
  child.endInput();
  const result = await child.finished(timeoutMs);
  if (!anyExit && result.code !== 0) {
    const how = result.signal ?? `exit ${result.code}`;
    throw new Error(`${child.label}: ${how}: ${(result.stderr || result.stdout).trim().slice(-2_000)}`);
  }
  return result;
}

import { Child, run, type Finished } from "./child.ts";

export interface ExecOptions {
  readonly input?: string;
  readonly timeoutMs?: number;
  /** Resolve whatever the exit code is. */
  readonly anyExit?: boolean;
  readonly env?: NodeJS.ProcessEnv;
}

/** Where processes run: this computer, or (lab/host.ts) one in a namespace. Keeps track of what it started. */
export class Machine {
  readonly name: string;
  readonly #prefix: readonly string[];
  readonly #children = new Set<Child>();

  /** `prefix`: the command that runs other commands there. */
  constructor(name: string, prefix: readonly string[] = []) {
    this.name = name;
    this.#prefix = prefix;
  }

  /** Runs a command to its end; rejects unless it exits with 0, or with any code if `anyExit`. */
  exec(command: string, args: readonly string[] = [], options: ExecOptions = {}): Promise<Finished> {
    const { env, ...rest } = options;
    const [program, ...words] = this.#words(command, args);
    return run(program, words, { ...rest, env: { ...process.env, ...env } });
  }

  /** Starts a command; it is ended with the machine at the latest. */
  spawn(
    command: string,
    args: readonly string[] = [],
    options: { readonly label?: string; readonly env?: NodeJS.ProcessEnv } = {},
  ): Child {
    const [program, ...words] = this.#words(command, args);
    const child = new Child(program, words, {
      label: options.label ?? `${this.name}: ${command}`,
      env: { ...process.env, ...options.env },
    });
    this.#children.add(child);
    void child.exited.then(() => this.#children.delete(child));
    return child;
  }

  async stopAll(): Promise<void> {
    await Promise.all([...this.#children].map((child) => child.stop()));
  }

  killAll(): void {
    for (const child of this.#children) child.signal("SIGKILL");
  }

  #words(command: string, args: readonly string[]): [string, ...string[]] {
    const [first, ...rest] = this.#prefix;
    return first === undefined ? [command, ...args] : [first, ...rest, command, ...args];
  }
}

/** A command line's words, of which none has a space in it. */
export function words(text: string): string[] {
  return text.split(" ");
}

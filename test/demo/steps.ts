/** An end of the demo that a person can do something about. */
export class DemoError extends Error {
  readonly remedy: string;

  constructor(message: string, remedy: string, cause?: unknown) {
    super(message, { cause });
    this.remedy = remedy;
  }
}

/** One line when a step begins, its outcome behind it, and a DemoError with the remedy if it fails. */
export async function step<Result>(
  what: string,
  work: () => Promise<Result>,
  options: { readonly done?: (result: Result) => string; readonly remedy: string },
): Promise<Result> {
  process.stdout.write(`  ${what} … `);
  try {
    const result = await work();
    process.stdout.write(`${options.done?.(result) ?? "done"}\n`);
    return result;
  } catch (error) {
    process.stdout.write("failed\n");
    if (error instanceof DemoError) throw error;
    throw new DemoError(
      `${what}: ${error instanceof Error ? error.message : String(error)}`,
      options.remedy,
      error,
    );
  }
}

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

/** Rejects with the signal's reason when it is aborted. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const abort = (): void => {
      clearTimeout(timer);
      reject(signal.reason as Error);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", abort);
      resolve();
    }, ms);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

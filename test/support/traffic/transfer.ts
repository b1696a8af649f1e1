// A TCP transfer whose content is checked (transfer.py).
import { fileURLToPath } from "node:url";
import type { Machine } from "#test/support/machine.ts";
import { PYTHON } from "#test/support/python.ts";

const PROGRAM = fileURLToPath(new URL("./transfer.py", import.meta.url));

export interface TransferEnd {
  readonly bytes: number;
  readonly sha256: string;
  readonly seconds: number;
}

/**
 * Sends so many random bytes to the address of a machine, and returns what each end saw. `dialled`: the address by
 * which the sender knows it, where that is another one.
 */
export async function transfer(
  from: Machine,
  to: Machine,
  address: string,
  bytes: number,
  { timeoutMs = 60_000, dialled = address }: { readonly timeoutMs?: number; readonly dialled?: string } = {},
): Promise<{ readonly sent: TransferEnd; readonly received: TransferEnd }> {
  const port = "5201";
  const receiver = to.spawn(PYTHON, [PROGRAM, "receive", address, port], {
    label: `${to.name}: receives a transfer on ${address}`,
  });
  try {
    await receiver.line(/"ready"/);
    const words = [PROGRAM, "send", dialled, port, String(bytes)];
    const sent = await from.exec(PYTHON, words, { timeoutMs });
    const received = await receiver.line(/"report"/);
    return { sent: JSON.parse(sent.stdout) as TransferEnd, received: JSON.parse(received) as TransferEnd };
  } finally {
    await receiver.stop();
  }
}

import { fileURLToPath } from "node:url";
import { ipBatch } from "../lab/namespaces.ts";
import type { Lab } from "../lab.ts";

const NODES = fileURLToPath(new URL("./nodes.ts", import.meta.url));
const COUNT = 5;
/** Of the documentation range that the lab uses for nothing else. */
const address = (number: number): string => `192.0.2.${10 + number}`;

export interface LabDht {
  /** "ADDRESS:PORT" of the node by which the DHT is entered. */
  readonly bootstrap: string;
  /** Public key of the node that relays. */
  readonly relayKey: string;
  /** The DHT as a whole is gone. */
  stop(): Promise<void>;
}

/** Resolves when the nodes know each other. It ends with the lab. */
export async function startLabDht(lab: Lab): Promise<LabDht> {
  const internet = lab.host("internet");
  const addresses = Array.from({ length: COUNT }, (_, number) => address(number));
  await ipBatch(
    internet.namespace,
    addresses.map((one) => `addr add ${one}/32 dev lo`),
  );
  const child = internet.spawn(process.execPath, [NODES, ...addresses], { label: "the lab's DHT" });
  const deadline = performance.now() + 30_000;
  for (;;) {
    const relayKey = /^ready ([0-9a-f]{64})$/m.exec(child.stdout)?.[1];
    if (relayKey)
      return { bootstrap: `${address(0)}:49737`, relayKey, stop: async () => void (await child.stop()) };
    if (!child.running || performance.now() > deadline)
      throw new Error(`the lab's DHT does not come: ${child.stderr}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

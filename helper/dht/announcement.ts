import HyperDHT from "hyperdht";
import { CarryingHandshake, receiving, type CarriedPayload } from "./carrying-handshake.ts";

export interface AnnouncementOptions {
  /** Public keys, 64 hexadecimal digits, of nodes that relay. */
  readonly relays: readonly string[];
  /** Resolves to whether the caller gets no answer at all. */
  readonly called: (handshake: CarryingHandshake) => Promise<boolean>;
  readonly connected: (stream: HyperDHT.SecretStream) => void;
  readonly announced: () => void;
  readonly log: (level: "debug" | "warn", text: string) => void;
}

/** This computer's network, as it is announced in the DHT: where others can call it. */
export class Announcement {
  readonly #dht: HyperDHT;
  readonly #options: AnnouncementOptions;
  #server: HyperDHT.Server | undefined;
  #seed = "";

  constructor(dht: HyperDHT, options: AnnouncementOptions) {
    this.#dht = dht;
    this.#options = options;
  }

  /** At so many nodes. */
  get nodes(): number {
    return this.#server?.relayAddresses.length ?? 0;
  }

  async serve(seed: string): Promise<void> {
    if (seed === this.#seed) return;
    this.unserve();
    this.#seed = seed;
    const { relays, called, connected, announced, log } = this.#options;
    const server = this.#dht.createServer(
      {
        createHandshake: (keyPair, remote) => {
          const handshake = new CarryingHandshake(keyPair, remote);
          return receiving(handshake);
        },
        firewall: (_key, payload) => called((payload as CarriedPayload).handshake),
        shareLocalAddress: false,
        ...(relays.length > 0 ? { relayThrough: () => pick(relays) } : {}),
      },
      connected,
    );
    this.#server = server;
    try {
      await server.listen(HyperDHT.keyPair(Buffer.from(seed, "hex")));
    } catch (error) {
      log("warn", `the network was not announced: ${words(error)}`);
    }
    announced();
  }

  unserve(): void {
    this.#seed = "";
    const server = this.#server;
    this.#server = undefined;
    server?.close().catch((error: unknown) => this.#options.log("debug", words(error)));
  }
}

function pick(keys: readonly string[]): Buffer | null {
  const key = keys[Math.floor(Math.random() * keys.length)];
  return key === undefined ? null : Buffer.from(key, "hex");
}

function words(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

// The part of hyperdht that Castaway uses: the library comes without types.
declare module "hyperdht" {
  import type { EventEmitter } from "node:events";

  namespace HyperDHT {
    interface Address {
      readonly host: string;
      readonly port: number;
    }
    interface KeyPair {
      readonly publicKey: Buffer;
      readonly secretKey: Buffer;
    }
    /** What the two ends of a handshake tell each other; ours carries a payload more. */
    type NoisePayload = Readonly<Record<string, unknown>>;
    interface Handshake {
      readonly isInitiator: boolean;
      readonly remotePublicKey: Buffer | null;
      readonly keyPair: KeyPair;
      send(payload: NoisePayload): Buffer | Promise<Buffer>;
      recv(data: Buffer): NoisePayload | Promise<NoisePayload>;
      final(): unknown;
    }
    type CreateHandshake = (keyPair: KeyPair, remotePublicKey: Buffer | null) => Handshake;
    /** An encrypted, ordered stream of messages. */
    interface SecretStream extends EventEmitter {
      readonly destroyed: boolean;
      readonly remotePublicKey: Buffer;
      readonly rawStream: { readonly remoteHost: string; readonly remotePort: number } | null;
      write(data: Uint8Array): boolean;
      setTimeout(ms: number): void;
      end(): void;
      destroy(error?: Error): void;
    }
    interface ConnectOptions {
      readonly keyPair?: KeyPair;
      readonly createHandshake?: CreateHandshake;
      readonly localConnection?: boolean;
    }
    interface ServerOptions {
      readonly createHandshake?: CreateHandshake;
      /** true: no answer. */
      readonly firewall?: (
        remotePublicKey: Buffer,
        payload: NoisePayload,
        from: Address,
      ) => boolean | Promise<boolean>;
      readonly relayThrough?: () => Buffer | null;
      readonly shareLocalAddress?: boolean;
    }
    interface Server extends EventEmitter {
      readonly relayAddresses: readonly unknown[];
      listen(keyPair: KeyPair): Promise<Server>;
      close(): Promise<void>;
    }
    interface Options {
      readonly bootstrap?: readonly (string | Address)[];
      readonly port?: number;
      readonly host?: string;
      readonly ephemeral?: boolean;
      readonly firewalled?: boolean;
      readonly anyPort?: boolean;
      readonly keyPair?: KeyPair;
    }
  }

  class HyperDHT extends EventEmitter {
    constructor(options?: HyperDHT.Options);
    static readonly BOOTSTRAP: readonly string[];
    static keyPair(seed?: Uint8Array): HyperDHT.KeyPair;
    readonly online: boolean;
    readonly bootstrapped: boolean;
    readonly bootstrapNodes: readonly HyperDHT.Address[];
    readonly nodes: { readonly length: number };
    fullyBootstrapped(): Promise<void>;
    toArray(options?: { readonly limit?: number }): HyperDHT.Address[];
    address(): HyperDHT.Address;
    connect(publicKey: Buffer, options?: HyperDHT.ConnectOptions): HyperDHT.SecretStream;
    createServer(
      options: HyperDHT.ServerOptions,
      onconnection?: (stream: HyperDHT.SecretStream) => void,
    ): HyperDHT.Server;
    createRawStream(options: object): object;
    refresh(): void;
    destroy(options?: { readonly force?: boolean }): Promise<void>;
  }
  export = HyperDHT;
}

declare module "hyperdht/lib/noise-wrap.js" {
  import type HyperDHT from "hyperdht";
  class NoiseWrap implements HyperDHT.Handshake {
    constructor(keyPair: HyperDHT.KeyPair, remotePublicKey: Buffer | null);
    readonly isInitiator: boolean;
    readonly remotePublicKey: Buffer | null;
    readonly keyPair: HyperDHT.KeyPair;
    /** The bare handshake, whose payload is bytes. */
    readonly handshake: { send(payload: Buffer): Buffer; recv(data: Buffer): Buffer };
    send(payload: HyperDHT.NoisePayload): Buffer;
    recv(data: Buffer): HyperDHT.NoisePayload;
    final(): unknown;
  }
  export = NoiseWrap;
}

declare module "blind-relay" {
  import type HyperDHT from "hyperdht";
  export class Server {
    constructor(options: { readonly createStream: (options: object) => object });
    accept(
      stream: HyperDHT.SecretStream,
      options: { readonly id: Buffer },
    ): { on(event: "error", handler: (error: Error) => void): void };
    close(): Promise<void>;
  }
}

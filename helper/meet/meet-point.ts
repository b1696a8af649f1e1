// `castaway meet`: a meeting point of one's own. One process with plain sockets, no privileges and nothing on disk.
import { randomBytes } from "node:crypto";
import { keyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { MEET_LIMITS, type MeetLimits } from "#protocol/meet/meet-limits.ts";
import { MeetServer } from "#protocol/meet/meet-server.ts";
import { FRAME_MEET } from "#wire/meet-message.ts";
import { MeetStreams } from "./meet-streams.ts";
import { UdpPort } from "./udp-port.ts";

export interface MeetPointOptions {
  /** UDP and TCP. */
  readonly port: number;
  /** Of one interface; undefined: of all. */
  readonly address: string | undefined;
  /** UDP ports of relayed pairs, one each: as many as `limits.pairs`. */
  readonly firstRelayPort: number;
  readonly limits: MeetLimits;
}

export interface MeetStats {
  readonly hosts: number;
  readonly calls: number;
  readonly relayedPairs: number;
  readonly relayedFrames: number;
  readonly relayedBytes: number;
  readonly streams: number;
  readonly drops: Readonly<Record<string, number>>;
}

export { MEET_LIMITS };

/** Ids of the account that owns nothing, where this was started as root. */
const NOBODY = 65_534;

export class MeetPoint {
  readonly #options: MeetPointOptions;
  readonly #machine: MeetServer;
  readonly #relays = new Map<number, UdpPort>();
  readonly #streams: MeetStreams;
  #main: UdpPort | undefined;
  #timer: NodeJS.Timeout | undefined;
  #closed = false;

  private constructor(options: MeetPointOptions) {
    this.#options = options;
    this.#machine = new MeetServer({
      keys: keyPair(randomBytes(32)),
      entropy: { bytes: (length) => new Uint8Array(randomBytes(length)) },
      limits: options.limits,
      firstRelayPort: options.firstRelayPort,
      now: performance.now(),
    });
    this.#streams = new MeetStreams({
      heard: (data, from) => this.#heard(data, from),
      closed: (stream) => {
        this.#machine.handleStreamClosed(stream);
        this.#carryOut();
      },
    });
  }

  /** Rejects where a port cannot be had. Root becomes nobody, for good. */
  static async start(options: MeetPointOptions): Promise<MeetPoint> {
    const point = new MeetPoint(options);
    point.#main = await UdpPort.open(options.port, options.address, (data, from) => point.#heard(data, from));
    try {
      await point.#streams.listen(options.port, options.address);
    } catch (error) {
      point.#main.close();
      throw error;
    }
    if (process.getuid?.() === 0) becomeNobody();
    point.#arm();
    return point;
  }

  stats(): MeetStats {
    const { places, relays, calls, drops } = this.#machine;
    return {
      hosts: places.size,
      calls,
      relayedPairs: relays.size,
      relayedFrames: relays.passed.frames,
      relayedBytes: relays.passed.bytes,
      streams: this.#streams.size,
      drops: {
        ...drops,
        ...relays.drops,
        "slow-reader": this.#streams.drops.frames,
        connections: this.#streams.drops.connections,
      },
    };
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#streams.close();
    this.#main?.close();
    for (const port of this.#relays.values()) port.close();
  }

  /** On the main port, or in a stream. */
  #heard(data: Uint8Array, from: Endpoint): void {
    const own = data[0] === FRAME_MEET ? Uint8Array.from(data) : data; // what is kept of it must not keep its buffer
    const passed = this.#machine.handleMessage(own, from, performance.now());
    if (passed) this.#send(passed.to, data, passed.port);
    else this.#carryOut();
  }

  #relayed(port: number, data: Uint8Array, from: Endpoint): void {
    const own = data[0] === FRAME_MEET ? Uint8Array.from(data) : data;
    const passed = this.#machine.handleRelayed(port, own, from, performance.now());
    if (passed) this.#send(passed.to, data, passed.port);
    else if (data[0] === FRAME_MEET) this.#carryOut();
  }

  #send(to: Endpoint, data: Uint8Array, port: number | undefined): void {
    if (to.stream !== undefined) this.#streams.send(to.stream, data);
    else (port === undefined ? this.#main : this.#relays.get(port))?.send(to, data);
  }

  #carryOut(): void {
    if (this.#closed) return;
    for (let command; (command = this.#machine.nextCommand());)
      switch (command.type) {
        case "send":
          this.#send(command.to, command.data, command.port);
          break;
        case "open-relay":
          void this.#openRelay(command.port);
          break;
        case "close-relay":
          this.#relays.get(command.port)?.close();
          this.#relays.delete(command.port);
      }
    this.#arm();
  }

  async #openRelay(port: number): Promise<void> {
    const heard = (data: Uint8Array, from: Endpoint): void => this.#relayed(port, data, from);
    try {
      const socket = await UdpPort.open(port, this.#options.address, heard);
      if (this.#closed) return socket.close();
      this.#relays.set(port, socket);
      this.#machine.relays.opened(port, performance.now());
    } catch {
      this.#machine.relays.failed(port); // somebody else has it: the guest asks again, and gets another
    }
    this.#carryOut();
  }

  #arm(): void {
    clearTimeout(this.#timer);
    const wait = Math.max(0, Math.ceil(this.#machine.pollTimeout() - performance.now()));
    this.#timer = setTimeout(
      () => {
        this.#machine.handleTimeout(performance.now());
        this.#carryOut();
      },
      Math.min(wait, 60_000),
    );
  }
}

function becomeNobody(): void {
  process.setgroups?.([]);
  process.setgid?.(NOBODY);
  process.setuid?.(NOBODY);
}

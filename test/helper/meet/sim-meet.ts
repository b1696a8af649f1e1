// A meeting point and computers around it, in simulated time.
import { keyPair, type KeyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { MeetClientEvent } from "#protocol/meet/meet-client-command.ts";
import { MeetClient } from "#protocol/meet/meet-client.ts";
import { MEET_LIMITS, type MeetLimits } from "#protocol/meet/meet-limits.ts";
import { MeetServer } from "#protocol/meet/meet-server.ts";
import type { SimNetwork } from "#test/helper/session/sim-network.ts";

export const MEET: Endpoint = { address: "203.0.113.9", port: 42270 };
const FIRST_RELAY = 42300;

export function entropyOf(network: SimNetwork) {
  return {
    bytes: (length: number) => Uint8Array.from({ length }, () => Math.floor(network.random() * 256)),
  };
}

export function keysOf(seed: number): KeyPair {
  return keyPair(new Uint8Array(32).fill(seed));
}

/** The meeting point's process: sockets around the machine. */
export class SimServer {
  readonly network: SimNetwork;
  readonly machine: MeetServer;
  /** Ports of relayed pairs that are open. */
  readonly ports = new Set<number>();

  constructor(network: SimNetwork, limits: Partial<MeetLimits> = {}, seed = 200) {
    this.network = network;
    this.machine = new MeetServer({
      keys: keysOf(seed),
      entropy: entropyOf(network),
      limits: { ...MEET_LIMITS, ...limits },
      firstRelayPort: FIRST_RELAY,
      now: network.now,
    });
    network.bind(MEET, {
      handleDatagram: (data, from) => {
        this.machine.handleMessage(data, from, network.now);
        this.#carryOut();
      },
      pollTimeout: () => this.machine.pollTimeout(),
      handleTimeout: () => {
        this.machine.handleTimeout(network.now);
        this.#carryOut();
      },
    });
  }

  stop(): void {
    this.network.unbind(MEET);
    for (const port of this.ports) this.network.unbind({ ...MEET, port });
  }

  #carryOut(): void {
    for (let command; (command = this.machine.nextCommand());)
      switch (command.type) {
        case "send":
          this.network.send({ ...MEET, port: command.port ?? MEET.port }, command.to, command.data);
          break;
        case "open-relay":
          this.#open(command.port);
          break;
        case "close-relay":
          this.ports.delete(command.port);
          this.network.unbind({ ...MEET, port: command.port });
      }
  }

  #open(port: number): void {
    this.ports.add(port);
    this.network.bind(
      { ...MEET, port },
      {
        handleDatagram: (data, from) => {
          const passed = this.machine.handleRelayed(port, data, from, this.network.now);
          if (passed) this.network.send({ ...MEET, port }, passed.to, data);
          this.#carryOut();
        },
        pollTimeout: () => undefined,
        handleTimeout: () => undefined,
      },
    );
    this.machine.relays.opened(port, this.network.now);
  }
}

/** A computer with a transport socket: what is no message of a meeting point ends up in `frames`. */
export class SimClient {
  readonly network: SimNetwork;
  readonly machine: MeetClient;
  readonly keys: KeyPair;
  readonly events: MeetClientEvent[] = [];
  readonly frames: { readonly from: Endpoint; readonly data: Uint8Array }[] = [];
  /** What a host does with a call. */
  onEvent: (event: MeetClientEvent) => void = () => undefined;
  at: Endpoint;

  constructor(network: SimNetwork, at: Endpoint, seed: number) {
    this.network = network;
    this.at = at;
    this.keys = keysOf(seed);
    this.machine = new MeetClient({
      local: this.keys,
      entropy: entropyOf(network),
      wallMs: (now) => 1_800_000_000_000 + now,
    });
    this.move(at);
  }

  /** Plugs the computer in elsewhere. */
  move(at: Endpoint): void {
    this.network.unbind(this.at);
    this.at = at;
    this.network.bind(at, {
      handleDatagram: (data, from) => {
        if (!this.machine.handleMessage(data, from, this.network.now)) this.frames.push({ from, data });
        this.carryOut();
      },
      pollTimeout: () => this.machine.pollTimeout(),
      handleTimeout: () => {
        this.machine.handleTimeout(this.network.now);
        this.carryOut();
      },
    });
  }

  use(servers: readonly Endpoint[] = [MEET]): void {
    this.machine.setServers(servers, this.network.now);
    this.carryOut();
  }

  host(on = true): void {
    this.machine.host(on, this.network.now);
    this.carryOut();
  }

  call(host: KeyPair): string | undefined {
    const call = this.machine.call(host.publicKey, this.network.now);
    this.carryOut();
    return call;
  }

  requestRelay(call: string): void {
    this.machine.requestRelay(call, this.network.now);
    this.carryOut();
  }

  send(to: Endpoint, data: Uint8Array): void {
    this.network.send(this.at, to, data);
  }

  of<Type extends MeetClientEvent["type"]>(type: Type): Extract<MeetClientEvent, { type: Type }>[] {
    return this.events.filter((event) => event.type === type) as Extract<MeetClientEvent, { type: Type }>[];
  }

  carryOut(): void {
    for (let command; (command = this.machine.nextCommand());) {
      if (command.type === "send") this.network.send(this.at, command.to, command.data);
      else {
        this.events.push(command.event);
        this.onEvent(command.event);
      }
    }
  }
}

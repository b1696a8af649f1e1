import { keyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { MEET_LIMITS } from "#protocol/meet/meet-limits.ts";
import { MeetServer } from "#protocol/meet/meet-server.ts";
import type { Host, World } from "./world.ts";

/** A meeting point in the simulated world. It relays nothing: its ports cannot be had. */
export class SimMeetPoint implements Host {
  readonly machine: MeetServer;
  readonly #world: World;
  readonly #at: Endpoint;

  constructor(world: World, at: Endpoint) {
    this.#world = world;
    this.#at = at;
    this.machine = new MeetServer({
      keys: keyPair(new Uint8Array(32).fill(9)),
      entropy: { bytes: (length) => world.random.bytes(length) },
      limits: MEET_LIMITS,
      firstRelayPort: 42300,
      now: performance.now(),
    });
    world.bind(at, this);
  }

  arrive(data: Uint8Array, from: Endpoint): void {
    this.machine.handleMessage(data, from, performance.now());
    for (let command; (command = this.machine.nextCommand());)
      if (command.type === "send") this.#world.send(this.#at, command.to, command.data);
      else if (command.type === "open-relay") this.machine.relays.failed(command.port);
  }
}

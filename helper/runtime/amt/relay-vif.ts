import { relayMemoryBytes, RelayMemory } from "#fastpath/amt/relay-memory.ts";
import type { AmtRelayEvent, RelaySocket } from "#ports/amt-relay.ts";
import { AmtRelay } from "#protocol/amt/relay.ts";
import { RELAY_DEFAULTS } from "#protocol/amt/relay-types.ts";
import { RelayFanOut } from "#protocol/amt/relay-fan-out.ts";
import { isRelayed } from "#protocol/amt/relay-scope.ts";
import { EXIT_WIRE, type VifId } from "#protocol/forwarding/route-table.ts";
import { type Address, family } from "#wire/address.ts";
import type { Core, RuntimeVif } from "../core.ts";
import type { Timed } from "../scheduler.ts";
import type { RelaySettings } from "../store/relay-settings.ts";
import type { RelayAddress } from "./relay-addresses.ts";

export interface RelayVifOptions {
  readonly core: Core;
  readonly id: VifId;
  /** One socket for each address; the vif closes them. */
  readonly sockets: readonly RelaySocket[];
  readonly addresses: readonly RelayAddress[];
  readonly settings: RelaySettings;
  /** The fast path has let go of it. */
  readonly released: () => void;
}

/** All gateways of an AMT relay as one vif: what it listens to is what they want together. */
export class RelayVif implements RuntimeVif, Timed {
  readonly id: VifId;
  readonly name = "amt-relay";
  readonly relay: AmtRelay;
  readonly fanOut = new RelayFanOut();
  readonly addresses: readonly RelayAddress[];
  /** What was delivered. */
  readonly memory: RelayMemory;
  /** Answers that the kernel had no room for. */
  unsent = 0;
  readonly #options: RelayVifOptions;
  #rate: number | null = null;

  constructor(options: RelayVifOptions) {
    const { core, id, sockets, addresses, settings } = options;
    this.#options = options;
    this.id = id;
    this.addresses = addresses;
    const own = (of: 4 | 6): Address | undefined => {
      const found = addresses.find(({ address, anycast }) => !anycast && family(address) === of);
      return found?.told ?? found?.address;
    };
    const [own4, own6] = [own(4), own(6)];
    this.relay = new AmtRelay(
      {
        addresses: { ...(own4 !== undefined && { 4: own4 }), ...(own6 !== undefined && { 6: own6 }) },
        maxGateways: settings.maxGateways,
        maxGatewaysPerAddress: RELAY_DEFAULTS.maxGatewaysPerAddress,
        shortMac: settings.shortMac,
        tellEndpoint: settings.tellEndpoint,
      },
      core.entropy,
      core.clock.now(),
    );
    const memory = new SharedArrayBuffer(relayMemoryBytes());
    this.memory = new RelayMemory(memory);
    core.addVif(this, { kind: "amt-relay", upstream: false });
    const random = core.entropy.bytes(4);
    const seed = new DataView(random.buffer, random.byteOffset).getUint32(0);
    core.fastPath.send({
      type: "vif-add",
      vif: id,
      device: { kind: "amt-relay", fds: sockets.map(({ fd }) => fd), memory, seed },
    });
    this.#setRate(settings.gatewayBitsPerSecond);
    core.scheduler.add(this);
  }

  /** What may change while gateways are served. */
  setLimits(maxGateways: number, gatewayBitsPerSecond: number | null): void {
    this.relay.setMaxGateways(maxGateways);
    this.#setRate(gatewayBitsPerSecond);
  }

  handleDatagrams({ socket, datagrams }: AmtRelayEvent, now: number): void {
    const at = { socket, anycast: this.addresses[socket]?.anycast ?? false };
    for (const { from, data } of datagrams) this.relay.handleDatagram(data, from, now, at);
    this.#pump();
  }

  pollTimeout(): number {
    return this.relay.pollTimeout();
  }

  handleTimeout(now: number): void {
    this.relay.handleTimeout(now);
    this.#pump();
  }

  close(): void {
    const { core, sockets, released } = this.#options;
    core.scheduler.remove(this);
    core.removeVif(this.id, () => {
      for (const socket of sockets) socket.close();
      released();
    });
  }

  upstreamWants(): void {} // nothing comes from gateways
  membershipPacket(): void {}
  control(): void {}
  failed(errno: number): void {
    this.#options.core.log.write("error", "a socket of the AMT relay failed", { errno });
  }
  flush(): void {}

  #setRate(bitsPerSecond: number | null): void {
    if (bitsPerSecond === this.#rate) return;
    this.#rate = bitsPerSecond;
    const { fastPath } = this.#options.core;
    fastPath.send({ type: "amt-gateway-rate", vif: this.id, rate: bitsPerSecond ?? undefined });
  }

  /** What the relay has to say, in the order in which the fast path has to know it. */
  #pump(): void {
    const { core, sockets, settings } = this.#options;
    const gone: number[] = [];
    for (let command; (command = this.relay.nextCommand());)
      switch (command.type) {
        case "send":
          if (sockets[command.socket]?.send(command.to, command.datagram) !== true) this.unsent++;
          break;
        case "gateway": {
          const { id: gateway, endpoint, socket, ecn } = command;
          core.fastPath.send({ type: "amt-gateway-set", vif: this.id, gateway, endpoint, socket, ecn });
          break;
        }
        case "listeners": {
          const { id, group, filter } = command;
          this.fanOut.set(id, group, filter, isRelayed(group, settings.adminScoped));
          break;
        }
        case "gateway-gone":
          gone.push(command.id);
      }
    const changes = this.fanOut.drainChanges();
    if (changes) core.fastPath.send({ type: "amt-fan-out", vif: this.id, changes });
    for (const gateway of gone) core.fastPath.send({ type: "amt-gateway-gone", vif: this.id, gateway });
    for (const { group, filter } of this.fanOut.drainWants())
      core.listeners(this.id, EXIT_WIRE, group, filter);
    core.changed();
  }
}

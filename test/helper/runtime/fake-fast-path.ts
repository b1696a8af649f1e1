import type { FlowMemory } from "#fastpath/flow-memory.ts";
import type { VifCounters } from "#fastpath/counters.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { FastPathCommand, FastPathEvent, UnicastRoute } from "#ports/fast-path.ts";
import { writeAddressWords } from "#protocol/forwarding/address-words.ts";
import { lookupEgress, MAX_EGRESS } from "#protocol/forwarding/route-lookup.ts";
import { egressKind, egressVif, EXIT_LOCAL, type RouteTable } from "#protocol/forwarding/route-table.ts";
import type { FastPathHandle } from "#runtime/engine-ports.ts";
import { FRAME_DATA, frameType, KIND_CONTROL, KIND_KEEPALIVE, KIND_MULTICAST } from "#wire/frame.ts";
import { SimFastPath } from "#test/helper/session/sim-fast-path.ts";

type Device = Extract<FastPathCommand, { type: "vif-add" }>["device"];
type Flow = ReturnType<FlowMemory["list"]>[number];

interface FakeVif {
  readonly device: Device;
  readonly peer: SimFastPath | undefined;
}

/** A multicast packet, as much of it as matters here. */
interface Packet {
  readonly group: string;
  readonly source: string;
  readonly hops: number;
}

const TEXT = new TextEncoder();

/** Keeps what it is told and carries what the slow path says to peers, without cryptography or a thread. */
export class FakeFastPath implements FastPathHandle {
  readonly ended: Promise<void>;
  readonly vifs = new Map<number, FakeVif>();
  readonly commands: FastPathCommand[] = [];
  /** Of multicast that left by devices: "vif wire|local group". */
  readonly delivered: string[] = [];
  readonly drops = new Map<number, Record<string, number>>();
  shownFlows: Flow[] = [];
  /** Packets that came in by vifs that are no peers. */
  readonly received = new Map<number, number>();
  table: RouteTable | undefined;
  unicast: readonly UnicastRoute[] = [];
  /** Never answers that a vif is gone, as a worker that hangs. */
  keepsVifs = false;
  readonly #handlers: ((event: FastPathEvent) => void)[] = [];
  readonly #send: (to: Endpoint, data: Uint8Array) => void;
  readonly #beacon: (fd: number, payload: Uint8Array) => void;
  #open = true;
  #end: () => void = () => {};

  constructor(
    send: (to: Endpoint, data: Uint8Array) => void,
    beacon: (fd: number, payload: Uint8Array) => void,
  ) {
    this.#send = send;
    this.#beacon = beacon;
    this.ended = new Promise((resolve) => (this.#end = resolve));
  }

  /** As if the process had died: nothing goes out or up any more. */
  kill(): void {
    this.#open = false;
  }

  onEvent(handler: (event: FastPathEvent) => void): void {
    this.#handlers.push(handler);
  }

  /** Events cross as messages: never within a call. */
  emit(event: FastPathEvent): void {
    setTimeout(() => {
      if (this.#open) for (const handler of this.#handlers) handler(event);
    }, 0);
  }

  async stop(): Promise<void> {
    this.#open = false;
    this.#end();
  }

  send(command: FastPathCommand): void {
    if (!this.#open) return;
    this.commands.push(command);
    switch (command.type) {
      case "vif-add":
        this.vifs.set(command.vif, {
          device: command.device,
          peer: command.device.kind === "peer" ? new SimFastPath() : undefined,
        });
        break;
      case "vif-remove":
        this.vifs.delete(command.vif);
        if (!this.keepsVifs) this.emit({ type: "vif-removed", vif: command.vif });
        break;
      case "routes":
        this.table = command;
        break;
      case "unicast-routes":
        this.unicast = command.routes;
        break;
      case "peer-keys":
        this.vifs.get(command.vif)?.peer?.install(command.keys, command.confirmed);
        break;
      case "peer-keys-clear":
        this.vifs.get(command.vif)?.peer?.clear();
        break;
      case "peer-endpoint": {
        const peer = this.vifs.get(command.vif)?.peer;
        if (peer) peer.endpoint = command.endpoint;
        break;
      }
      case "send-control":
      case "send-probe":
        this.#seal(command.vif, KIND_CONTROL, command.message);
        break;
      case "send-keepalive":
        this.#seal(command.vif, KIND_KEEPALIVE, new Uint8Array(0));
        break;
      case "datagram-send":
        this.#send(command.to, command.data);
        break;
      case "send-beacon": {
        const device = this.vifs.get(command.vif)?.device;
        if (device?.kind === "lan") this.#beacon(device.fd, command.payload);
      }
    }
  }

  /** A datagram on the transport socket. */
  arrive(data: Uint8Array, from: Endpoint): void {
    if (!this.#open) return;
    if (frameType(data) !== FRAME_DATA) return this.emit({ type: "datagram", from, data });
    for (const [vif, { peer }] of this.vifs) {
      const opened = peer?.open(data, from, performance.now());
      if (!opened) continue;
      if (opened.movedTo) this.emit({ type: "peer-moved", vif, endpoint: opened.movedTo });
      if (opened.confirmed !== undefined)
        this.emit({ type: "peer-keys-confirmed", vif, localIndex: opened.confirmed });
      if (opened.kind === KIND_CONTROL) this.emit({ type: "control", vif, message: opened.payload.slice() });
      if (opened.kind === KIND_MULTICAST)
        this.forward(vif, JSON.parse(new TextDecoder().decode(opened.payload)) as Packet);
      return;
    }
  }

  /** What the table says becomes of a packet that came in by a vif. */
  forward(inVif: number, { group, source, hops }: Packet): void {
    if (!this.table || hops === 0) return;
    const key = new Uint32Array(8);
    writeAddressWords(key, 0, group);
    writeAddressWords(key, 4, source);
    const egress = new Uint32Array(MAX_EGRESS);
    const count = lookupEgress(this.table, inVif, key, 0, 4, egress);
    const packet = TEXT.encode(JSON.stringify({ group, source, hops: hops - 1 }));
    for (const word of egress.subarray(0, count)) {
      const vif = egressVif(word);
      if (vif === inVif) continue;
      if (this.vifs.get(vif)?.peer) this.#seal(vif, KIND_MULTICAST, packet);
      else this.delivered.push(`${vif} ${egressKind(word) === EXIT_LOCAL ? "local" : "wire"} ${group}`);
    }
  }

  counters(vif: number): VifCounters {
    const traffic = this.vifs.get(vif)?.peer?.traffic;
    const finite = (time: number | undefined): number => (time === undefined || time < 0 ? 0 : time);
    return {
      ...NOTHING_COUNTED,
      rxPackets: traffic?.received ?? this.received.get(vif) ?? 0,
      txPackets: traffic?.sent ?? 0,
      lastReceived: finite(traffic?.lastReceivedAt),
      lastSent: finite(traffic?.lastSentAt),
      rxExpected: traffic?.expected ?? 0,
      offered: traffic?.offered ?? 0,
      multicastBytes: traffic?.multicastBytes ?? 0,
      rxLargest: traffic?.largestReceived ?? 0,
      txLargest: traffic?.largestSent ?? 0,
      drops: this.drops.get(vif) ?? {},
    };
  }

  transportCounters(): VifCounters {
    return NOTHING_COUNTED;
  }

  flows(): Flow[] {
    return this.shownFlows;
  }

  #seal(vif: number, kind: number, payload: Uint8Array): void {
    const peer = this.vifs.get(vif)?.peer;
    const frame = peer?.seal(kind, payload, performance.now());
    if (frame && peer?.endpoint) this.#send(peer.endpoint, frame);
  }
}

const NOTHING_COUNTED: VifCounters = {
  rxPackets: 0,
  rxBytes: 0,
  txPackets: 0,
  txBytes: 0,
  lastReceived: 0,
  lastSent: 0,
  highestCounter: 0,
  receivedUnderKey: 0,
  rxExpected: 0,
  offered: 0,
  multicastBytes: 0,
  rxLargest: 0,
  txLargest: 0,
  drops: {},
};

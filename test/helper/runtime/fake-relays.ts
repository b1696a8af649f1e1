// AMT relays and name servers around a computer in memory.
import type { Datagrams } from "#ports/datagrams.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { DnsAnswer, NameLookup } from "#ports/name-lookup.ts";
import { AMT_PORT, type AmtMessage, decodeAmt, encodeAmt } from "#wire/amt.ts";
import { query } from "#test/helper/amt/simulated-relay.ts";
import type { FakeFastPath } from "./fake-fast-path.ts";

/** No name is found, and no source has a relay of its own. */
export const NO_NAMES: NameLookup = {
  records: async () => ({ records: [], holdsMs: 600_000 }),
  addresses: async () => [],
};

const FIRST_FD = 1_000;

/** Relays that answer every gateway at once; what they were sent is kept. */
export class FakeRelays {
  /** Relay records by name, as DNS has their data; and how often each was asked for. */
  readonly zone = new Map<string, DnsAnswer | Error>();
  readonly asked = new Map<string, number>();
  /** Streams, "source group", that come by the LANs that the computer is on. */
  readonly native = new Set<string>();
  readonly hosts = new Map<string, readonly string[]>();
  /** Those that answer, and what they advertise; `full`: they take no new gateway. */
  readonly relays = new Map<string, { readonly advertises: string; readonly full?: boolean }>();
  readonly sent: { readonly to: string; readonly message: AmtMessage }[] = [];
  readonly sockets = new Set<number>();
  #fast: FakeFastPath | undefined;
  #nextFd = FIRST_FD;

  readonly lookup: NameLookup = {
    records: async (name) => {
      this.asked.set(name, (this.asked.get(name) ?? 0) + 1);
      const answer = this.zone.get(name);
      if (answer instanceof Error) throw answer;
      return answer ?? { records: [], holdsMs: 600_000 };
    },
    addresses: async (host) => this.hosts.get(host) ?? [],
  };

  /** To be called when the computer is there. */
  plug(fast: FakeFastPath): void {
    this.#fast = fast;
  }

  answers(...addresses: readonly string[]): void {
    for (const address of addresses) this.relays.set(address, { advertises: address });
  }

  open(): Datagrams {
    const fd = this.#nextFd++;
    this.sockets.add(fd);
    return { fd, port: 40_000 + fd, receiveBuffer: 1 << 20, close: () => void this.sockets.delete(fd) };
  }

  /** False: not out of a socket of AMT's. */
  send({ fd }: Datagrams, to: Endpoint, data: Uint8Array): boolean {
    if (fd < FIRST_FD) return false;
    const message = decodeAmt(data);
    this.sent.push({ to: to.address, message });
    const relay = this.relays.get(to.address);
    if (!relay || to.port !== AMT_PORT) return true;
    if (message.kind === "relay-discovery")
      this.#answer(fd, { kind: "relay-advertisement", nonce: message.nonce, relay: relay.advertises }, to);
    else if (message.kind === "request")
      this.#answer(fd, query(message.family, message.nonce, { full: relay.full ?? false }), to);
    return true;
  }

  #answer(fd: number, message: AmtMessage, from: Endpoint): void {
    const vif = [...(this.#fast?.vifs ?? [])].find(
      ([, { device }]) => device.kind === "amt-gateway" && device.fd === fd,
    )?.[0];
    if (vif !== undefined) this.#fast!.emit({ type: "amt-message", vif, from, data: encodeAmt(message) });
  }
}

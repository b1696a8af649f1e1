// Where a member's unicast packet goes, and from which sources it is believed.
import { beforeEach, describe, expect, test } from "vitest";
import { Exit } from "#fastpath/batch.ts";
import { Burst } from "#fastpath/burst.ts";
import { Counters, countersBytes } from "#fastpath/counters.ts";
import { IpPacket } from "#fastpath/ip-packet.ts";
import { PrefixSet, UnicastRoutes } from "#fastpath/prefixes.ts";
import { SequenceCounter } from "#fastpath/sequence-counter.ts";
import { PeerSender } from "#fastpath/peer-sender.ts";
import { StreamSender } from "#fastpath/stream-sender.ts";
import { UdpSender } from "#fastpath/udp-sender.ts";
import { UnicastForwarder } from "#fastpath/unicast-forwarder.ts";
import { Vifs } from "#fastpath/vif.ts";
import { addressBytes } from "#wire/address.ts";
import { INITIAL_HOPS } from "#wire/frame.ts";
import { makeArena, place, udpBytes } from "./fixtures.ts";

const TUN = 0;
const HOST = 1;

let sent: number;
let counters: Counters;
let fromHost: (source: string, to: string) => void;

class CountingExit extends Exit {
  flush(): void {
    sent += this.queued;
    this.queued = 0;
  }
}

/** A guest whose address is 10.60.0.2 (fd60:0:0:2::1) and whose host may use all of the network's. */
beforeEach(() => {
  sent = 0;
  const arena = makeArena(8 << 20);
  counters = new Counters(new SharedArrayBuffer(countersBytes()));
  const vifs = new Vifs();
  const burst = new Burst(
    arena,
    new PeerSender(new UdpSender(arena, counters, () => {}), new StreamSender(arena)),
    () => {},
  );
  const forwarder = new UnicastForwarder({ arena, counters, burst, vifs, sequence: new SequenceCounter() });
  const route = (address: string, length: number, vif: number) => ({
    address: addressBytes(address),
    length,
    vif,
  });
  const network = [route("10.60.0.0", 24, HOST), route("fd60::", 48, HOST)];
  forwarder.setRoutes(
    new UnicastRoutes([...network, route("10.60.0.2", 32, TUN), route("fd60:0:0:2::1", 128, TUN)]),
  );
  const none = { wire: undefined, local: undefined, peer: undefined, sources: undefined };
  vifs.add({ ...none, id: TUN, kind: "tun", local: new CountingExit(TUN, true) });
  const host = { ...none, id: HOST, kind: "peer" as const, sources: new PrefixSet(network) };
  vifs.add(host);
  const packet = new IpPacket();
  fromHost = (source, to) => {
    const bytes = udpBytes({ source, group: to, payload: Buffer.from("x") });
    const at = place(arena, bytes);
    expect(packet.parse(arena, at, bytes.length)).toBe(true);
    forwarder.fromPeer(host, at, packet, 0, INITIAL_HOPS, 1, 1, 1, 0);
    burst.flush(0);
  };
});

describe.each([
  ["IPv4", "10.60.0.1", "10.60.0.2", "192.0.2.1"],
  ["IPv6", "fd60:0:0:1::1", "fd60:0:0:2::1", "2001:db8::1"],
])("%s", (_, member, own, stranger) => {
  test("from another member to this computer", () => {
    fromHost(member, own);
    expect(sent).toBe(1);
  });

  test.each([
    ["outside of the network", stranger],
    ["this computer's own: the kernel would believe it", own],
  ])("not from an address that is %s", (_what, source) => {
    fromHost(source, own);
    expect(sent).toBe(0);
    expect(counters.read(HOST).drops).toEqual({ "spoofed-source": 1 });
  });
});

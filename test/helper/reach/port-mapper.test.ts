import { describe, expect, test } from "vitest";
import { PortMapper, type MapperState } from "#protocol/reach/port-mapper.ts";
import type { MappingTarget } from "#protocol/reach/port-mapping-types.ts";
import { isPublicAddress } from "#protocol/reach/public-address.ts";
import { descriptionXml, FakeRouter, type Way } from "#test/helper/runtime/fake-router.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const PORT = 42268;
const TARGET: MappingTarget = {
  gateway: "192.168.2.1",
  client: "192.168.2.10",
  port: PORT,
  nonce: new Uint8Array(12).fill(9),
};
const ROUND_TRIP = 4;

/** A mapper and its router, in simulated time. */
class Scene {
  now = 1_000;
  mapper: PortMapper;
  /** What reaches the mapper may be changed on the way. */
  spoil: (data: Uint8Array) => Uint8Array = (data) => data;
  loses = (): boolean => false;
  readonly router: FakeRouter;
  #inbox: { at: number; deliver: () => void }[] = [];

  constructor(router: FakeRouter, target = TARGET) {
    this.router = router;
    this.mapper = new PortMapper(target, this.now);
  }

  get state(): MapperState {
    return this.mapper.state;
  }

  run(ms: number): void {
    for (const end = this.now + ms; ;) {
      this.#carryOut();
      const next = Math.min(this.mapper.pollTimeout() ?? Infinity, ...this.#inbox.map(({ at }) => at));
      if (next > end) {
        this.now = end;
        return;
      }
      this.now = Math.max(this.now, next);
      const due = this.#inbox.filter(({ at }) => at <= this.now);
      this.#inbox = this.#inbox.filter(({ at }) => at > this.now);
      for (const { deliver } of due) deliver();
      if ((this.mapper.pollTimeout() ?? Infinity) <= this.now) this.mapper.handleTimeout(this.now);
    }
  }

  #spoilText(body: string): string {
    return new TextDecoder().decode(this.spoil(new TextEncoder().encode(body)));
  }

  #carryOut(): void {
    for (let command; (command = this.mapper.nextCommand());) {
      const at = this.now + ROUND_TRIP;
      if (command.type === "datagram") {
        const reply = this.loses()
          ? undefined
          : this.router.datagram(TARGET.client, command.to, command.data);
        if (!reply) continue;
        const { from } = reply;
        const data = this.spoil(reply.data);
        this.#inbox.push({ at, deliver: () => this.mapper.handleDatagram(data, from, this.now) });
      } else {
        const { id } = command;
        const whole = this.router.http(command.request);
        const answer = whole && { ...whole, body: this.#spoilText(whole.body) };
        this.#inbox.push({ at, deliver: () => this.mapper.handleHttp(id, answer, this.now) });
      }
    }
  }
}

const both = (port = PORT): string[] => [`tcp ${port}`, `udp ${port}`];
const opened = ({ router }: Scene): string[] => [...router.opened.keys()].sort();

describe.each(["pcp", "nat-pmp", "upnp"] as const)("a router that speaks %s alone", (way: Way) => {
  test("opens UDP's and TCP's port within a second, for ten minutes", () => {
    const scene = new Scene(new FakeRouter([way]));
    expect(scene.state).toEqual({ state: "asking" });
    scene.run(1_000);
    const external = { address: "203.0.113.5", port: PORT };
    expect(scene.state).toEqual({
      state: "mapped",
      method: way,
      udp: external,
      tcp: external,
      isPublic: true,
    });
    expect(opened(scene)).toEqual(both());
    for (const one of scene.router.opened.values())
      expect(one).toMatchObject({ client: "192.168.2.10", internalPort: PORT, lifetime: 600 });
  });

  test("is asked again at half of that time, and for nothing more in between", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    const asked = scene.router.asked[way];
    scene.run(280_000);
    expect(scene.router.asked[way]).toBe(asked);
    scene.router.opened.clear();
    scene.run(30_000);
    expect(opened(scene)).toEqual(both());
    scene.run(3_600_000);
    expect(scene.state.state).toBe("mapped");
    expect(scene.router.asked[way]).toBeLessThan(asked * 16);
  });

  test("takes the port back", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    scene.mapper.release(scene.now);
    expect(scene.mapper.released).toBe(false);
    scene.run(100);
    expect(scene.mapper.released).toBe(true);
    expect(opened(scene)).toEqual([]);
    expect(scene.mapper.pollTimeout()).toBeUndefined();
  });

  test("takes back what it opened while we left, before it had said so", () => {
    const scene = new Scene(new FakeRouter([way]));
    for (let i = 0; i < 2_000 && scene.router.opened.size === 0; i++) scene.run(1);
    expect(scene.state.state).toBe("asking");
    scene.mapper.release(scene.now);
    scene.run(11_000);
    expect(scene.mapper.released).toBe(true);
    expect(opened(scene)).toEqual([]);
  });

  test("is left alone at once where it is gone when we leave", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    scene.router.ways.clear();
    scene.mapper.release(scene.now);
    scene.run(11_000);
    expect(scene.mapper.released).toBe(true);
  });

  test("gives another outside port where that one is taken, the same for both", () => {
    const router = new FakeRouter([way]);
    router.taken.add(PORT);
    const scene = new Scene(router);
    scene.run(1_000);
    const { state } = scene;
    expect(state).toMatchObject({ state: "mapped", method: way });
    const port = state.state === "mapped" ? state.udp.port : 0;
    expect(port).not.toBe(PORT);
    expect(opened(scene)).toEqual(both(port));
  });

  test("says that there is another NAT in front of it", () => {
    const router = new FakeRouter([way]);
    router.external = "100.64.3.4";
    const scene = new Scene(router);
    scene.run(1_000);
    expect(scene.state).toMatchObject({ state: "mapped", isPublic: false });
  });

  test("that forgot everything is asked again when the network changes", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    scene.router.opened.clear();
    scene.router.external = "203.0.113.77";
    scene.mapper.refresh(scene.now);
    scene.run(100);
    expect(opened(scene)).toEqual(both());
    expect(scene.state).toMatchObject({ udp: { address: "203.0.113.77" } });
  });

  test("that says that it has started anew is asked again at once, and not for each time that it says so", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    scene.router.opened.clear();
    const router = { address: scene.router.address, port: 5351 };
    const announcement = Uint8Array.fromHex(
      way === "pcp" ? "0280" + "00".repeat(22) : "0080000000000001cb007105",
    );
    const { asked } = scene.router;
    const before = asked[way];
    scene.mapper.handleAnnouncement(Uint8Array.of(0, 1), router, scene.now); // no announcement
    scene.mapper.handleAnnouncement(announcement, { ...router, address: "192.168.2.66" }, scene.now);
    scene.run(100);
    expect(asked[way]).toBe(before);
    for (let i = 0; i < 10; i++) {
      scene.mapper.handleAnnouncement(announcement, router, scene.now);
      scene.run(250);
    }
    expect(opened(scene)).toEqual(both());
    expect(asked[way] - before).toBeLessThanOrEqual(3);
  });

  test("that takes it away is noticed, and asked anew", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    scene.router.refuses = { code: 2, upnp: 606 };
    scene.run(310_000);
    expect(scene.state.state).toBe("none");
    scene.router.refuses = undefined;
    scene.run(610_000);
    expect(scene.state.state).toBe("mapped");
  });

  test("that is gone is noticed when the port has run out at the latest", () => {
    const scene = new Scene(new FakeRouter([way]));
    scene.run(1_000);
    scene.router.ways.clear();
    scene.run(700_000);
    expect(scene.state).toMatchObject({ state: "none" });
  });
});

describe("several ways", () => {
  test("the first one that answers is enough: PCP before NAT-PMP before UPnP", () => {
    const router = new FakeRouter(["pcp", "nat-pmp", "upnp"]);
    const scene = new Scene(router);
    scene.run(10_000);
    expect(scene.state).toMatchObject({ state: "mapped", method: "pcp" });
    expect(router.asked).toMatchObject({ "nat-pmp": 0, upnp: 0 });
  });

  test("a refusal of PCP leads to UPnP", () => {
    const router = new FakeRouter(["pcp", "upnp"]);
    const refusing = new Scene(router);
    const { datagram } = router;
    router.datagram = (from, to, data) => {
      const reply = datagram.call(router, from, to, data);
      if (reply && to.port === 5351) reply.data[3] = 2; // NOT_AUTHORIZED
      return reply;
    };
    refusing.run(1_000);
    expect(refusing.state).toMatchObject({ state: "mapped", method: "upnp" });
  });

  test("what PCP refuses by a general reason is asked by NAT-PMP too, which says it plainly", () => {
    const router = new FakeRouter(["pcp", "nat-pmp"]);
    const scene = new Scene(router);
    const { datagram } = router;
    router.datagram = (from, to, data) => {
      router.refuses = data[0] === 2 ? { code: 8, upnp: 501 } : { code: 3, upnp: 501 };
      return datagram.call(router, from, to, data);
    };
    scene.run(5_000);
    expect(scene.state).toMatchObject({ state: "none", reasons: { "nat-pmp": "network-failure" } });
  });

  test("a router that only knows how to answer PCP with version 0 is asked by NAT-PMP", () => {
    const router = new FakeRouter(["nat-pmp"]);
    const scene = new Scene(router);
    const { datagram } = router;
    router.datagram = (from, to, data) =>
      to.port === 5351 && data[0] === 2
        ? { data: Uint8Array.fromHex("0081000100001234"), from: { address: router.address, port: 5351 } }
        : datagram.call(router, from, to, data);
    scene.run(50);
    expect(scene.state).toMatchObject({ state: "mapped", method: "nat-pmp" });
  });

  test("nobody answers: known within four seconds, asked again after ten minutes, and when the network changes", () => {
    const router = new FakeRouter([]);
    const scene = new Scene(router);
    scene.run(4_000);
    expect(scene.state).toEqual({ state: "none", reasons: { pcp: "no-answer", upnp: "no-answer" } });
    router.ways.add("pcp");
    scene.run(590_000);
    expect(scene.state.state).toBe("none");
    scene.run(20_000);
    expect(scene.state.state).toBe("mapped");
    const other = new Scene(new FakeRouter([]));
    other.run(5_000);
    other.router.ways.add("upnp");
    other.mapper.refresh(other.now);
    other.run(1_000);
    expect(other.state.state).toBe("mapped");
  });

  test("a router that opens ports for ever alone is not taken up on it", () => {
    const router = new FakeRouter(["upnp"]);
    router.refuses = { code: 2, upnp: 725 };
    const scene = new Scene(router);
    scene.run(5_000);
    expect(scene.state).toMatchObject({ state: "none", reasons: { upnp: "permanent-only" } });
    expect(opened(scene)).toEqual([]);
  });

  test("half of all datagrams are lost: it is mapped all the same", () => {
    const random = new SeededRandom(3);
    const scene = new Scene(new FakeRouter(["pcp"]));
    scene.loses = () => random.oneIn(2);
    scene.run(4_000);
    expect(scene.state.state).toBe("mapped");
    scene.run(7_200_000);
    expect(scene.state.state).toBe("mapped");
  });
});

describe("what is no business of the router's", () => {
  test("another PCP client's mapping of this port is not ours: it stays refused, and a second start of ours is", () => {
    const router = new FakeRouter(["pcp"]);
    const first = new Scene(router);
    first.run(100);
    const again = new Scene(router); // after a crash: the same nonce
    again.run(100);
    expect(again.state).toMatchObject({ state: "mapped", method: "pcp" });
    const other = new Scene(router, { ...TARGET, nonce: new Uint8Array(12).fill(1) });
    other.run(5_000);
    expect(other.state).toMatchObject({ state: "none", reasons: { pcp: "not-authorized" } });
  });

  test("answers from elsewhere are not heard", () => {
    for (const way of ["pcp", "nat-pmp", "upnp"] as const) {
      const router = new FakeRouter([way]);
      const scene = new Scene(router);
      const { datagram } = router;
      router.datagram = (from, to, data) => {
        const reply = datagram.call(router, from, to, data);
        return reply && { ...reply, from: { ...reply.from, address: "192.168.2.66" } };
      };
      scene.run(5_000);
      expect(scene.state.state).toBe("none");
    }
  });

  test.each([
    ["another host", "http://192.168.2.66:5000/ctl/IPConn"],
    ["another scheme", "https://192.168.2.1:5000/ctl/IPConn"],
    ["a name", "http://router.example/ctl/IPConn"],
    ["this computer", "http://127.0.0.1:5000/ctl/IPConn"],
    ["a user", "http://a@192.168.2.1:5000/ctl/IPConn"],
    ["no URL", "http://["],
  ])("a description that leads to %s is not followed", (_what, controlUrl) => {
    const router = new FakeRouter(["upnp"]);
    router.description = descriptionXml(controlUrl);
    const scene = new Scene(router);
    scene.run(5_000);
    expect(scene.state).toMatchObject({ state: "none", reasons: { upnp: "malformed" } });
    expect(router.asked.upnp).toBe(1);
  });

  test.each(["224.0.0.1", "0.0.0.0"])("an outside address %s is no address", (external) => {
    for (const way of ["pcp", "nat-pmp"] as const) {
      const router = new FakeRouter([way]);
      router.external = external;
      const scene = new Scene(router);
      scene.run(5_000);
      expect(scene.state.state).toBe("none");
    }
  });

  test("damaged answers are counted; it goes on, and asks no more for them", () => {
    for (const way of ["pcp", "nat-pmp", "upnp"] as const) {
      const random = new SeededRandom(5);
      const scene = new Scene(new FakeRouter([way]));
      scene.spoil = (data) => mutate(random, [data]);
      scene.run(6 * 3_600_000);
      expect(scene.mapper.dropped).toBeGreaterThan(5);
      expect(scene.router.asked[way]).toBeLessThan(3_000);
      scene.spoil = (data) => data;
      scene.run(1_300_000);
      expect(scene.state.state).toBe("mapped");
    }
  });
});

test.each([
  ["203.0.113.5", true],
  ["8.8.8.8", true],
  ["192.168.1.1", false],
  ["10.1.2.3", false],
  ["100.64.0.1", false],
  ["100.128.0.1", true],
  ["172.31.9.9", false],
  ["169.254.1.1", false],
  ["192.0.0.2", false],
  ["198.19.0.1", false],
  ["255.255.255.255", false],
  ["2001:db8::1", true],
  ["fd00::1", false],
  ["fe80::1", false],
])("%s is public: %s", (address, expected) => expect(isPublicAddress(address)).toBe(expected));

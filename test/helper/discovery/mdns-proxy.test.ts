import { describe, expect, test } from "vitest";
import { RELAYED_ID, type MdnsMessage, type MdnsSource } from "#protocol/discovery/mdns.ts";
import type { MdnsCommand } from "#protocol/discovery/mdns-command.ts";
import { MdnsProxy } from "#protocol/discovery/mdns-proxy.ts";
import type { ServiceData, ServiceEntry } from "#wire/control-services.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const [LAN, OTHER_LAN, ANNA, BEN, ELSEWHERE] = [1, 2, 11, 12, 13] as const;
const NET = "net";
const BOX: MdnsSource = { address: "192.168.1.20", port: 5353, own: false };
const TYPE = "_http._tcp.local";

/** A proxy, its clock, and what it says. */
class Scene {
  now = 0;
  readonly proxy: MdnsProxy;
  readonly told = new Map<number, Map<string, ServiceEntry>>();

  constructor() {
    this.proxy = new MdnsProxy({
      origin: 1,
      exportAddress: (_network, address) =>
        address.startsWith("169.254.") ? undefined : address === "192.168.1.10" ? "10.77.0.1" : address,
      importAddress: (_network, address) => address,
    });
  }

  link(id: number, whole = true, passiveFor: string[] = []): void {
    this.proxy.setLink(id, { whole, passiveFor: new Set(passiveFor) }, this.now);
    this.run(200);
  }

  peer(id: number, network = NET, tells = true): void {
    this.proxy.setPeer(id, { network, tells }, this.now);
    this.run(200);
  }

  hear(link: number, message: Partial<MdnsMessage>, from: MdnsSource = BOX): string[] {
    this.proxy.handleMessage(
      link,
      { id: 0, response: true, questions: [], records: [], ...message },
      from,
      this.now,
    );
    return this.run(200);
  }

  /** A thing says what it is. */
  announce(link: number, name: string, data: ServiceData, ttl = 120, from = BOX, unique = false): string[] {
    return this.hear(link, { records: [{ name, ttl, data, unique }] }, from);
  }

  ask(link: number, type: "PTR" | "A" | "SRV" | "ANY", name: string, from = BOX): string[] {
    return this.hear(link, { response: false, questions: [{ type, name }] }, from);
  }

  tell(peer: number, ...records: [name: string, data: ServiceData, ttl?: number][]): string[] {
    const entries = records.map(([name, data, ttl = 120]) => ({ origin: peer, name, ttl, data }));
    this.proxy.setPeerRecords(peer, entries, this.now);
    return this.run(200);
  }

  /** Lets time pass; what was said, a line each. */
  run(ms: number): string[] {
    const end = this.now + ms;
    const said = this.#drain();
    for (let due; (due = this.proxy.pollTimeout()) !== undefined && due <= end;) {
      this.now = Math.max(this.now, due);
      this.proxy.handleTimeout(this.now);
      said.push(...this.#drain());
    }
    this.now = end;
    return said;
  }

  toldTo(peer: number): string[] {
    return [...(this.told.get(peer)?.values() ?? [])].map((entry) => text(entry)).sort();
  }

  #drain(): string[] {
    const said: string[] = [];
    for (let command; (command = this.proxy.nextCommand());) said.push(...this.#say(command));
    return said;
  }

  #say(command: MdnsCommand): string[] {
    switch (command.type) {
      case "tell-peer":
        this.told.set(command.peer, new Map(command.entries));
        return [];
      case "ask-peer":
        return command.questions.map(({ type, name }) => `ask ${command.peer}: ${type} ${name}`);
      case "send": {
        const { message, link, to } = command;
        expect(message.id).toBe(to ? message.id : RELAYED_ID);
        const where = to ? `to ${to.address} ${to.port}` : `on ${link}`;
        return message.response
          ? message.records.map((record) => `${where}: ${text(record)}${record.ttl === 0 ? " gone" : ""}`)
          : message.questions.map(({ type, name }) => `${where}: ${type} ${name}?`);
      }
    }
  }
}

function text({ name, data }: { readonly name: string; readonly data: ServiceData }): string {
  switch (data.type) {
    case "PTR":
      return `${name} PTR ${data.target}`;
    case "SRV":
      return `${name} SRV ${data.target} ${data.port}`;
    case "TXT":
      return `${name} TXT`;
    default:
      return `${name} ${data.type} ${data.address}`;
  }
}

const a = (address: string): ServiceData => ({ type: "A", address });
const ptr = (target: string): ServiceData => ({ type: "PTR", target });
const srv = (target: string, port = 80): ServiceData => ({
  type: "SRV",
  priority: 0,
  weight: 0,
  port,
  target,
});

function home(): Scene {
  const scene = new Scene();
  scene.link(LAN);
  scene.peer(ANNA);
  scene.peer(BEN);
  return scene;
}

describe("what is heard on a link", () => {
  test("is told to all peers, and never to a link", () => {
    const scene = home();
    scene.link(OTHER_LAN);
    expect(scene.announce(LAN, TYPE, ptr(`web.${TYPE}`))).toEqual([]);
    expect(scene.announce(LAN, "box.local", a("192.168.1.20"))).toEqual([]);
    for (const peer of [ANNA, BEN])
      expect(scene.toldTo(peer)).toEqual([`${TYPE} PTR web.${TYPE}`, "box.local A 192.168.1.20"]);
  });

  test("is told with addresses that members reach, or without", () => {
    const scene = home();
    scene.announce(LAN, "home.local", a("192.168.1.10"));
    scene.announce(LAN, "box.local", a("169.254.3.4"));
    expect(scene.toldTo(ANNA)).toEqual(["home.local A 10.77.0.1"]);
  });

  test("goes when it says goodbye, when its time is over, and when the link goes", () => {
    const scene = home();
    scene.announce(LAN, "a.local", a("192.168.1.21"));
    scene.announce(LAN, "b.local", a("192.168.1.22"), 10);
    scene.announce(LAN, "c.local", a("192.168.1.23"));
    expect(scene.toldTo(ANNA)).toHaveLength(3);
    scene.announce(LAN, "a.local", a("192.168.1.21"), 0);
    expect(scene.toldTo(ANNA)).toEqual(["b.local A 192.168.1.22", "c.local A 192.168.1.23"]);
    expect(scene.run(11_000)).toEqual(["on 1: A b.local?", "on 1: A b.local?"]); // asked for before it went
    expect(scene.toldTo(ANNA)).toEqual(["c.local A 192.168.1.23"]);
    scene.proxy.removeLink(LAN, scene.now);
    scene.run(200);
    expect(scene.toldTo(ANNA)).toEqual([]);
  });

  test("replaces what the same name had before, where it is unique", () => {
    const scene = home();
    scene.announce(LAN, "box.local", a("192.168.1.20"));
    scene.run(2_000);
    scene.announce(LAN, "box.local", a("192.168.1.99"), 120, BOX, true);
    scene.run(1_500);
    expect(scene.toldTo(ANNA)).toEqual(["box.local A 192.168.1.99"]);
  });

  test("is not told where the link is not shared, unless this computer said it", () => {
    const scene = new Scene();
    scene.link(LAN, false);
    scene.peer(ANNA);
    scene.announce(LAN, "neighbour.local", a("10.1.0.20"));
    scene.announce(LAN, "laptop.local", a("10.1.0.10"), 120, { address: "10.1.0.10", port: 5353, own: true });
    expect(scene.toldTo(ANNA)).toEqual(["laptop.local A 10.1.0.10"]);
    expect(scene.ask(LAN, "PTR", TYPE)).toEqual([]); // a stranger's question is none of ours
  });

  test("is not told to a host who is only listened to, nor for a network that another member carries here", () => {
    const scene = new Scene();
    scene.link(LAN, true, ["carried"]);
    scene.peer(ANNA, NET, false);
    scene.peer(BEN, "carried");
    scene.announce(LAN, "box.local", a("192.168.1.20"));
    expect([scene.toldTo(ANNA), scene.toldTo(BEN)]).toEqual([[], []]);
    expect(scene.tell(BEN, ["tv.local", a("192.168.1.30")])).toEqual([]);
    expect(scene.tell(ANNA, ["radio.local", a("192.168.1.31")])).toEqual([
      "on 1: radio.local A 192.168.1.31",
    ]);
  });

  test("and has been through a tunnel already, goes through no second one", () => {
    const scene = home();
    const records = [{ name: "far.local", ttl: 120, data: a("192.168.7.7"), unique: false }];
    expect(scene.hear(LAN, { id: RELAYED_ID, records })).toEqual([]);
    expect(
      scene.hear(LAN, { id: RELAYED_ID, response: false, questions: [{ type: "PTR", name: TYPE }] }),
    ).toEqual([]);
    expect(scene.toldTo(ANNA)).toEqual([]);
    expect(scene.proxy.counters.relayed).toBe(2);
  });

  test("by a port that is not mDNS', is not believed", () => {
    const scene = home();
    scene.announce(LAN, "box.local", a("192.168.1.20"), 120, { ...BOX, port: 4000 });
    expect(scene.toldTo(ANNA)).toEqual([]);
  });
});

describe("what a peer tells", () => {
  test("is shown on the links and to the other peers of its network, once, and taken back", () => {
    const scene = home();
    scene.peer(ELSEWHERE, "another network");
    expect(scene.tell(ANNA, ["tv.local", a("10.77.0.2")])).toEqual(["on 1: tv.local A 10.77.0.2"]);
    expect(scene.tell(ANNA, ["tv.local", a("10.77.0.2")])).toEqual([]);
    expect(scene.toldTo(BEN)).toEqual(["tv.local A 10.77.0.2"]);
    expect([scene.toldTo(ANNA), scene.toldTo(ELSEWHERE)]).toEqual([[], []]);
    expect(scene.tell(ANNA)).toEqual(["on 1: tv.local A 10.77.0.2 gone"]);
    expect(scene.toldTo(BEN)).toEqual([]);
  });

  test("stays for a while when the peer is lost, and goes at once when it leaves", () => {
    const scene = home();
    scene.tell(ANNA, ["tv.local", a("10.77.0.2")]);
    scene.proxy.removePeer(ANNA, true, scene.now);
    expect(scene.run(10_000)).toEqual([]);
    scene.peer(ANNA);
    expect(scene.run(60_000)).toEqual([]);
    scene.proxy.removePeer(ANNA, true, scene.now);
    expect(scene.run(20_000)).toEqual(["on 1: tv.local A 10.77.0.2 gone"]);
    scene.tell(BEN, ["pc.local", a("10.77.0.3")]);
    scene.proxy.removePeer(BEN, false, scene.now);
    expect(scene.run(200)).toEqual(["on 1: pc.local A 10.77.0.3 gone"]);
  });

  test("answers questions, with all that belongs to it; what is known is not said", () => {
    const scene = home();
    const web = `web.${TYPE}`;
    scene.tell(
      ANNA,
      [TYPE, ptr(web)],
      [web, srv("tv.local")],
      ["tv.local", a("10.77.0.2")],
      ["pc.local", a("10.77.0.9")],
    );
    scene.run(2_000);
    const all = [`on 1: ${TYPE} PTR ${web}`, `on 1: ${web} SRV tv.local 80`, "on 1: tv.local A 10.77.0.2"];
    expect(scene.ask(LAN, "PTR", TYPE).filter((line) => line.startsWith("on"))).toEqual(all);
    expect(scene.ask(LAN, "PTR", TYPE)).toEqual([]); // within a second: everybody has heard it
    scene.run(2_000);
    const known = [{ name: TYPE, ttl: 100, data: ptr(web), unique: false }];
    const again = { response: false, questions: [{ type: "PTR" as const, name: TYPE }], records: known };
    expect(scene.hear(LAN, again).filter((line) => line.startsWith("on"))).toEqual([]);
    expect(scene.ask(LAN, "A", "TV.Local").filter((line) => line.startsWith("on"))).toEqual([
      "on 1: tv.local A 10.77.0.2",
    ]);
  });

  test("is said to one who asks from a port of its own, as DNS has it", () => {
    const scene = home();
    scene.tell(ANNA, ["tv.local", a("10.77.0.2")]);
    const legacy = { address: "192.168.1.20", port: 40_000, own: false };
    expect(scene.ask(LAN, "A", "tv.local", legacy)).toContain("to 192.168.1.20 40000: tv.local A 10.77.0.2");
  });

  test("and came from here in the first place, is not taken back in", () => {
    const scene = home();
    scene.proxy.setPeerRecords(
      ANNA,
      [{ origin: 1, name: "own.local", ttl: 120, data: a("10.77.0.1") }],
      scene.now,
    );
    expect(scene.run(200)).toEqual([]);
  });

  test("is not shown where it is heard natively", () => {
    const scene = home();
    scene.announce(LAN, "box.local", a("192.168.1.20"));
    expect(scene.tell(ANNA, ["box.local", a("192.168.1.20")])).toEqual([]);
    // It goes at the far end, and stays here: no goodbye may be said for somebody else.
    expect(scene.tell(ANNA)).toEqual([]);
    expect(scene.toldTo(BEN)).toEqual(["box.local A 192.168.1.20"]);
  });
});

describe("questions", () => {
  test("of a link go to the peers, those of a peer to the links and the other peers; none too often", () => {
    const scene = home();
    expect(scene.ask(LAN, "PTR", TYPE)).toEqual([`ask ${ANNA}: PTR ${TYPE}`, `ask ${BEN}: PTR ${TYPE}`]);
    expect(scene.ask(LAN, "PTR", TYPE.toUpperCase())).toEqual([]);
    const asks = (): string[] => {
      scene.proxy.handleQuestions(ANNA, [{ type: "PTR", name: TYPE }], scene.now);
      return scene.run(0);
    };
    expect(asks()).toEqual([`on 1: PTR ${TYPE}?`, `ask ${BEN}: PTR ${TYPE}`]);
    expect(asks()).toEqual([]);
    scene.run(2_000);
    expect(asks()).toHaveLength(2);
  });

  test("of other domains go nowhere", () => {
    const scene = home();
    expect(scene.ask(LAN, "A", "www.example.com")).toEqual([]);
    scene.proxy.handleQuestions(ANNA, [{ type: "A", name: "www.example.com" }], scene.now);
    expect(scene.run(0)).toEqual([]);
  });
});

describe("names that two have", () => {
  const service = `Films.${TYPE}`;

  test("get a number where they are not the same thing, in every record, both ways", () => {
    const scene = home();
    scene.announce(LAN, "tv.local", a("192.168.1.30"));
    scene.announce(LAN, service, srv("tv.local"));
    const shown = scene.tell(
      ANNA,
      [TYPE, ptr(service)],
      [service, srv("tv.local")],
      ["tv.local", a("10.77.0.2")],
    );
    expect(shown.sort()).toEqual(
      [
        `on 1: ${TYPE} PTR Films (2).${TYPE}`,
        `on 1: Films (2).${TYPE} SRV tv-2.local 80`,
        "on 1: tv-2.local A 10.77.0.2",
      ].sort(),
    );
    scene.run(2_000);
    // Anna does not know her television by that name.
    expect(scene.ask(LAN, "SRV", `Films (2).${TYPE}`)).toContain(`ask ${ANNA}: SRV ${service}`);
    expect(scene.ask(LAN, "A", "tv-2.local")).toContain(`ask ${ANNA}: A tv.local`);
    expect(scene.toldTo(BEN)).toEqual(
      expect.arrayContaining(["tv.local A 192.168.1.30", "tv-2.local A 10.77.0.2"]),
    );
    expect(scene.toldTo(ANNA)).toContain("tv.local A 192.168.1.30");
  });

  test("keep their number when more come", () => {
    const scene = home();
    scene.announce(LAN, "tv.local", a("192.168.1.30"));
    scene.tell(BEN, ["tv.local", a("10.77.0.3")]);
    expect(scene.toldTo(ANNA)).toContain("tv-2.local A 10.77.0.3");
    scene.tell(ANNA, ["tv.local", a("10.77.0.2")]);
    expect(scene.toldTo(ANNA)).toContain(
      "tv-3.local A 10.77.0.3".replace("tv-3", scene.toldTo(ANNA).join().includes("tv-2") ? "tv-2" : "tv-3"),
    );
    expect(
      new Set([...scene.toldTo(BEN), ...scene.toldTo(ANNA)].map((line) => line.split(" ")[0])).size,
    ).toBe(3);
  });

  test("change it when a thing of the link is called so: it was there first for those around it", () => {
    const scene = home();
    scene.tell(ANNA, ["tv.local", a("10.77.0.2")]);
    const said = scene.announce(LAN, "tv.local", a("192.168.1.30"));
    expect(said).toEqual(["on 1: tv.local A 10.77.0.2 gone", "on 1: tv-2.local A 10.77.0.2"]);
  });

  test("are one thing where one member told them, by whatever ways and addresses", () => {
    const scene = home();
    scene.peer(ELSEWHERE, "another network");
    const tell = (peer: number, address: string): string[] => {
      scene.proxy.setPeerRecords(
        peer,
        [{ origin: 99, name: "pc.local", ttl: 120, data: a(address) }],
        scene.now,
      );
      return scene.run(200);
    };
    expect(tell(ANNA, "10.77.0.2")).toEqual(["on 1: pc.local A 10.77.0.2"]);
    expect(tell(ELSEWHERE, "10.88.0.2")).toEqual(["on 1: pc.local A 10.88.0.2"]);
  });

  test("are one thing where they share an address", () => {
    const scene = home();
    scene.tell(ANNA, ["tv.local", a("10.77.0.9")], ["tv.local", a("192.168.1.30")]);
    expect(scene.tell(BEN, ["tv.local", a("192.168.1.30")])).toEqual([]);
  });
});

describe("a flood", () => {
  test("of records of one sender leaves room for the others, and all of it is bounded", () => {
    const scene = home();
    const flood = (from: MdnsSource): void => {
      for (let i = 0; i < 5_000; i++)
        scene.proxy.handleMessage(
          LAN,
          {
            id: 0,
            response: true,
            questions: [],
            records: [
              { name: `x${i}-${from.address}.local`, ttl: 75 * 60, data: a("192.168.1.66"), unique: false },
            ],
          },
          from,
          scene.now,
        );
    };
    flood({ ...BOX, address: "192.168.1.66" });
    scene.run(200);
    expect(scene.toldTo(ANNA)).toHaveLength(256);
    scene.announce(LAN, "box.local", a("192.168.1.20"));
    expect(scene.toldTo(ANNA)).toContain("box.local A 192.168.1.20");
    for (let i = 0; i < 20; i++) flood({ ...BOX, address: `192.168.1.${100 + i}` });
    scene.run(200);
    expect(scene.toldTo(ANNA).length).toBeLessThanOrEqual(1_024);
    expect(scene.toldTo(ANNA)).toContain("box.local A 192.168.1.20");
  });

  test("of questions goes on at a rate", () => {
    const scene = home();
    let asked = 0;
    for (let i = 0; i < 5_000; i++) {
      scene.proxy.handleMessage(
        LAN,
        { id: 0, response: false, questions: [{ type: "A", name: `q${i}.local` }], records: [] },
        BOX,
        scene.now,
      );
      asked += scene.run(1).length;
    }
    // 5 s at 50 a second to each of two peers, and what is let through at once.
    expect(asked).toBeLessThan(2 * (5 * 50 + 100) + 10);
    expect(scene.proxy.counters.questionsLimited).toBeGreaterThan(8_000);
  });
});

test("two proxies that share two links make no circle, whatever happens", () => {
  // Two networks: H1 and H2 sit on one LAN, their guests G1 and G2 on another one.
  const nodes = { h1: new Scene(), h2: new Scene(), g1: new Scene(), g2: new Scene() };
  const lans = [
    [nodes.h1, nodes.h2],
    [nodes.g1, nodes.g2],
  ];
  const random = new SeededRandom(7);
  for (const node of Object.values(nodes)) {
    node.link(LAN);
    node.peer(ANNA);
  }
  const sessions: [Scene, Scene][] = [
    [nodes.h1, nodes.g1],
    [nodes.h2, nodes.g2],
  ];
  let said = 0;
  const step = (): number => {
    let now = 0;
    for (const [one, other] of [...sessions, ...sessions.map(([x, y]) => [y, x] as const)])
      now += one.tell(
        ANNA,
        ...[...(other.told.get(ANNA)?.values() ?? [])].map((e) => [e.name, e.data] as [string, ServiceData]),
      ).length;
    return now;
  };
  for (let i = 0; i < 300; i++) {
    const lan = random.pick(lans);
    const name = `thing${random.below(5)}.local`;
    const ttl = random.below(3) === 0 ? 0 : 4_500;
    for (const node of lan)
      node.announce(LAN, name, a(`192.168.${lans.indexOf(lan)}.${random.below(3)}`), ttl);
    for (let n = 0; n < 5; n++) said += step();
    expect(step()).toBe(0); // at rest
  }
  expect(said).toBeLessThan(300 * 40);
});

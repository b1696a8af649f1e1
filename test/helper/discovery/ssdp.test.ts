import { describe, expect, test } from "vitest";
import { SsdpProxy, type SsdpCommand } from "#protocol/discovery/ssdp-proxy.ts";
import { DecodeError } from "#wire/cursor.ts";
import type { DiscoveryMessage, SsdpDevice } from "#wire/control-discovery.ts";
import { decodeSsdp, encodeSsdp, MAX_SSDP, movedLocation, type SsdpMessage } from "#wire/ssdp-message.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";

const HOST = "239.255.255.250:1900";
const MEDIA = "urn:schemas-upnp-org:device:MediaServer:1";
const SERVER: SsdpDevice = {
  target: MEDIA,
  usn: `uuid:1::${MEDIA}`,
  location: "http://192.168.1.20:8200/rootDesc.xml",
  server: "Linux UPnP/1.0 MiniDLNA/1.3",
  maxAge: 1800,
};
const MESSAGES: readonly SsdpMessage[] = [
  { relayed: false, kind: "search", target: "ssdp:all", mx: 2 },
  { relayed: true, kind: "search", target: MEDIA, mx: 5 },
  { relayed: false, kind: "found", ...SERVER },
  { relayed: true, kind: "notify", ...SERVER },
  { relayed: false, kind: "notify", ...SERVER, location: "", server: "", maxAge: 0 },
];
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text.replaceAll("\n", "\r\n"));

describe("messages", () => {
  test.each(MESSAGES.map((message) => [message.kind, message] as const))(
    "%s is read as it was written",
    (_kind, message) => {
      expect(decodeSsdp(encodeSsdp(message, HOST))).toEqual(message);
    },
  );

  test("are read as devices in the wild write them", () => {
    const text = `HTTP/1.1 200 OK\nCache-control:max-age = 120\nst:upnp:rootdevice\nUsn: uuid:2::upnp:rootdevice\nEXT:\nLocation:http://10.0.0.9/d\nX-User: y\n\n`;
    expect(decodeSsdp(bytes(text))).toEqual({
      relayed: false,
      kind: "found",
      target: "upnp:rootdevice",
      usn: "uuid:2::upnp:rootdevice",
      location: "http://10.0.0.9/d",
      server: "",
      maxAge: 120,
    });
  });

  test.each([
    ["a search that is none", 'M-SEARCH * HTTP/1.1\nMAN: "other"\nST: a\n\n'],
    ["a search for nothing", 'M-SEARCH * HTTP/1.1\nMAN: "ssdp:discover"\n\n'],
    ["an answer without a place", "HTTP/1.1 200 OK\nST: a\nUSN: b\n\n"],
    [
      "a line break in a value's disguise",
      "HTTP/1.1 200 OK\nST: a\u0007\nUSN: b\nLOCATION: http://10.0.0.9/\n\n",
    ],
    ["too many headers", `HTTP/1.1 200 OK\n${Array.from({ length: 60 }, (_, i) => `A${i}: 1\n`).join("")}\n`],
    ["too long a message", "x".repeat(MAX_SSDP + 1)],
    ["too long a value", `HTTP/1.1 200 OK\nST: ${"a".repeat(300)}\nUSN: b\nLOCATION: http://10.0.0.9/\n\n`],
  ])("%s is refused", (_what, text) => {
    expect(() => decodeSsdp(bytes(text))).toThrow(DecodeError);
  });

  test.each(["GET / HTTP/1.1\n\n", "NOTIFY * HTTP/1.1\nNT: a\nNTS: ssdp:update\nUSN: b\n\n", ""])(
    "%j is of no interest",
    (text) => {
      expect(decodeSsdp(bytes(text))).toBeUndefined();
    },
  );
});

describe("a place", () => {
  const moved = (location: string) =>
    movedLocation(location, (address) => (address === "10.0.0.9" ? "fd00::9" : undefined));
  test("gets another address, and keeps the rest", () => {
    expect(moved("http://10.0.0.9:80/a?b=http://10.0.0.9/")).toBe("http://[fd00::9]:80/a?b=http://10.0.0.9/");
    expect(moved("http://10.0.0.9")).toBe("http://[fd00::9]");
  });
  test.each([
    "http://10.0.0.10/",
    "http://host.local/",
    "file:///10.0.0.9",
    "http://10.0.0.9@evil/",
    "http://10.0.0.9:99999999/",
    "",
  ])("%j leads nowhere", (location) => expect(moved(location)).toBeUndefined());
});

const [LAN, OTHER_LAN, ANNA, BEN, ELSEWHERE] = [1, 2, 11, 12, 13] as const;
const ASKER = { address: "192.168.1.30", port: 40_000, own: false };
const DEVICE = { address: "192.168.1.20", port: 1900, own: false };

class Scene {
  now = 0;
  readonly proxy = new SsdpProxy({
    origin: 1,
    exportAddress: (_network, address) => (address.startsWith("192.168.1.") ? address : undefined),
    importAddress: (_network, address) => (address === "192.168.1.20" ? "100.64.1.20" : address),
  });

  constructor(whole = true) {
    this.proxy.setLink(LAN, { whole, passiveFor: new Set() });
    this.proxy.setPeer(ANNA, { network: "net", tells: true });
    this.proxy.setPeer(BEN, { network: "net", tells: true });
    this.proxy.setPeer(ELSEWHERE, { network: "another", tells: false });
  }

  search(target = "ssdp:all", from = ASKER, relayed = false): SsdpCommand[] {
    this.proxy.handleMessage(LAN, { relayed, kind: "search", target, mx: 2 }, from, this.now);
    return this.drain();
  }

  notify(device = SERVER, from = DEVICE): SsdpCommand[] {
    this.proxy.handleMessage(LAN, { relayed: false, kind: "notify", ...device }, from, this.now);
    return this.drain();
  }

  answer(device = SERVER, from = DEVICE): SsdpCommand[] {
    this.proxy.handleAnswer(LAN, { relayed: false, kind: "found", ...device }, from);
    return this.drain();
  }

  told(peer: number, message: DiscoveryMessage): SsdpCommand[] {
    this.proxy.handlePeerMessage(peer, message, this.now);
    return this.drain();
  }

  pass(ms: number): SsdpCommand[] {
    this.now += ms;
    this.proxy.handleTimeout(this.now);
    return this.drain();
  }

  drain(): SsdpCommand[] {
    const commands: SsdpCommand[] = [];
    for (let command; (command = this.proxy.nextCommand());) commands.push(command);
    return commands;
  }
}

const idOf = (commands: readonly SsdpCommand[], peer: number): number => {
  for (const command of commands)
    if (command.type === "tell-peer" && command.peer === peer && "id" in command.message)
      return command.message.id;
  throw new Error("nobody was asked");
};

describe("a search on a link", () => {
  test("goes to all peers, and their answers to who asked, each once and with the address by which it is reached", () => {
    const scene = new Scene();
    const asked = scene.search();
    expect(asked.map((command) => command.type === "tell-peer" && command.peer)).toEqual([
      ANNA,
      BEN,
      ELSEWHERE,
    ]);
    const found = { type: "ssdp-found", id: idOf(asked, ANNA), ...SERVER } as const;
    const device = { ...SERVER, location: "http://100.64.1.20:8200/rootDesc.xml" };
    expect(scene.told(ANNA, found)).toEqual([
      { type: "answer", link: LAN, to: { address: ASKER.address, port: ASKER.port }, device },
    ]);
    expect(scene.told(ANNA, found)).toEqual([]);
    scene.pass(6_000);
    expect(scene.told(ANNA, { ...found, usn: "late" })).toEqual([]);
    expect(scene.proxy.counters.unasked).toBe(1);
  });

  test("is not passed on twice in a second, nor when another proxy sent it, nor for strangers on a link of others", () => {
    const scene = new Scene();
    expect(scene.search("ssdp:all", ASKER, true)).toEqual([]);
    expect(scene.search()).toHaveLength(3);
    expect(scene.search()).toEqual([]);
    expect(new Scene(false).search()).toEqual([]);
    expect(new Scene(false).search("ssdp:all", { ...ASKER, own: true })).toHaveLength(3);
  });
});

describe("a peer's search", () => {
  const search = { type: "ssdp-search", id: 77, mx: 2, target: MEDIA } as const;

  test("goes to the links and the other peers of its network; answers carry its id", () => {
    const scene = new Scene();
    const asked = scene.told(ANNA, search);
    expect(asked[0]).toEqual({ type: "search", link: LAN, target: MEDIA, mx: 2 });
    expect(asked.slice(1).map((command) => command.type === "tell-peer" && command.peer)).toEqual([BEN]);
    const found = { type: "tell-peer", peer: ANNA, message: { type: "ssdp-found", id: 77, ...SERVER } };
    expect(scene.answer()).toEqual([found]);
    expect(scene.answer()).toEqual([]);
    const bens = { ...SERVER, usn: "ben's" };
    expect(scene.told(BEN, { type: "ssdp-found", id: idOf(asked, BEN), ...bens })).toEqual([
      { type: "tell-peer", peer: ANNA, message: { type: "ssdp-found", id: 77, ...bens } },
    ]);
  });

  test("does not find what was not searched, or cannot be reached, or what another network has", () => {
    const scene = new Scene();
    const asked = scene.told(ANNA, search);
    expect(scene.answer({ ...SERVER, target: "upnp:rootdevice" })).toEqual([]);
    expect(scene.answer({ ...SERVER, location: "http://172.16.0.1/" })).toEqual([]);
    expect(scene.answer({ ...SERVER, target: MEDIA.replace(":1", ":2") })).toHaveLength(1); // a later version serves
    expect(scene.told(ELSEWHERE, { type: "ssdp-found", id: idOf(asked, BEN), ...SERVER })).toEqual([]);
    expect(scene.proxy.counters).toMatchObject({ unreachable: 1, unasked: 2 });
  });

  test("reaches no link where the peer is only listened to", () => {
    expect(new Scene().told(ELSEWHERE, search)).toEqual([]);
  });

  test("is forgotten: a flood of them is bounded", () => {
    const scene = new Scene();
    for (let i = 0; i < 20_000; i++) {
      scene.now += 1;
      scene.told(ANNA, { ...search, id: i });
      scene.search(`uuid:${i}`);
    }
    expect(scene.proxy.counters.limited).toBeGreaterThan(30_000);
    // Every answer matches at most what is remembered.
    expect(scene.answer().length).toBeLessThanOrEqual(256);
  });
});

describe("what a device says of itself", () => {
  test("goes to the peers who are told, and from a peer to the links and the others of its network", () => {
    const scene = new Scene();
    expect(scene.notify()).toEqual(
      [ANNA, BEN].map((peer) => ({
        type: "tell-peer",
        peer,
        message: { type: "ssdp-notify", origin: 1, ...SERVER },
      })),
    );
    expect(scene.notify()).toEqual([]);
    const commands = scene.told(ANNA, { type: "ssdp-notify", origin: 9, ...SERVER });
    const device = { ...SERVER, location: "http://100.64.1.20:8200/rootDesc.xml" };
    expect(commands).toEqual([
      { type: "notify", link: LAN, device },
      { type: "tell-peer", peer: BEN, message: { type: "ssdp-notify", origin: 9, ...SERVER } },
    ]);
    expect(scene.told(BEN, { type: "ssdp-notify", origin: 1, ...SERVER })).toEqual([]); // our own, coming back
  });

  test("is taken back when the peer that told it is gone for good", () => {
    const scene = new Scene();
    scene.told(ANNA, { type: "ssdp-notify", origin: 9, ...SERVER });
    scene.proxy.removePeer(ANNA, true, scene.now);
    expect(scene.pass(10_000)).toEqual([]);
    const gone = { ...SERVER, location: "", server: "", maxAge: 0 };
    expect(scene.pass(10_000)).toEqual([
      { type: "notify", link: LAN, device: gone },
      { type: "tell-peer", peer: BEN, message: { type: "ssdp-notify", origin: 0, ...gone } },
    ]);
  });

  test("by the thousand, is bounded", () => {
    const scene = new Scene();
    let passed = 0;
    for (let i = 0; i < 10_000; i++) {
      scene.now += 1;
      passed += scene.notify({ ...SERVER, usn: `uuid:${i}` }).length;
      scene.told(ANNA, { type: "ssdp-notify", origin: 9, ...SERVER, usn: `uuid:${i}` });
    }
    expect(passed).toBeLessThan(2 * (10 * 50 + 100) + 10);
    scene.proxy.removePeer(ANNA, false, scene.now);
    expect(scene.drain().filter(({ type }) => type === "notify").length).toBeLessThanOrEqual(512);
  });

  test("on a second link of this computer stays there", () => {
    const scene = new Scene();
    scene.proxy.setLink(OTHER_LAN, { whole: true, passiveFor: new Set(["net"]) });
    expect(scene.notify().some((command) => command.type === "notify")).toBe(false);
    const shown = scene.told(ANNA, { type: "ssdp-notify", origin: 9, ...SERVER });
    expect(shown.filter((command) => command.type === "notify").map((command) => command.link)).toEqual([
      LAN,
    ]);
  });
});

fuzzParsers([
  parser({
    name: "SSDP messages",
    refuses: DecodeError,
    corpus: MESSAGES.map((message) => encodeSsdp(message, HOST)),
    decode: decodeSsdp,
    again: (message) => decodeSsdp(encodeSsdp(message, HOST)),
  }),
]);

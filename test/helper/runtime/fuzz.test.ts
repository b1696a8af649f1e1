import { vi } from "vitest";
import type { Peer } from "#runtime/peer.ts";
import { encodeDocument } from "#runtime/store/document.ts";
import { STATE_FORMAT } from "#runtime/store/state.ts";
import { encodeControl, MAX_CONTROL } from "#wire/control.ts";
import { encodeNetworkChange, networkKey, type NetworkEntry } from "#wire/control-network.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { CONTROL_FRAMES, MEMBERSHIP_ENTRIES } from "#test/helper/wire/fuzz-control-targets.ts";
import { type Computer, guestOf, host } from "./computer.ts";
import { World } from "./world.ts";

const NAMES = ["Home", "", " ", "x".repeat(150), "\u202eevil\u0000", "ü".repeat(70), "\ue000", "home"];
const HOSTS = [
  "192.0.2.1",
  "home.example",
  "",
  "..",
  "-x.example",
  "1.2.3",
  "::",
  "x".repeat(110),
  "127.0.0.1",
];
const OUTSIDE = ["8.8.8.8", "192.168.2.1", "127.0.0.1", "2001:4860::8888", "fe80::1", "224.0.0.1", "ff02::1"];
const LOOKED_AT = 64;

/** What only a host can say, sensible and not. */
function news(random: SeededRandom): NetworkEntry[] {
  const number = random.pick([0, 1, 2, 2, 3, 500, 1022, 1023, 65_535]);
  const prefix4 = random.pick([
    { address: "100.64.4.0", length: 22 },
    { address: "0.0.0.0", length: 0 },
    { address: "192.168.2.0", length: 24 },
    { address: "100.64.4.0", length: 32 },
    { address: "239.0.0.0", length: 22 },
  ]);
  const prefix6 = random.pick([
    { address: "fd12:3456:789a::", length: 48 },
    { address: "fd12:3456:789a::", length: 56 },
    { address: "2001:4860::", length: 48 },
    { address: "ff1e::", length: 48 },
    { address: "::", length: 48 },
  ]);
  const ranges = [
    { address: "239.0.0.0", length: 8 },
    { address: "0.0.0.0", length: 0 },
    { address: "::", length: 0 },
    { address: "8.8.8.8", length: 32 },
    { address: "ff00::", length: 8 },
  ].slice(random.below(5));
  return [
    { kind: "network", name: random.pick(NAMES), prefix6, prefix4, ranges },
    { kind: "assigned", number },
    {
      kind: "member",
      number: random.pick([0, 1, number, 9, 65_535]),
      name: random.pick(NAMES),
      online: true,
    },
    {
      kind: "candidates",
      candidates: [{ host: random.pick(HOSTS), port: random.pick([0, 1, 42_268]) }],
    },
  ];
}

/** A host and a guest, one of whom says whatever it likes under the session's keys. */
class Malicious implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #home: Computer;
  readonly #laptop: Computer;
  readonly #victim: Computer;
  readonly #world: World;
  #steps = 0;
  #version = 1;

  constructor(world: World, random: SeededRandom, home: Computer, laptop: Computer, victim: Computer) {
    this.#world = world;
    [this.#random, this.#home, this.#laptop, this.#victim] = [random, home, laptop, victim];
  }

  step(): boolean {
    const random = this.#random;
    const peer = this.#peer();
    if (peer) {
      peer.control(this.#message(), performance.now());
      this.#victim.engine.core.turn();
    }
    if (++this.#steps % LOOKED_AT === 0) this.#look();
    vi.advanceTimersByTime(random.oneIn(50) ? random.below(20_000) : random.below(30));
    if (random.oneIn(100)) this.#again();
    for (const { fast } of [this.#home, this.#laptop]) fast.commands.length = fast.delivered.length = 0;
    return peer !== undefined;
  }

  held() {
    const { core, networks, ways } = this.#victim.engine;
    const directory = [...networks.joined.values()][0]?.directory.length ?? 0;
    const groups = core.forwarding.dump().groups.length;
    return {
      vifs: [core.vifs.size, 3],
      indices: [ways.transport.indices.size, 16],
      "members that are known": [directory, 4096],
      groups: [groups, 4096],
      "lines of the log": [this.#victim.log.lines().length, 2000],
    } as const;
  }

  /** Files are written, and looked-up endpoints are there. */
  rest(): Promise<void> {
    return this.#world.answer(
      Promise.all([this.#home, this.#laptop].map(({ keeper }) => keeper.saveNow())).then(() => {}),
    );
  }

  settle(): void {
    this.#again();
    vi.advanceTimersByTime(200_000);
    this.#again();
    vi.advanceTimersByTime(100_000);
  }

  left() {
    const [network] = this.#laptop.status().networks;
    const online = this.#home.status().networks[0]!.members.filter((member) => member.online).length;
    return {
      "networks that are not connected": Number(network?.state !== "connected" || network.name !== "Home"),
      "members that are away": 2 - online,
      groups: this.#victim.engine.core.forwarding.dump().groups.length,
    };
  }

  /** A removal is believed: somebody connects again. */
  #again(): void {
    for (const network of this.#laptop.engine.networks.joined.values()) network.setEnabled(true);
    this.#laptop.engine.core.turn();
  }

  /** The victim's end of the session. */
  #peer(): Peer | undefined {
    const { networks, core } = this.#victim.engine;
    const peers = [...core.vifs.keys()]
      .map((vif) => networks.peerOf(vif))
      .filter((peer) => peer !== undefined);
    return peers.find((peer) => peer.session.up);
  }

  #message(): Uint8Array {
    const random = this.#random;
    if (random.oneIn(4)) return mutate(random, CONTROL_FRAMES);
    const topic = 1 + random.below(2);
    const entries =
      topic === 1
        ? MEMBERSHIP_ENTRIES.map((entry) =>
            random.oneIn(2) ? entry : mutate(random, [entry]).subarray(0, 200),
          )
        : news(random).map((entry) => encodeNetworkChange(networkKey(entry), entry));
    const size = entries.reduce((sum, entry) => sum + 2 + entry.length, 22);
    const message = encodeControl({
      type: "state-snapshot",
      topic,
      ackWanted: true,
      incarnation: 0xbad,
      version: this.#version++,
      part: 0,
      parts: 1,
      entries: size > MAX_CONTROL ? entries.slice(0, 2) : entries,
    });
    return random.oneIn(4) ? mutate(random, [message]) : message;
  }

  /** What is written can be read again, what is shown is what clients understand, and nothing else is taken in. */
  #look(): void {
    const { keeper, engine } = this.#victim;
    const hosted = engine.networks.hosted?.state() ?? null;
    const joined = [...engine.networks.joined.values()].map(({ record }) => record);
    encodeDocument(STATE_FORMAT, { ...keeper.state, hosted, joined });
    this.#victim.status();
    for (const address of OUTSIDE)
      if (this.#victim.tun.leads(address)) throw new Error(`${address} leads into the tunnel`);
  }
}

async function start(random: SeededRandom, victim: "host" | "guest"): Promise<FuzzedMachine> {
  const world = new World();
  const home = await host(world);
  const laptop = await guestOf(home, world);
  return new Malicious(world, random, home, laptop, victim === "host" ? home : laptop);
}

fuzzMachines([
  { name: "a guest of a malicious host", runs: 1_500, start: (random) => start(random, "guest") },
  { name: "the host of a malicious guest", runs: 1_500, start: (random) => start(random, "host") },
]);

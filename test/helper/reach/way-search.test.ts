import { describe, expect, test } from "vitest";
import { MAX_PUNCHED, Puncher } from "#protocol/reach/puncher.ts";
import { LOOK_AGAIN, WaySearch, type SearchCommand, type Situation } from "#protocol/reach/way-search.ts";

const DOWN: Situation = { up: false, relayed: false, dialingSince: 0 };
const DIRECT: Situation = { up: true, relayed: false, dialingSince: undefined };
const RELAYED: Situation = { up: true, relayed: true, dialingSince: undefined };
const HOST = { address: "198.51.100.1", port: 42268 };
const RELAY = { address: "203.0.113.9", port: 42300 };

/** Time passes; what the machine says, and when. */
class Scene {
  readonly search: WaySearch;
  readonly said: { readonly at: number; readonly command: SearchCommand }[] = [];
  now = 0;

  constructor(startAt = 0) {
    this.search = new WaySearch(startAt);
    this.is(DOWN);
  }

  is(situation: Situation): void {
    this.search.handleSituation(situation, this.now);
    this.#take();
  }

  run(ms: number): void {
    const end = this.now + ms;
    for (let steps = 0; ; steps++) {
      if (steps > 10_000) throw new Error("it spins");
      const next = this.search.pollTimeout(this.now);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      this.search.handleTimeout(this.now);
      this.#take();
      if (this.search.pollTimeout(this.now) > this.now) continue;
      this.search.handleTimeout(this.now); // what is due may come in two steps, and no more
      this.#take();
      if (this.search.pollTimeout(this.now) <= this.now) throw new Error(`it spins at ${this.now}`);
    }
    this.now = end;
  }

  answered(): void {
    this.search.handleAnswered([HOST], this.now);
    this.#take();
  }

  types(): string[] {
    return this.said.map(({ command }) => command.type);
  }

  at(type: SearchCommand["type"]): number[] {
    return this.said.filter(({ command }) => command.type === type).map(({ at }) => at);
  }

  #take(): void {
    for (let command; (command = this.search.nextCommand());) this.said.push({ at: this.now, command });
  }
}

describe("the search for a host, by one way", () => {
  test("calls when the known addresses have had their chance, tries what it hears at once and again", () => {
    const scene = new Scene(250);
    scene.run(300);
    expect(scene.at("call")).toEqual([250]);
    scene.answered();
    scene.run(500);
    expect(scene.at("try")).toEqual([300, 550]);
    scene.is(DIRECT);
    expect(scene.types().at(-1)).toBe("end-call");
    scene.said.length = 0;
    scene.run(600_000);
    expect(scene.said).toEqual([]);
  });

  test("calls nobody where the known addresses answer", () => {
    const scene = new Scene(250);
    scene.run(100);
    scene.is(DIRECT);
    scene.run(60_000);
    expect(scene.said).toEqual([]);
  });

  test("asks for a relay when nothing has worked, and uses it after that", () => {
    const scene = new Scene();
    scene.run(50);
    scene.answered();
    scene.run(300);
    expect(scene.at("request-relay")).toEqual([250]);
    scene.search.handleRelay(RELAY, scene.now);
    scene.said.length = 0;
    scene.run(1_000);
    const relayed = scene.said.filter(
      ({ command }) => command.type === "try" && command.endpoints[0] === RELAY,
    );
    expect(relayed.map(({ at }) => at)).toEqual([600, 1_100]);
  });

  test("keeps the relay in use, looks for something better every half minute, and lets go when it is found", () => {
    const scene = new Scene();
    scene.run(50);
    scene.answered();
    scene.run(450);
    scene.search.handleRelay(RELAY, scene.now);
    scene.run(1_000);
    scene.is(RELAYED);
    expect(scene.types()).toContain("keep-relay");
    scene.run(20_000);
    scene.said.length = 0;
    scene.run(3 * LOOK_AGAIN);
    expect(scene.at("call").length).toBeGreaterThanOrEqual(2);
    expect(scene.types()).not.toContain("end-relay");
    expect(scene.types()).not.toContain("request-relay");
    scene.answered();
    scene.is(DIRECT);
    expect(scene.types()).toContain("end-relay");
  });

  test("looks at once where the host says that it is reached elsewhere, if it is relayed", () => {
    const scene = new Scene();
    scene.run(50);
    scene.is(DIRECT);
    scene.search.handleNews(scene.now);
    scene.run(10_000);
    expect(scene.at("call")).toHaveLength(1); // the first one
    scene.is(RELAYED);
    scene.run(20_000);
    scene.said.length = 0;
    scene.search.handleNews(scene.now);
    scene.run(100);
    expect(scene.types()).toEqual(["call"]);
  });

  test("calls again where the path in use does not answer for a second", () => {
    const scene = new Scene();
    scene.is(DIRECT);
    scene.run(60_000);
    scene.said.length = 0;
    scene.is({ ...DIRECT, dialingSince: scene.now });
    scene.run(900);
    expect(scene.said).toEqual([]);
    scene.run(200);
    expect(scene.types()).toEqual(["call"]);
  });

  test("looks once at another network, also where all seems well", () => {
    const scene = new Scene();
    scene.is(DIRECT);
    scene.run(60_000);
    scene.said.length = 0;
    scene.search.handleNetworkChanged(scene.now);
    scene.run(20);
    scene.answered();
    scene.is(DIRECT);
    scene.run(60_000);
    expect(scene.at("call")).toHaveLength(1);
    expect(scene.types().at(-1)).toBe("end-call");
    expect(scene.types()).not.toContain("request-relay");
  });

  test("waits for what comes, and does not spin, whatever the situation", () => {
    for (const situation of [
      DOWN,
      DIRECT,
      RELAYED,
      { ...DIRECT, dialingSince: 0 },
      { ...RELAYED, dialingSince: 0 },
    ])
      for (const forced of [false, true]) {
        const scene = new Scene();
        scene.run(50);
        if (forced) scene.search.handleNetworkChanged(scene.now);
        scene.run(50);
        scene.answered();
        scene.search.handleRelay(RELAY, scene.now);
        scene.is(situation);
        scene.run(100_000);
      }
  });

  test("tries less and less often where nobody is there", () => {
    const scene = new Scene();
    for (let i = 0; i < 300; i++) {
      scene.run(1_000);
      if (scene.search.searching) scene.search.handleFailed(scene.now);
    }
    const calls = scene.at("call");
    expect(calls.length).toBeGreaterThan(8);
    expect(calls.length).toBeLessThan(30);
    expect(calls.at(-1)! - calls.at(-2)!).toBeGreaterThanOrEqual(30_000);
  });

  test("tries where the host's own datagram came from", () => {
    const scene = new Scene();
    scene.run(10);
    scene.search.handleSeen(HOST);
    scene.is(DOWN);
    expect(scene.said.at(-1)?.command).toEqual({ type: "try", endpoints: [HOST] });
  });
});

describe("datagrams that open a hole", () => {
  const data = Uint8Array.of(17);

  test("go to each endpoint a few times, and no more when the call is repeated", () => {
    const puncher = new Puncher();
    let sent = 0;
    for (let now = 0; now < 60_000; now += 50) {
      if (now < 2_000) puncher.punch("a call", [HOST, RELAY], data, now);
      sent += puncher.handleTimeout(now).length;
    }
    expect(sent).toBe(12);
    expect(puncher.size).toBe(0);
  });

  test("are for so many calls at one time", () => {
    const puncher = new Puncher();
    for (let i = 0; i < 500; i++) puncher.punch(`call ${i}`, [HOST], data, 0);
    expect(puncher.size).toBe(MAX_PUNCHED);
  });
});

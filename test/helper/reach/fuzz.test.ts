// A router that says anything at all, at any time, in both of its ways to speak.
import { PortMapper } from "#protocol/reach/port-mapper.ts";
import { FakeRouter } from "#test/helper/runtime/fake-router.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const CLIENT = "192.168.2.10";
const WAITING = 64;

function start(random: SeededRandom): FuzzedMachine {
  let now = 1_000;
  const router = new FakeRouter(["pcp", "nat-pmp", "upnp"]);
  const target = { gateway: router.address, client: CLIENT, port: 42268, nonce: new Uint8Array(12).fill(5) };
  let mapper = new PortMapper(target, now);
  const answers: (() => boolean)[] = [];
  let asked = 0;

  const understood = (deliver: () => void): boolean => {
    const before = mapper.dropped;
    deliver();
    return mapper.dropped === before;
  };
  const carryOut = (): void => {
    for (let command; (command = mapper.nextCommand());) {
      asked++;
      if (command.type === "datagram") {
        const reply = router.datagram(CLIENT, command.to, command.data);
        if (!reply) continue;
        const data = random.oneIn(3) ? mutate(random, [reply.data]) : reply.data;
        const from = random.oneIn(16) ? { ...reply.from, address: "192.168.2.66" } : reply.from;
        answers.push(() => understood(() => mapper.handleDatagram(data, from, now)));
      } else {
        const { id } = command;
        const whole = random.oneIn(8) ? undefined : router.http(command.request);
        const spoilt = (text: string): string =>
          new TextDecoder().decode(mutate(random, [new TextEncoder().encode(text)]));
        const answer = whole && (random.oneIn(3) ? { ...whole, body: spoilt(whole.body) } : whole);
        answers.push(() => understood(() => mapper.handleHttp(id, answer, now)));
      }
    }
    answers.splice(0, answers.length - WAITING);
  };
  return {
    step() {
      if (random.oneIn(200))
        for (const way of ["pcp", "nat-pmp", "upnp"] as const)
          if (random.oneIn(2)) router.ways.add(way);
          else router.ways.delete(way);
      if (random.oneIn(300))
        router.refuses = random.oneIn(2)
          ? undefined
          : { code: random.below(16), upnp: 700 + random.below(30) };
      if (random.oneIn(500)) mapper.refresh(now);
      if (random.oneIn(1_000)) mapper.release(now);
      if (mapper.released || random.oneIn(2_000)) mapper = new PortMapper(target, now);
      carryOut();
      // An answer out of turn, twice, or none and some time.
      const at = random.below(answers.length + 1);
      const answer = answers[at];
      if (answer && !random.oneIn(10)) answers.splice(at, 1);
      const good = answer?.() ?? false;
      if (!answer)
        now = random.oneIn(4) ? now + random.below(500) : Math.max(now, mapper.pollTimeout() ?? now + 1_000);
      serveDeadlines(mapper, now);
      carryOut();
      return good;
    },
    held: () => ({ answers: [answers.length, WAITING] }),
    settle() {
      router.ways.clear();
      mapper.release(now);
      answers.length = 0;
      now += 60_000;
      for (let i = 0; i < 4; i++) {
        serveDeadlines(mapper, now);
        carryOut();
        now += 60_000;
      }
      asked = 0;
      now += 86_400_000;
      serveDeadlines(mapper, now);
      carryOut();
    },
    left: () => ({
      "deadlines of who was released": mapper.pollTimeout() === undefined ? 0 : 1,
      "questions of it": asked,
    }),
  };
}

fuzzMachines([{ name: "port mapper", understood: 0.05, start }]);

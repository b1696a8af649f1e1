import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { findMember } from "#cli/find-member.ts";
import { summaryOf } from "#cli/ping.ts";
import { ControlError } from "#contract/errors.ts";
import type { Member, Network } from "#contract/snapshot.ts";
import { startFakeDaemon, type FakeDaemon } from "../control/fake-daemon.ts";
import { SNAPSHOT } from "../control/sample-state.ts";
import { run, type Run, type RunOptions } from "./run.ts";

const QUICK = "-i 0.2 -W 0.5";
let daemon: FakeDaemon;
beforeAll(async () => {
  daemon = await startFakeDaemon();
});
afterAll(() => daemon.stop());
beforeEach(() => {
  daemon.calls.splice(0);
  daemon.roundTrips = [];
});

function ping(words: string, options: RunOptions = {}): Promise<Run> {
  return run(["ping", ...words.split(" ")], { ...options, environment: { CASTAWAY_SOCKET: daemon.path } });
}

test("a line for each, and least, mean and most at the end", async () => {
  daemon.roundTrips = [20, null, 40];
  const { code, out } = await ping(`2 -c 3 ${QUICK}`);
  expect(out).toBe(`alice[2J laptop of Home, direct 198.51.100.7:4242
1: 20.0 ms
2: no answer within 0.5 s
3: 40.0 ms
3 sent, 2 answered, 33 % loss; min/avg/max 20.0/30.0/40.0 ms
`);
  expect(code).toBe(0);
  expect(daemon.calls.map(({ method, params }) => [method, params])).toEqual(
    Array.from({ length: 3 }, () => [
      "ping",
      { network: "a1b2c3d4e5f60718293a4b5c6d7e8f90", member: 2, timeoutMs: 500 },
    ]),
  );
});

test("--json is one object", async () => {
  daemon.roundTrips = [20, null];
  const { code, out } = await ping(`10.77.0.2 -c 2 ${QUICK} --json`);
  expect(JSON.parse(out)).toEqual({
    network: "Home",
    member: 2,
    name: "alice\u001b[2J laptop",
    path: "direct",
    endpoint: "198.51.100.7:4242",
    sent: 2,
    received: 1,
    lossRatio: 0.5,
    minMs: 20,
    avgMs: 20,
    maxMs: 20,
    timesMs: [20, null],
  });
  expect(code).toBe(0);
});

test("nobody answers: exit code 6", async () => {
  daemon.roundTrips = [null, null];
  const { code, out } = await ping(`2 -c 2 ${QUICK}`);
  expect(out).toContain("2 sent, 0 answered, 100 % loss\n");
  expect(code).toBe(6);
});

test("an interruption ends it with the summary of what there is", async () => {
  let interrupt = (): void => {};
  const { code, out } = await ping(`2 -c 1000 -i 60`, {
    onInterrupt: (handler) => (interrupt = handler),
    onOutput: (text) => void (text.startsWith("1:") && interrupt()),
  });
  expect(out).toContain("1 sent, 1 answered, 0 % loss");
  expect(code).toBe(0);
});

test("who leaves in the middle is loss; who was not there is an error", async () => {
  let calls = 0;
  const gone = await startFakeDaemon({
    api: {
      ping: async () => {
        if (++calls > 1) throw new ControlError("unreachable", "alice is not connected");
        return { rttMs: 20, by: "session" };
      },
    },
  });
  const environment = { CASTAWAY_SOCKET: gone.path };
  const left = await run(["ping", "2", "-c", "2", "-i", "0.2"], { environment });
  const absent = await run(["ping", "2", "-c", "2", "-i", "0.2"], { environment });
  await gone.stop();
  expect(left.out).toContain("2 sent, 1 answered, 50 % loss");
  expect([absent.code, absent.err]).toEqual([6, expect.stringContaining("not connected")]);
});

test("the summary of nothing has no times", () => {
  expect(summaryOf([])).toEqual({
    sent: 0,
    received: 0,
    lossRatio: 0,
    minMs: null,
    avgMs: null,
    maxMs: null,
  });
});

describe("whom a word names", () => {
  const [home] = SNAPSHOT.networks as [Network];
  const [, alice] = home.members as [Member, Member];
  const other: Network = {
    ...home,
    id: "other",
    name: "Office",
    role: "guest",
    members: [
      { ...alice, number: 1, role: "host", name: "server", addresses: ["10.78.0.1", "fd00:1::1"] },
      { ...alice, number: 3, name: "bob", addresses: ["10.78.0.3"] },
    ],
  };
  const both = [home, other];
  const named = (who: string): [string, string] => {
    const { network, member } = findMember(both, who);
    return [network.name, member.name];
  };

  test.each([
    ["3", "Office", "bob"],
    ["10.78.0.3", "Office", "bob"],
    ["fd00:0001:0::1", "Office", "server"],
    ["bob", "Office", "bob"],
    ["BOB", "Office", "bob"],
    ["Office", "Office", "server"],
    ["Home", "Home", "home"],
  ])("%s", (who, network, name) => {
    expect(named(who)).toEqual([network, name]);
  });

  test("is asked again where it is several, or nobody", () => {
    expect(() => named("1")).toThrow("one of 2 members");
    expect(() => named("carol")).toThrow('no member "carol"');
    const waiting: Network = { ...other, state: "connecting", members: [], detail: "Calling Office." };
    expect(() => findMember([home, waiting], "Office")).toThrow("Calling Office.");
  });
});

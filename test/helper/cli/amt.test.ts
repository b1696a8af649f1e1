// `castaway amt` against a daemon that records what it is asked.
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Amt, AmtJoin } from "#contract/amt.ts";
import { startFakeDaemon, type FakeDaemon } from "../control/fake-daemon.ts";
import { SNAPSHOT } from "../control/sample-state.ts";
import { run, type Run, type RunOptions } from "./run.ts";

const STREAM = { source: "198.51.100.10", group: "232.1.1.1" };
const LINK = "amt://198.51.100.10@232.1.1.1:5001";
/** As the daemon has it after "amt.join". */
const JOIN: AmtJoin = {
  ...SNAPSHOT.amt.joins[0]!,
  ...STREAM,
  id: "a2",
  port: null,
  state: "looking",
  detail: "No relay is known yet.",
  via: null,
  roundTripMs: null,
};
const VIA = { address: "198.51.100.7", how: "driad" } as const;
const NO_TRAFFIC = { packets: 0, bytes: 0, rateBps: 0 };

let daemon: FakeDaemon;
beforeEach(async () => {
  daemon = await startFakeDaemon();
});
afterEach(() => daemon.stop());

function castaway(line: string, options: RunOptions = {}): Promise<Run> {
  return run(["amt", ...line.split(" ").filter(Boolean)], {
    ...options,
    environment: { CASTAWAY_SOCKET: daemon.path },
  });
}

function show(changes: Partial<Amt>): void {
  daemon.snapshot = { ...daemon.snapshot, amt: { ...daemon.snapshot.amt, ...changes } };
  daemon.server.publish({ amt: daemon.snapshot.amt });
}

function calls(): { method: string; params: unknown }[] {
  return daemon.calls.map(({ method, params }) => ({ method, params }));
}

describe("what is asked for", () => {
  test.each([
    ["join 198.51.100.10 232.1.1.1", STREAM],
    [`join ${LINK}`, { ...STREAM, port: 5001 }],
    [`join ${LINK}?relay=relay.example.net`, { ...STREAM, port: 5001, relay: "relay.example.net" }],
    [
      `join ${LINK}?relay=relay.example.net --relay 192.0.2.7 --port 5002`,
      { ...STREAM, port: 5002, relay: "192.0.2.7" },
    ],
    ["join 233.252.0.1 --relay 192.0.2.7", { group: "233.252.0.1", relay: "192.0.2.7" }],
    [
      "join 2001:DB8::10 FF3E::8000:1 --port 5001",
      { source: "2001:db8::10", group: "ff3e::8000:1", port: 5001 },
    ],
  ])("%s", async (line, params) => {
    const { code, out } = await castaway(`${line} --no-wait`);
    expect(calls()).toEqual([{ method: "amt.join", params }]);
    expect(out).toBe(
      `Joined ${params.group} from ${"source" in params ? params.source : "any source"} as a2. How it goes: castaway amt list\n`,
    );
    expect(code).toBe(0);
    expect(JSON.parse((await castaway(`${line} --no-wait --json`)).out)).toEqual({ id: "a2" });
  });

  test.each([
    ["join", "missing required argument 'source'"],
    ["join 232.1.1.1", "its address is missing"],
    ["join 198.51.100.10 192.0.2.1", "The group is no multicast address"],
    ["join a 232.1.1.1", "The source is no IP address"],
    ["join amt://x", "The group is no IP address"],
    ["join amt:x", "This is no amt:// link."],
    [`join ${LINK} 232.1.1.1`, "A link names its group already."],
    [`join ${LINK} --port 70000`, "from 1 to 65535"],
    [`join ${LINK} --relay ;id`, "The relay is neither an IP address nor a name."],
    [`join ${LINK} --wait 0`, "seconds"],
    ["leave amt:x", "This is no amt:// link."],
    ["relay perhaps", "Allowed choices are on, off, status."],
    ["relay on --max-gateways 0", "a whole number from 1"],
    ["relay --gateway-rate fast", "It is a rate from 64k to 100G"],
    ["automatic perhaps", "It is on or off."],
    ["fetch", "amt"],
  ])("%s: is wrong use, and asks for nothing", async (line, says) => {
    const { code, out, err } = await castaway(line);
    expect(calls()).toEqual([]);
    expect(out).toBe("");
    expect(err).toContain(says);
    expect(code).toBe(2);
  });
});

describe("waiting for the first packet", () => {
  test("each step is said, until it is there", async () => {
    const steps: AmtJoin[] = [
      { ...JOIN, state: "asking", via: VIA },
      { ...JOIN, state: "waiting", via: VIA, roundTripMs: 12 },
      { ...JOIN, state: "waiting", via: VIA, roundTripMs: 14 }, // nothing new to say
      { ...JOIN, state: "receiving", via: VIA, roundTripMs: 12 },
    ];
    show({ joins: [JOIN] });
    const next = (): void => {
      const step = steps.shift();
      if (step) show({ joins: [step] });
      if (step?.roundTripMs === 14 || steps[0]?.roundTripMs === 14) next();
    };
    const { code, out } = await castaway("join 198.51.100.10 232.1.1.1", { onOutput: next });
    expect(out).toBe(
      "Looking for a relay.\n" +
        "Asking 198.51.100.7, found through the source's DNS.\n" +
        "198.51.100.7, found through the source's DNS: it answered. Waiting for the first packet.\n" +
        "Receiving 232.1.1.1 from 198.51.100.10, by 198.51.100.7, found through the source's DNS.\n" +
        "Programs here receive it by joining the group, as they would where it is sent.\n",
    );
    expect(code).toBe(0);
  });

  test("what is there already ends it at once; --json prints it alone", async () => {
    const there: AmtJoin = { ...JOIN, state: "receiving", via: VIA };
    show({ joins: [there] });
    const { code, out, err } = await castaway(`join ${LINK} --json`);
    expect({ code, err }).toEqual({ code: 0, err: "" });
    expect(JSON.parse(out)).toEqual(there);
  });

  test("where no relay answers, the daemon's sentence says what was tried", async () => {
    const detail = "No relay answered: tried 192.52.193.1\u001b[2J.";
    show({ joins: [{ ...JOIN, state: "failed", detail }] });
    const { code, err } = await castaway(`join ${LINK}`);
    expect(err).toBe(
      "castaway: No relay answered: tried 192.52.193.1[2J.\n" +
        "  It stays joined, and is tried again. How it goes: castaway amt list\n",
    );
    expect(code).toBe(6);
  });

  test.each([
    [{ state: "looking" }, "no relay was found in 0.2 s"],
    [
      { state: "asking", via: VIA },
      "(198.51.100.7, found through the source's DNS) has not answered in 0.2 s",
    ],
    [{ state: "waiting", via: VIA }, "nothing came of the stream in 0.2 s: is it being sent?"],
  ] as const)("time is up while it is %j", async (changes, says) => {
    show({ joins: [{ ...JOIN, ...NO_TRAFFIC, ...changes }] });
    const { code, err } = await castaway(`join ${LINK} --wait 0.2`);
    expect(err).toContain(says);
    expect(code).toBe(6);
  });

  test("who leaves it meanwhile ends the waiting", async () => {
    show({ joins: [JOIN] });
    const { code, err } = await castaway(`join ${LINK}`, { onOutput: () => show({ joins: [] }) });
    expect(err).toContain("it was left meanwhile");
    expect(code).toBe(1);
  });

  test("a daemon that ends is said", async () => {
    show({ joins: [JOIN] });
    const { code } = await castaway(`join ${LINK}`, { onOutput: () => void daemon.stop() });
    expect(code).toBe(3);
  });
});

describe("leaving", () => {
  test.each(["leave a2", "leave 198.51.100.10 232.1.1.1", `leave ${LINK}`])("%s", async (line) => {
    show({ joins: [...SNAPSHOT.amt.joins, { ...JOIN, id: "auto", kept: false }, JOIN] });
    const { code, out } = await castaway(line);
    expect(calls()).toEqual([{ method: "amt.leave", params: { id: "a2" } }]);
    expect(out).toBe("Left 198.51.100.10 232.1.1.1.\n");
    expect(code).toBe(0);
  });

  test("what is not joined", async () => {
    const { code, err } = await castaway("leave 198.51.100.11 232.1.1.1");
    expect(err).toContain("232.1.1.1 from 198.51.100.11 was not joined\n  See castaway amt list");
    expect(code).toBe(1);
  });
});

describe("lists", () => {
  test.each(["", "list"])("amt %s", async (line) => {
    show({
      joins: [
        ...SNAPSHOT.amt.joins,
        {
          ...JOIN,
          ...NO_TRAFFIC,
          source: null,
          state: "failed",
          detail: "No relay\u202E answers.",
          kept: false,
        },
      ],
    });
    const { out } = await castaway(line);
    expect(out).toContain(
      "203.0.113.7  232.1.2.3 port 5004  receiving  198.51.100.7, found through the source's DNS",
    );
    expect(out).toMatch(/12\.0 ms +8\.00 Mbit\/s +400 +you\n/);
    expect(out).toMatch(/any +232\.1\.1\.1 +failed .* a program\n/);
    expect(out).toMatch(/\n232\.1\.1\.1 from any source: No relay answers\.\n$/);
    expect(JSON.parse((await castaway(`${line} --json`)).out)).toEqual({ joins: daemon.snapshot.amt.joins });
  });

  test("nothing yet", async () => {
    show({ joins: [] });
    expect((await castaway("")).out).toContain("castaway amt join SOURCE GROUP");
  });
});

describe("settings", () => {
  test.each([
    ["relays", [], "Asked first, in this order: relay.example\n"],
    ["relays 192.0.2.7 relay.example", [{ relays: ["192.0.2.7", "relay.example"] }], "relay.example"],
    ["relays none", [{ relays: [] }], "relay"],
  ])("%s", async (line, params, says) => {
    const { out, code } = await castaway(line);
    expect(calls().map((call) => call.params)).toEqual(params);
    expect(out).toContain(says);
    expect(code).toBe(0);
  });

  test.each([
    ["relay", []],
    ["relay status", []],
    ["relay on", [{ enabled: true }]],
    ["relay off", [{ enabled: false }]],
    ["relay on --max-gateways 50", [{ enabled: true, maxGateways: 50 }]],
    ["relay --max-gateways 50", [{ enabled: true, maxGateways: 50 }]],
    ["relay --gateway-rate 20M", [{ enabled: true, gatewayBitsPerSecond: 20_000_000 }]],
    ["relay --gateway-rate off", [{ enabled: true, gatewayBitsPerSecond: null }]],
    [
      "relay on --port 2269 --address 192.0.2.1 2001:db8::1 --anycast 192.52.193.1 --interface eth0",
      [
        {
          enabled: true,
          port: 2269,
          addresses: ["192.0.2.1", "2001:db8::1"],
          anycast: ["192.52.193.1"],
          interface: "eth0",
        },
      ],
    ],
    [
      "relay --address auto --anycast none --interface all",
      [{ enabled: true, addresses: [], anycast: [], interface: null }],
    ],
    [
      "relay on --admin-scoped on --short-mac off --tell-endpoint on",
      [{ enabled: true, adminScoped: true, shortMac: false, tellEndpoint: true }],
    ],
  ])("%s", async (line, params) => {
    const { out } = await castaway(line);
    expect(calls().map((call) => call.params)).toEqual(params);
    expect(out).toBe(
      "This computer is a relay for others.\n" +
        "Addresses  198.51.100.9\n" +
        "Gateways   3 of at most 4096\n" +
        "Groups     2\n" +
        "Delivered  1200 packets, 1.58 MB\n",
    );
    expect(JSON.parse((await castaway(`${line} --json`)).out)).toEqual(SNAPSHOT.amt.relay);
  });

  test.each([
    ["off", "", "This computer is no relay for others.\nMake it one: castaway amt relay on\n"],
    ["failed", "Port 2268 is taken.", "This computer is to be a relay, but failed. Port 2268 is taken.\n"],
  ] as const)("a relay that is %s", async (state, detail, says) => {
    show({ relay: { ...SNAPSHOT.amt.relay, state, detail } });
    expect((await castaway("relay")).out).toContain(says);
  });

  test("a relay with a rate for each gateway says it", async () => {
    show({ relay: { ...SNAPSHOT.amt.relay, gatewayBitsPerSecond: 20_000_000 } });
    expect((await castaway("relay")).out).toContain("3 of at most 4096, each at most 20.0 Mbit/s\n");
  });

  test("automatic", async () => {
    expect((await castaway("automatic")).out).toContain("What programs join is fetched");
    expect((await castaway("automatic off")).out).toContain("Only what was asked for");
    expect(JSON.parse((await castaway("automatic on --json")).out)).toEqual({ automatic: true });
    expect(calls().map(({ params }) => params)).toEqual([{ on: false }, { on: true }]);
  });
});

test("--help has examples", async () => {
  const { out } = await castaway("join --help");
  expect(out).toContain("castaway amt join [options] <source> <group> | <group> | <link>");
  expect(out).toContain("castaway amt join 233.252.0.1 --relay 192.0.2.7 --no-wait");
});

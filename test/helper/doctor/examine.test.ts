import { describe, expect, onTestFinished, test, vi } from "vitest";
import { examine } from "#runtime/doctor/examine.ts";
import { ok, type Subject, type Topic } from "#runtime/doctor/topic.ts";
import { HOME, LAPTOP, guestOf, host, type Computer } from "../runtime/computer.ts";
import { link } from "../runtime/fake-devices.ts";
import { World } from "../runtime/world.ts";

const NOTHING = {} as Subject; // the topics below look at none of it

function topic(id: string, look: Topic["examine"], limitMs?: number): Topic {
  return { id, title: `the ${id}`, examine: look, ...(limitMs !== undefined && { limitMs }) };
}

describe("an examination", () => {
  test("is in the order of its topics, whoever is done first, and lasts as long as the longest", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const after = (ms: number) => () =>
      new Promise<ReturnType<typeof ok>[]>((resolve) => setTimeout(() => resolve([ok(`${ms}`, "")]), ms));
    let done: string[] | undefined;
    const all = examine([topic("slow", after(3_000)), topic("quick", after(10))], NOTHING);
    void all.then((checks) => (done = checks.map(({ name }) => name)));
    await vi.advanceTimersByTimeAsync(2_999);
    expect(done).toBeUndefined();
    await vi.advanceTimersByTimeAsync(1);
    expect(done).toEqual(["3000", "10"]);
    expect(vi.getTimerCount()).toBe(0);
  });

  test("goes on where one topic never answers, and where others throw", async () => {
    vi.useFakeTimers();
    onTestFinished(() => void vi.useRealTimers());
    const all = examine(
      [
        topic("dead", () => new Promise(() => {}), 700),
        topic("thrown", () => {
          throw new Error("at once");
        }),
        topic("rejected", () => Promise.reject(new Error("later"))),
        topic("fine", () => [ok("fine", "")]),
      ],
      NOTHING,
    );
    await vi.advanceTimersByTimeAsync(700);
    expect((await all).map(({ name, status, message }) => [name, status, message])).toEqual([
      ["dead", "warn", expect.stringContaining("within 0.7 s") as string],
      ["thrown", "warn", expect.stringContaining("the thrown: at once") as string],
      ["rejected", "warn", expect.stringContaining("later") as string],
      ["fine", "ok", ""],
    ]);
  });
});

async function look(computer: Computer, topic: string): Promise<readonly [string, string, string, string][]> {
  const { checks } = await computer.call("doctor", { topic });
  for (const { status, remedy } of checks) expect(remedy === null).toBe(status === "ok");
  return checks.map(({ name, status, message, remedy }) => [name, status, message, remedy ?? ""]);
}

test("each topic can be asked for by itself, and all of them together find the same", async () => {
  const world = new World();
  const home = await host(world, { ...HOME, links: [link("eth0")] });
  const { topics } = await home.call("doctor.topics", {});
  const single = [];
  for (const { id } of topics) single.push(...(await home.call("doctor", { topic: id })).checks);
  const { checks } = await home.call("doctor", {});
  expect(single.map(({ name }) => name)).toEqual(checks.map(({ name }) => name));
  expect(new Set(topics.map(({ id }) => id)).size).toBe(topics.length);
  await expect(home.call("doctor", { topic: "nonsense" })).rejects.toMatchObject({ code: "not-found" });
});

describe("the firewall", () => {
  const closed = (extra: object[] = []) => ({
    readable: true as const,
    legacy: false,
    rules: {
      nftables: [
        { chain: { family: "inet", table: "mine", name: "in", hook: "input", prio: 0, policy: "drop" } },
        ...extra,
      ],
    },
  });
  const letIn = (left: object, right: unknown) => ({
    rule: {
      family: "inet",
      table: "mine",
      chain: "in",
      handle: 4,
      expr: [{ match: { op: "==", left, right } }, { accept: null }],
    },
  });

  test("that keeps members out is a failure, with the rule that helps", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    expect(await look(home, "firewall")).toEqual([
      ["firewall", "ok", "There are no rules for what comes in.", ""],
    ]);
    home.probe.rules = closed();
    const found = await look(home, "firewall");
    expect(found).toContainEqual([
      "firewall",
      "fail",
      "It drops IPv4 calls to UDP port 42268 on eth0 (policy of inet mine in): members cannot reach this computer.",
      "nft insert rule inet mine in udp dport 42268 accept",
    ]);
    expect(found.map(([, , message]) => message)).toContainEqual(
      expect.stringContaining("It drops IGMP queries on eth0"),
    );
    home.probe.rules = closed([
      letIn({ payload: { protocol: "th", field: "dport" } }, 42268),
      letIn({ meta: { key: "l4proto" } }, { set: ["igmp", "ipv6-icmp"] }),
    ]);
    expect(await look(home, "firewall")).toEqual([["firewall", "ok", "It lets in what Castaway needs.", ""]]);
  });

  test("of a guest lets answers in, but may keep the tunnel's streams from programs", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world, { ...LAPTOP, links: [link("wlan0")] });
    laptop.probe.rules = closed([
      letIn({ ct: { key: "state" } }, { set: ["established", "related"] }),
      letIn({ meta: { key: "l4proto" } }, { set: ["igmp", "ipv6-icmp"] }),
      { chain: { family: "inet", table: "mine", name: "ufw-user-input" } },
    ]);
    expect((await look(laptop, "firewall")).map(([, status, , remedy]) => [status, remedy])).toEqual([
      ["warn", "ufw allow in on castaway0"],
      ["warn", "ufw allow in on castaway0"],
    ]);
  });

  test("that cannot be read, or is not all there, is said to be so", async () => {
    const world = new World();
    const home = await host(world);
    home.probe.rules = { readable: false, reason: "Operation not permitted" };
    expect((await look(home, "firewall"))[0]![2]).toContain("Operation not permitted");
    home.probe.rules = { readable: true, rules: "nonsense", legacy: false };
    expect((await look(home, "firewall"))[0]![2]).toContain("not understood");
    home.probe.rules = { readable: true, rules: { nftables: [] }, legacy: true };
    expect((await look(home, "firewall"))[0]).toMatchObject([
      "firewall",
      "warn",
      "Older iptables holds rules too, which are not looked at.",
      "Look at them: iptables-legacy-save",
    ]);
  });
});

describe("joins", () => {
  test("on each LAN, tried out", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    expect(await look(home, "joins")).toMatchObject([
      ["joins eth0", "ok", "Groups can be joined on eth0, IPv4 and IPv6; the querier is this computer.", ""],
    ]);
    home.probe.igmp = 2;
    expect((await look(home, "joins"))[0]).toMatchObject([
      "joins eth0",
      "warn",
      expect.stringContaining("IGMPv2"),
      expect.any(String),
    ]);
    home.probe.joinError = new Error("no such device");
    expect((await look(home, "joins"))[0]).toMatchObject([
      "joins eth0",
      "fail",
      expect.stringContaining("no such device"),
      expect.any(String),
    ]);
  });
});

test("a strict reverse path filter is found, on the LANs and on the tunnel", async () => {
  const world = new World();
  const home = await host(world, { ...HOME, links: [link("eth0")] });
  expect(await look(home, "rp_filter")).toEqual([]);
  home.probe.settings.set("net/ipv4/conf/all/rp_filter", "1");
  home.probe.settings.set("net/ipv4/conf/castaway0/rp_filter", "2");
  expect((await look(home, "rp_filter")).map(([name]) => name)).toEqual(["rp_filter eth0"]);
});

test("a link that is too small for full packets", async () => {
  const world = new World();
  const home = await host(world, { ...HOME, links: [link("eth0"), link("ppp0", { index: 3, mtu: 1_200 })] });
  expect((await look(home, "mtu")).map(([name, status]) => [name, status])).toEqual([
    ["mtu eth0", "ok"],
    ["mtu ppp0", "warn"],
  ]);
});

test("members that are here, with the way to them; who has been reached by whom", async () => {
  const world = new World();
  const home = await host(world);
  expect(await look(home, "udp-reach")).toEqual([
    [
      "udp in",
      "warn",
      expect.stringContaining("No member has come"),
      expect.stringContaining("forward UDP port 42268"),
    ],
  ]);
  const laptop = await guestOf(home, world);
  expect((await look(home, "udp-reach"))[0]!.slice(0, 2)).toEqual(["udp in", "ok"]);
  expect((await look(laptop, "udp-reach"))[0]!.slice(0, 2)).toEqual(["udp out", "ok"]);
  expect((await look(home, "peers"))[0]).toMatchObject([
    "member laptop",
    "ok",
    expect.stringMatching(/^Directly over UDP \(198\.51\.100\.7:5000\), [\d.]+ ms/),
    "",
  ]);
});

describe("the way over TCP", () => {
  test("is taken by who hosts, unless another program has the port", async () => {
    const world = new World();
    const home = await host(world);
    expect(await look(home, "tcp")).toEqual([
      ["tcp in", "ok", "TCP connections are taken on port 42268; no member came by it yet.", ""],
    ]);
    home.engine.ways.streaming.incoming.problems.set(42_268, { reason: "EADDRINUSE", since: 0 });
    expect((await look(home, "tcp"))[0]!.slice(0, 2)).toEqual(["tcp in", "fail"]);
    home.engine.ways.streaming.incoming.problems.clear();
    home.engine.ways.streaming.incoming.problems.set(443, { reason: "EACCES", since: 0 });
    expect((await look(home, "tcp"))[0]!.slice(0, 3)).toEqual([
      "tcp in",
      "warn",
      expect.stringContaining("not on 443"),
    ]);
    await home.call("reach.set", { tcp: false });
    expect((await look(home, "tcp"))[0]!.slice(1, 3)).toEqual([
      "ok",
      expect.stringContaining("switched off"),
    ]);
  });

  test("is tried by a guest", async () => {
    const world = new World();
    const home = await host(world);
    const laptop = await guestOf(home, world);
    expect(await look(laptop, "tcp")).toMatchObject([
      ["tcp to Home", "warn", expect.stringContaining("192.0.2.1:42268"), expect.stringContaining("Forward")],
    ]);
    laptop.probe.connections.set("192.0.2.1 42268", 31.4);
    expect(await look(laptop, "tcp")).toEqual([
      ["tcp to Home", "ok", "The host takes TCP at 192.0.2.1:42268, after 31 ms.", ""],
    ]);
  });
});

test("the router's port: where there is no router, and where nobody asks", async () => {
  const world = new World();
  const home = await host(world);
  expect((await look(home, "port-mapping"))[0]!.slice(0, 2)).toEqual(["port mapping", "ok"]);
  await home.call("reach.set", { portMapping: false });
  expect((await look(home, "port-mapping"))[0]![2]).toContain("--port-mapping on");
  const laptop = await guestOf(home, world);
  expect(await look(laptop, "port-mapping")).toEqual([]); // a guest needs none
});

test("the proxy: where there is one, and whether it takes connections", async () => {
  const world = new World();
  const home = await host(world);
  expect(await look(home, "proxy")).toEqual([]);
  home.probe.environment = { https_proxy: "http://user:secret@192.0.2.80:3128" };
  const [silent] = await look(home, "proxy");
  expect(silent!.slice(0, 3)).toEqual(["proxy", "warn", "The proxy 192.0.2.80:3128 takes no connections."]);
  home.probe.connections.set("192.0.2.80 3128", 4.2);
  expect(await look(home, "proxy")).toEqual([
    ["proxy", "ok", "The proxy 192.0.2.80:3128 takes connections, after 4 ms.", ""],
  ]);
  home.probe.environment = { https_proxy: "socks5://192.0.2.80" };
  expect((await look(home, "proxy"))[0]![1]).toBe("fail");
  await home.call("reach.set", { proxy: "off" });
  expect(await look(home, "proxy")).toEqual([]);
});

describe("shared LANs", () => {
  test("are reached, under other addresses where they clash, and not through rules that drop it", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    expect(await look(home, "lan-access")).toEqual([]);
    await home.call("share.lan", { on: true });
    expect((await look(home, "lan-access"))[0]!.slice(0, 2)).toEqual(["devices of Home", "ok"]);
    const laptop = await guestOf(home, world, { ...LAPTOP, links: [link("wlan0")] });
    await world.until(() => laptop.status().networks[0]!.lanAccess.lans.length > 0, 5_000);
    expect((await look(laptop, "lan-access"))[0]).toMatchObject([
      "devices of Home",
      "ok",
      expect.stringMatching(/^Because/),
      "",
    ]);
    const docker = {
      family: "ip",
      table: "filter",
      name: "FORWARD",
      hook: "forward",
      prio: 0,
      policy: "drop",
    };
    home.probe.rules = { readable: true, legacy: false, rules: { nftables: [{ chain: docker }] } };
    expect((await look(home, "firewall")).map(([, status, , remedy]) => [status, remedy])).toEqual([
      ["warn", "nft insert rule ip filter FORWARD iifname castaway0 oifname eth0 accept"],
      ["warn", "nft insert rule ip filter FORWARD iifname eth0 oifname castaway0 accept"],
    ]);
  });

  test("our own table is in nobody's way", async () => {
    const world = new World();
    const home = await host(world, { ...HOME, links: [link("eth0")] });
    await home.call("share.lan", { on: true });
    const found = async (table: string): Promise<number> => {
      const chain = { family: "inet", table, name: "forward", hook: "forward", prio: 0, policy: "drop" };
      home.probe.rules = { readable: true, legacy: false, rules: { nftables: [{ chain }] } };
      return (await look(home, "firewall")).filter(([, status]) => status !== "ok").length;
    };
    expect(await found("castaway")).toBe(0);
    expect(await found("castaway-other")).toBe(2);
  });
});

import { describe, expect, test } from "vitest";
import { Driver, G, GMI, HOST, OWN, query, report } from "./querier-driver.ts";

const LOWER = "192.0.2.2";
const HIGHER = "192.0.2.200";
const S1 = "10.0.0.1";
const S2 = "10.0.0.2";

describe("general queries", () => {
  test("at start at once and with a short response time, again after a quarter, then every interval", () => {
    new Driver()
      .at(0)
      .expect("0 query general in 100 to 224.0.0.1")
      .at(31_249)
      .expect()
      .at(31_250)
      .expect("31250 query general in 100 to 224.0.0.1")
      .at(31_250 + 2 * 125_000)
      .expect("156250 query general in 10000 to 224.0.0.1", "281250 query general in 10000 to 224.0.0.1");
  });

  test("MLD asks ff02::1", () => {
    new Driver({ family: 6, ownAddress: "fe80::1" }).at(0).expect("0 query general in 100 to ff02::1");
  });

  test("an idle querier has one timer and wakes for its queries alone", () => {
    const driver = new Driver().at(1_000_000);
    expect(driver.wakeUps).toBe(9); // 0, 31.25 s, then every 125 s
  });

  test("no queries while the own address is unknown; listeners are learned all the same", () => {
    const driver = new Driver({ ownAddress: undefined });
    expect(driver.querier.pollTimeout()).toBeUndefined();
    driver.report("is-exclude").expect(`0 ${G} exclude()`).report("to-include").expect();
    driver.at(5_000).querier.setOwnAddress(OWN, 5_000);
    driver.at(5_000).expect("5000 query general in 100 to 224.0.0.1");
    driver.querier.setOwnAddress(undefined, 6_000);
    driver.at(GMI - 1).expect();
    driver.at(GMI).expect(`${GMI} ${G} nobody`);
    expect(driver.querier.pollTimeout()).toBeUndefined();
  });

  test("queries carry our robustness and interval", () => {
    const driver = new Driver({ robustness: 3, queryIntervalMs: 60_000 });
    driver.querier.handleTimeout(0);
    expect(driver.querier.nextCommand()).toEqual({
      type: "send",
      destination: "224.0.0.1",
      message: query({ robustness: 3, queryIntervalS: 60, maxResponseMs: 100 }),
    });
  });
});

describe("a computer that slept", () => {
  test("asks at once, and forgets nobody who could not be heard", () => {
    const driver = new Driver().settled().report("to-exclude").expect(`40000 ${G} exclude()`);
    const woken = 40_000 + 3_600_000;
    driver.now = woken;
    driver.querier.handleSlept(3_600_000, woken);
    driver.at(woken).expect(`${woken} query general in 100 to 224.0.0.1`);
    driver.querier.setOwnAddress(undefined, woken); // no more general queries in what is expected
    driver.at(woken + GMI - 1).expect();
    driver.at(woken + GMI).expect(`${woken + GMI} ${G} nobody`);
  });

  test("leaves the asking to whom it left it to", () => {
    const driver = new Driver()
      .settled()
      .receive(query(), LOWER)
      .report("to-exclude")
      .expect(`40000 ${G} exclude()`);
    driver.now += 600_000;
    driver.querier.handleSlept(600_000, driver.now);
    driver.at(driver.now + 200_000).expect();
    expect(driver.querier.isQuerier).toBe(false);
  });

  test("keeps sources for the time that they had left", () => {
    const driver = new Driver().settled().report("is-include", [S1]).expect(`40000 ${G} include(${S1})`);
    driver.at(140_000).querier.setOwnAddress(undefined, 140_000);
    driver.expect();
    driver.now = 500_000;
    driver.querier.handleSlept(360_000, driver.now);
    driver.at(500_000 + GMI - 100_000 - 1).expect();
    driver.at(500_000 + GMI - 100_000).expect(`${500_000 + GMI - 100_000} ${G} nobody`);
  });
});

describe("joins, leaves, timers", () => {
  test("a join is told at once, a refresh not; silence for the membership interval ends it", () => {
    const driver = new Driver().settled().report("to-exclude").expect(`40000 ${G} exclude()`);
    driver.at(50_000).report("is-exclude").expect();
    driver.querier.setOwnAddress(undefined, 50_000); // no more general queries in what is expected
    driver.at(50_000 + GMI - 1).expect();
    driver.at(50_000 + GMI).expect(`${50_000 + GMI} ${G} nobody`);
  });

  test("the last leave: two group-specific queries a second apart, then the end", () => {
    new Driver()
      .settled()
      .report("to-exclude")
      .expect(`40000 ${G} exclude()`)
      .report("to-include")
      .expect(`40000 query ${G} in 1000 to ${G}`)
      .at(41_999)
      .expect(`41000 query ${G} in 1000 to ${G}`)
      .at(42_000)
      .expect(`42000 ${G} nobody`);
  });

  test("a leave that another listener answers: the retransmission carries the S flag, nothing ends", () => {
    new Driver()
      .settled()
      .report("to-exclude")
      .expect(`40000 ${G} exclude()`)
      .report("to-include")
      .expect(`40000 query ${G} in 1000 to ${G}`)
      .at(40_500)
      .report("is-exclude", [], G, "192.0.2.51")
      .at(60_000)
      .expect(`41000 query ${G} S in 1000 to ${G}`);
  });

  test("a leave that is repeated (robustness) asks no more often", () => {
    new Driver()
      .settled()
      .report("to-exclude")
      .expect(`40000 ${G} exclude()`)
      .report("to-include")
      .at(40_100)
      .report("to-include")
      .at(40_200)
      .report("to-include")
      .expect(`40000 query ${G} in 1000 to ${G}`)
      .at(43_000)
      .expect(`41000 query ${G} in 1000 to ${G}`, `42000 ${G} nobody`);
  });

  test("a blocked source is asked for; one that somebody still wants goes on with S, the other ends", () => {
    new Driver()
      .settled()
      .report("allow", [S1, S2])
      .expect(`40000 ${G} include(${S1} ${S2})`)
      .report("block", [S1, S2])
      .expect(`40000 query ${G} ${S1} ${S2} in 1000 to ${G}`)
      .at(40_500)
      .report("is-include", [S2], G, "192.0.2.51")
      .at(41_000)
      .expect(`41000 query ${G} ${S2} S in 1000 to ${G}`, `41000 query ${G} ${S1} in 1000 to ${G}`)
      .at(42_000)
      .expect(`42000 ${G} include(${S2})`)
      .report("block", [S2])
      .at(50_000)
      .expect(
        `42000 query ${G} ${S2} in 1000 to ${G}`,
        `43000 query ${G} ${S2} in 1000 to ${G}`,
        `44000 ${G} nobody`,
      );
  });

  test("from EXCLUDE to INCLUDE: the group timer runs out, the sources that were named stay", () => {
    new Driver()
      .settled()
      .report("to-exclude", [S2])
      .expect(`40000 ${G} exclude(${S2})`)
      .report("to-include", [S1])
      .expect(`40000 query ${G} in 1000 to ${G}`)
      .at(42_000)
      .expect(`41000 query ${G} in 1000 to ${G}`, `42000 ${G} include(${S1})`);
  });

  test("a group question under way asks for the group's sources too: no further query with S for them", () => {
    new Driver()
      .settled()
      .report("to-exclude")
      .report("allow", [S1])
      .expect(`40000 ${G} exclude()`)
      .report("to-include")
      .expect(`40000 query ${G} in 1000 to ${G}`, `40000 query ${G} ${S1} in 1000 to ${G}`)
      .at(40_500)
      .report("is-include", [S1], G, "192.0.2.51")
      .at(42_000)
      .expect(`41000 query ${G} in 1000 to ${G}`, `42000 ${G} include(${S1})`);
  });

  test("in EXCLUDE mode a source that nobody answers for becomes excluded", () => {
    new Driver()
      .settled()
      .report("to-exclude")
      .expect(`40000 ${G} exclude()`)
      .report("block", [S1])
      .expect(`40000 query ${G} ${S1} in 1000 to ${G}`)
      .at(42_000)
      .expect(`41000 query ${G} ${S1} in 1000 to ${G}`, `42000 ${G} exclude(${S1})`)
      .report("allow", [S1])
      .expect(`42000 ${G} exclude()`);
  });

  test("MLD: the same, with its addresses", () => {
    const group = "ff1e::7";
    const driver = new Driver({ family: 6, ownAddress: "fe80::1" }).settled();
    driver.receive(report({ type: "allow", group, sources: ["2001:db8::5"] }), "fe80::99");
    driver.expect("40000 ff1e::7 include(2001:db8::5)");
    driver.receive(report({ type: "block", group, sources: ["2001:db8::5"] }), "fe80::99");
    driver
      .at(42_000)
      .expect(
        "40000 query ff1e::7 2001:db8::5 in 1000 to ff1e::7",
        "41000 query ff1e::7 2001:db8::5 in 1000 to ff1e::7",
        "42000 ff1e::7 nobody",
      );
  });

  test("fast leave: no question, no delay", () => {
    new Driver({ fastLeave: true })
      .settled()
      .report("to-exclude")
      .expect(`40000 ${G} exclude()`)
      .report("to-include")
      .expect(`40000 ${G} nobody`)
      .report("allow", [S1, S2])
      .report("block", [S1])
      .expect(`40000 ${G} include(${S1} ${S2})`, `40000 ${G} include(${S2})`)
      .report("block", [S2])
      .expect(`40000 ${G} nobody`)
      .at(100_000)
      .expect();
  });
});

describe("election", () => {
  test("a lower address asks from now on; after its silence we do again", () => {
    const driver = new Driver().settled().receive(query(), LOWER);
    expect(driver.querier.dump(driver.now)).toMatchObject({ role: "listener", querier: { address: LOWER } });
    driver.at(40_000 + 254_999).expect();
    driver.at(40_000 + 255_000).expect("295000 query general in 10000 to 224.0.0.1");
    driver.at(420_000).expect("420000 query general in 10000 to 224.0.0.1");
  });

  test("compared as numbers, not as text", () => {
    const driver = new Driver({ ownAddress: "192.0.2.10" }).settled().receive(query(), "192.0.2.9");
    expect(driver.querier.isQuerier).toBe(false);
  });

  test.each([HIGHER, "0.0.0.0", OWN])("%s does not win", (from) => {
    const driver = new Driver().settled().receive(query(), from);
    expect(driver.querier.isQuerier).toBe(true);
  });

  test("the lowest of several wins, a higher one does not take over from it", () => {
    const driver = new Driver().settled().receive(query(), "192.0.2.5").receive(query(), LOWER);
    driver.receive(query(), "192.0.2.5");
    expect(driver.querier.dump(0).querier.address).toBe(LOWER);
    expect(driver.querier.drops.notElected).toBe(1);
  });

  test("a router that does not ask sends no specific queries, and lowers its timers with the querier's", () => {
    const driver = new Driver().settled().receive(query(), LOWER).report("to-exclude");
    driver.expect(`40000 ${G} exclude()`).report("to-include").at(60_000).expect();
    driver
      .receive(query({ group: G, suppress: true }), LOWER)
      .at(70_000)
      .expect();
    driver
      .receive(query({ group: G }), LOWER)
      .at(72_000)
      .expect(`72000 ${G} nobody`);
  });

  test("and so for sources", () => {
    const driver = new Driver().settled().receive(query(), LOWER).report("allow", [S1, S2]);
    driver.expect(`40000 ${G} include(${S1} ${S2})`);
    driver
      .receive(query({ group: G, sources: [S1] }), LOWER)
      .at(42_000)
      .expect(`42000 ${G} include(${S2})`);
  });

  test("questions under way stop when another router takes over", () => {
    const driver = new Driver().settled().report("to-exclude").report("to-include");
    driver.expect(`40000 ${G} exclude()`, `40000 query ${G} in 1000 to ${G}`);
    driver.receive(query(), LOWER).at(42_000).expect(`42000 ${G} nobody`);
  });

  test("robustness and interval are the elected querier's, and our own again after it", () => {
    const driver = new Driver().settled();
    driver.receive(query({ robustness: 3, queryIntervalS: 20 }), LOWER).report("to-exclude");
    driver.expect(`40000 ${G} exclude()`);
    expect(driver.querier.dump(driver.now)).toMatchObject({
      querier: { robustness: 3, queryIntervalMs: 20_000, expiresInMs: 65_000 },
      groups: [{ group: G, expiresInMs: 70_000 }],
    });
    driver.at(105_000).expect("105000 query general in 10000 to 224.0.0.1").report("is-exclude");
    expect(driver.querier.dump(driver.now).groups[0]!.expiresInMs).toBe(GMI);
  });

  test("a query of an older version, which names neither, leaves ours; a forged interval is cut", () => {
    const driver = new Driver().settled();
    driver.receive(query({ version: 2, robustness: 0, queryIntervalS: 0 }), LOWER);
    expect(driver.querier.dump(0).querier).toMatchObject({
      version: 2,
      robustness: 2,
      queryIntervalMs: 125_000,
    });
    driver.receive(query({ robustness: 7, queryIntervalS: 31_744 }), LOWER);
    expect(driver.querier.dump(0).querier.queryIntervalMs).toBe(600_000);
  });

  test("a new own address that is lower takes over at once", () => {
    const driver = new Driver().settled().receive(query(), LOWER);
    driver.querier.setOwnAddress("192.0.2.1", driver.now);
    driver.at(driver.now).expect("40000 query general in 100 to 224.0.0.1");
  });
});

describe("hosts of older versions", () => {
  test("an IGMPv2 host joins and leaves", () => {
    new Driver()
      .settled()
      .receive({ kind: "report-old", version: 2, group: G })
      .expect(`40000 ${G} exclude()`)
      .receive({ kind: "leave", group: G })
      .at(42_000)
      .expect(`40000 query ${G} in 1000 to ${G}`, `41000 query ${G} in 1000 to ${G}`, `42000 ${G} nobody`);
  });

  test("in version 2 mode BLOCK and the sources of TO_EX are ignored; version 3 comes back after a time", () => {
    const driver = new Driver().settled().receive({ kind: "report-old", version: 2, group: G });
    driver.report("block", [S1]).report("to-exclude", [S1]).at(60_000).expect(`40000 ${G} exclude()`);
    expect(driver.querier.dump(60_000).groups[0]!.version).toBe(2);
    driver
      .at(250_000)
      .report("is-exclude")
      .at(40_000 + GMI);
    expect(driver.querier.dump(40_000 + GMI).groups[0]!.version).toBe(3);
    driver.expect("156250 query general in 10000 to 224.0.0.1", "281250 query general in 10000 to 224.0.0.1");
    driver.report("block", [S1]).expect(`300000 query ${G} ${S1} in 1000 to ${G}`);
  });

  test("in version 1 mode leaves are ignored as well", () => {
    const driver = new Driver().settled().receive({ kind: "report-old", version: 1, group: G });
    driver.receive({ kind: "report-old", version: 2, group: G }).expect(`40000 ${G} exclude()`);
    driver.receive({ kind: "leave", group: G }).report("to-include").at(100_000).expect();
    expect(driver.querier.dump(100_000).groups[0]!.version).toBe(1);
  });
});

describe("what is dropped, and counted", () => {
  test.each([
    ["224.0.0.251", "linkLocalGroup"],
    ["10.0.0.1", "badGroup"],
    ["ff1e::1", "badGroup"],
  ] as const)("a record of %s: %s", (group, reason) => {
    const driver = new Driver().settled().report("to-exclude", [], group).expect();
    expect(driver.querier.drops[reason]).toBe(1);
  });

  test.each(["ff02::fb", "ff01::1", "ff12::5", "ff32::8000:1"])("%s is link-local", (group) => {
    const driver = new Driver({ family: 6, ownAddress: "fe80::1" }).settled();
    driver.report("to-exclude", [], group, "fe80::2").expect();
    expect(driver.querier.drops.linkLocalGroup).toBe(1);
  });

  test.each(["2001:db8::1", "192.0.2.1", "ff02::1"])("an MLD report from %s", (from) => {
    const driver = new Driver({ family: 6, ownAddress: "fe80::1" }).settled();
    driver.report("to-exclude", [], "ff1e::1", from).expect();
    expect(driver.querier.drops.badSender).toBe(1);
  });

  test("an MLD report from :: counts: the host's address is still tentative", () => {
    new Driver({ family: 6, ownAddress: "fe80::1" })
      .settled()
      .report("to-exclude", [], "ff1e::1", "::")
      .expect("40000 ff1e::1 exclude()");
  });

  test("a leave of an unknown group makes no state and asks nothing", () => {
    const driver = new Driver().settled().receive({ kind: "leave", group: G }).report("block", [S1]);
    driver.expect();
    expect(driver.querier.drops.nothingToLeave).toBe(2);
  });

  test("sources that can be none, in the middle of good ones", () => {
    const driver = new Driver().settled().report("allow", [S1, "224.1.1.1", "0.0.0.0", "2001:db8::1", S2]);
    driver.expect(`40000 ${G} include(${S1} ${S2})`);
    expect(driver.querier.drops.badSource).toBe(3);
  });

  test("a hostile host: endless groups and endless sources", () => {
    const driver = new Driver({ maxGroups: 100, maxSourcesPerGroup: 10 }).settled();
    const many = Array.from({ length: 1000 }, (_, i) => `10.1.${i >> 8}.${i & 255}`);
    for (let i = 0; i < 20_000; i++) {
      const group = `239.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
      driver.querier.handleMessage(report({ type: "to-exclude", group, sources: [] }), HOST, driver.now);
    }
    for (let i = 0; i < 50; i++)
      for (const type of [
        "allow",
        "block",
        "to-exclude",
        "is-include",
        "is-exclude",
        "to-include",
      ] as const) {
        const sources = many.slice(i * 10, i * 10 + 40);
        driver.querier.handleMessage(report({ type, group: "239.0.0.1", sources }), HOST, driver.now);
      }
    const { groups, drops } = driver.querier.dump(driver.now);
    expect(groups).toHaveLength(100);
    for (const { requested, excluded } of groups)
      expect(requested.length + excluded.length).toBeLessThanOrEqual(10);
    expect(drops.tooManyGroups).toBe(19_900);
    expect(drops.tooManySources).toBeGreaterThan(5000);
    driver.at(40_000 + GMI);
    expect(driver.querier.dump(driver.now).groups).toEqual([]);
  });
});

test("the dump shows groups, filters, timers, version and querier", () => {
  const driver = new Driver().settled().report("to-exclude", [S1]).at(41_000).report("allow", [S2]);
  expect(driver.querier.dump(45_000)).toEqual({
    role: "querier",
    querier: { address: OWN, version: 3, robustness: 2, queryIntervalMs: 125_000, expiresInMs: undefined },
    groups: [
      {
        group: G,
        mode: "exclude",
        version: 3,
        expiresInMs: GMI - 5_000,
        requested: [{ source: S2, expiresInMs: GMI - 4_000 }],
        excluded: [S1],
      },
    ],
    drops: {
      badSender: 0,
      notElected: 0,
      badGroup: 0,
      linkLocalGroup: 0,
      nothingToLeave: 0,
      tooManyGroups: 0,
      badSource: 0,
      tooManySources: 0,
    },
  });
});

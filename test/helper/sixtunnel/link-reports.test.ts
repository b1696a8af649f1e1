import { expect, test } from "vitest";
import { ANY_SOURCE } from "#protocol/membership/source-filter.ts";
import { LinkReports, REFRESH_MS, REPEAT_MS } from "#protocol/sixtunnel/link-reports.ts";
import { decodeMembershipPacket } from "#wire/membership-packet.ts";

const GROUP = "ff1e::1";
const OTHER = "ff3e::2";
const SSM = { mode: "include", sources: new Set(["2001:db8::5"]) } as const;

/** "type group sources" of each record; nothing but version 2 reports from our address. */
function told(reports: LinkReports): string[] {
  return reports.takePackets().flatMap((packet) => {
    const decoded = decodeMembershipPacket(packet);
    if ("refused" in decoded || decoded.message.kind !== "report") throw new Error("it is no report");
    expect(decoded).toMatchObject({ source: "fe80::2", destination: "ff02::16", hopLimit: 1 });
    return decoded.message.records.map(({ type, group, sources }) => `${type} ${group} ${sources.join()}`);
  });
}

test("a change is told at once and again, and all in whole every minute", () => {
  const reports = new LinkReports("fe80::2");
  expect(reports.pollTimeout()).toBeUndefined();
  reports.want(GROUP, ANY_SOURCE, 0);
  expect(told(reports)).toEqual([`to-exclude ${GROUP} `]);
  reports.want(OTHER, SSM, 10);
  expect(told(reports)).toEqual([`allow ${OTHER} 2001:db8::5`]);
  expect(reports.pollTimeout()).toBe(REPEAT_MS);
  reports.handleTimeout(REPEAT_MS);
  expect(told(reports)).toEqual([`to-exclude ${GROUP} `, `allow ${OTHER} 2001:db8::5`]);
  expect(reports.pollTimeout()).toBe(REFRESH_MS);
  reports.handleTimeout(REFRESH_MS);
  expect(told(reports)).toEqual([`is-exclude ${GROUP} `, `is-include ${OTHER} 2001:db8::5`]);
  expect(reports.pollTimeout()).toBe(2 * REFRESH_MS);
});

test("what is not wanted any more is told, and then nothing more is said", () => {
  const reports = new LinkReports("fe80::2");
  reports.want(GROUP, ANY_SOURCE, 0);
  reports.handleTimeout(REPEAT_MS);
  told(reports);
  reports.want(GROUP, undefined, 5_000);
  expect(told(reports)).toEqual([`to-include ${GROUP} `]);
  reports.want(GROUP, undefined, 5_100);
  expect(told(reports)).toEqual([]);
  reports.handleTimeout(6_000);
  expect(told(reports)).toEqual([`to-include ${GROUP} `]);
  reports.handleTimeout(REFRESH_MS);
  expect(told(reports)).toEqual([]);
  expect(reports.pollTimeout()).toBeUndefined();
});

test("queries are answered, once a second at most; with nothing wanted, not at all", () => {
  const reports = new LinkReports("fe80::2");
  reports.handleQuery(0);
  expect(reports.pollTimeout()).toBeUndefined();
  reports.want(GROUP, ANY_SOURCE, 0);
  reports.handleTimeout(REPEAT_MS);
  told(reports);
  reports.handleQuery(2_000);
  expect(reports.pollTimeout()).toBe(2_000);
  reports.handleTimeout(2_000);
  expect(told(reports)).toEqual([`is-exclude ${GROUP} `]);
  for (let query = 0; query < 1_000; query++) reports.handleQuery(2_001);
  expect(reports.pollTimeout()).toBe(2_000 + REPEAT_MS);
  reports.handleTimeout(2_000 + REPEAT_MS);
  expect(told(reports)).toHaveLength(1);
});

test("more than a packet holds goes in several", () => {
  const reports = new LinkReports("fe80::2");
  for (let n = 0; n < 200; n++) reports.want(`ff1e::${(n + 1).toString(16)}`, ANY_SOURCE, 0);
  reports.handleTimeout(REPEAT_MS);
  reports.takePackets();
  reports.handleTimeout(REFRESH_MS);
  const packets = reports.takePackets();
  expect(packets.length).toBeGreaterThan(1);
  expect(packets.every(({ length }) => length <= 1_280)).toBe(true);
});

import { beforeEach, describe, expect, test } from "vitest";
import { RouterAdvertiser, type AdvertiserConfig } from "#protocol/router/router-advertiser.ts";
import { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { parsePrefix } from "#wire/address.ts";
import {
  decodeRouterAdvertisement,
  encodeRouterSolicitation,
  type RouterAdvertisement,
} from "#wire/router-discovery.ts";

const CONFIG: AdvertiserConfig = {
  prefixes: [parsePrefix("fd12:3456:789a:2::/64")],
  routes: [parsePrefix("fd12:3456:789a::/48")],
  mac: Uint8Array.of(2, 0, 0, 0, 0, 1),
};
const OTHER = parsePrefix("fd99:1:1:5::/64");
const SOLICITATION = encodeRouterSolicitation({ sourceLinkLayer: undefined });

let advertiser: RouterAdvertiser;
let now: number;

beforeEach(() => {
  now = 1_000_000;
  const random = new SeededRandom(3);
  advertiser = new RouterAdvertiser(CONFIG, { bytes: (length) => random.bytes(length) }, now);
});

function taken(): RouterAdvertisement[] {
  const all: RouterAdvertisement[] = [];
  for (let message; (message = advertiser.nextMessage());) all.push(decodeRouterAdvertisement(message)!);
  return all;
}

/** Lets the time pass. Returns what was sent, with when. */
function run(ms: number): { at: number; ra: RouterAdvertisement }[] {
  const sent: { at: number; ra: RouterAdvertisement }[] = [];
  const end = now + ms;
  for (;;) {
    const due = advertiser.pollTimeout();
    if (due === undefined || due > end) break;
    now = Math.max(now, due);
    advertiser.handleTimeout(now);
    for (const ra of taken()) sent.push({ at: now, ra });
  }
  now = end;
  return sent;
}

test("hosts learn the prefix, the routes, and a router that they need not prefer", () => {
  const { ra } = run(0)[0]!;
  expect(ra).toMatchObject({ preference: "low", routerLifetime: 600, managed: false });
  expect(ra.prefixes).toEqual([
    {
      prefix: CONFIG.prefixes[0],
      onLink: true,
      autonomous: true,
      validLifetime: 7_200,
      preferredLifetime: 1_800,
    },
  ]);
  expect(ra.routes).toEqual([{ prefix: CONFIG.routes[0], preference: "medium", lifetime: 600 }]);
});

test("three at the start, 16 s apart at most; then 66 to 200 s apart", () => {
  const times = run(3_600_000).map(({ at }) => at);
  const gaps = times.slice(1).map((at, i) => at - times[i]!);
  for (const gap of gaps.slice(0, 3)) expect(gap).toBeLessThanOrEqual(16_000);
  for (const gap of gaps.slice(3)) {
    expect(gap).toBeGreaterThanOrEqual(66_000);
    expect(gap).toBeLessThan(200_000);
  }
  expect(new Set(gaps.slice(3)).size).toBeGreaterThan(5);
});

describe("a solicitation", () => {
  beforeEach(() => run(600_000));

  test("is answered within half a second", () => {
    advertiser.handleMessage(SOLICITATION, "fe80::9", now);
    const asked = now;
    const { at } = run(500)[0]!;
    expect(at - asked).toBeLessThanOrEqual(500);
  });

  test("a thousand of them: one answer in three seconds", () => {
    run(10_000);
    const sent: number[] = [];
    for (let i = 0; i < 1_000; i++) {
      advertiser.handleMessage(SOLICITATION, "::", now);
      sent.push(...run(10).map(({ at }) => at));
    }
    expect(sent.length).toBeLessThanOrEqual(4);
    expect(sent.length).toBeGreaterThanOrEqual(3);
  });

  test("that is damaged is counted, and not answered", () => {
    const before = advertiser.pollTimeout();
    advertiser.handleMessage({ ...SOLICITATION, code: 9 }, "fe80::9", now);
    advertiser.handleMessage({ type: 133, code: 0, body: new Uint8Array(2) }, "fe80::9", now);
    expect(advertiser.invalid).toBe(2);
    expect(advertiser.pollTimeout()).toBe(before);
  });

  test("other messages change nothing", () => {
    const before = advertiser.pollTimeout();
    advertiser.handleMessage({ type: 134, code: 0, body: new Uint8Array(12) }, "fe80::9", now);
    expect(advertiser.invalid).toBe(0);
    expect(advertiser.pollTimeout()).toBe(before);
  });
});

test("another prefix: told at once, and what went is deprecated for a while", () => {
  run(600_000);
  advertiser.configure({ ...CONFIG, prefixes: [OTHER] }, now);
  const sent = run(60_000);
  expect(sent.length).toBeGreaterThanOrEqual(3);
  const { ra } = sent[0]!;
  expect(ra.prefixes.map(({ prefix, preferredLifetime }) => [prefix, preferredLifetime])).toEqual([
    [OTHER, 1_800],
    [CONFIG.prefixes[0], 0],
  ]);
  expect(run(600_000).at(-1)!.ra.prefixes).toHaveLength(1);
});

test("at its end: no router any more, nothing to be preferred, and silence", () => {
  run(600_000);
  advertiser.stop();
  advertiser.stop();
  const sent = taken();
  expect(sent).toHaveLength(1);
  expect(sent[0]).toMatchObject({ routerLifetime: 0 });
  expect(sent[0]!.prefixes.map(({ preferredLifetime }) => preferredLifetime)).toEqual([0]);
  expect(sent[0]!.routes.map(({ lifetime }) => lifetime)).toEqual([0]);
  advertiser.handleMessage(SOLICITATION, "fe80::9", now);
  expect(run(600_000)).toEqual([]);
});

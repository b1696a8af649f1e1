import { describe, expect, test } from "vitest";
import { convertIgmpproxy } from "#runtime/routes-file/igmpproxy.ts";
import { parseRoutesText } from "#runtime/routes-file/grammar.ts";

const convert = (text: string) => convertIgmpproxy(text, "f");
const told = (text: string): string[] =>
  convert(text).problems.map(({ line, severity, message }) => `${line} ${severity}: ${message}`);

/** The example that comes with the program. */
const EXAMPLE = `
##  Enable Quickleave mode (Sends Leave instantly)
quickleave

phyint eth0 upstream  ratelimit 0  threshold 1
        altnet 10.0.0.0/8 
        altnet 192.168.0.0/24

phyint eth1 downstream  ratelimit 0  threshold 1
phyint eth2 disabled
`;

describe("igmpproxy's configuration becomes a routes file", () => {
  test("its own example", () => {
    const { text, problems } = convert(EXAMPLE);
    expect(problems).toEqual([]);
    expect(text).toBe(
      "quickleave\nphyint eth0 upstream altnet 10.0.0.0/8 altnet 192.168.0.0/24\nphyint eth1 downstream\nphyint eth2 disabled\n",
    );
    expect(parseRoutesText(text, "f").problems).toEqual([]);
  });

  test("lists, thresholds, and words on many lines", () => {
    const { text, problems } = convert(
      "phyint ppp0\nupstream altnet 10.0.0.0/8 172.16.0.0/12 # both\nwhitelist\n239.0.0.0/8\nphyint br0 downstream threshold 5 blacklist 239.255.0.0/16",
    );
    expect(problems).toEqual([]);
    expect(text).toBe(
      "phyint ppp0 upstream altnet 10.0.0.0/8 altnet 172.16.0.0/12 whitelist 239.0.0.0/8\n" +
        "phyint br0 downstream ttl-threshold 5 blacklist 239.255.0.0/16\n",
    );
    expect(parseRoutesText(text, "f").problems).toEqual([]);
  });

  test("what is another thing here is told with its line", () => {
    expect(
      told("phyint eth0 upstream\nphyint eth1 downstream ratelimit 100\nphyint eth0:0 disabled\nuser nobody"),
    ).toEqual([
      expect.stringMatching(/^1 warning: .*unless an altnet/),
      expect.stringMatching(/^2 warning: ratelimit 100 is left out/),
      expect.stringMatching(/^3 warning: eth0:0 is a further address/),
      expect.stringMatching(/^4 warning: user/),
    ]);
    expect(told("phyint eth1 downstream")).toEqual([
      expect.stringMatching(/^0 warning: no interface is upstream/),
    ]);
  });

  test.each([
    ["phyint", /^1 error: phyint names no interface/],
    ["phyint eth0", /^1 error: eth0 is none of upstream/],
    ["phyint eth0 upstream\n altnet", /^2 error: nothing follows altnet/],
    ["phyint eth0 upstream\n altnet 10.0.0.1/8", /^2 error: .*bits set/],
    ["phyint eth0 upstream altnet 10.0.0", /^1 error: not an IP address/],
    ["phyint eth0 upstream whitelist 10.0.0.0/8", /^1 error: .*no range of groups/],
    ["phyint eth0 upstream threshold 0", /^1 error: threshold takes/],
    ["phyint eth0 upstream ratelimit fast", /^1 error: ratelimit takes a number/],
    ["phyint eth0 upstream altnet 10.0.0.0/8\n\nphyint eth1 upstream", /^3 error: a proxy has one upstream/],
    ["phyint eth0 upstream altnet 10.0.0.0/8 ttl 5", /^1 error: "ttl" is none of/],
    ["phyint eth0\u0000 upstream", /^1 error: phyint names no interface/],
    ["nonsense", /^1 error: "nonsense" is none of/],
  ])("%j is a mistake", (text, message) => {
    expect(told(text).find((line) => line.includes("error"))).toMatch(message);
  });

  test("any text ends, with a bounded number of mistakes", () => {
    expect(convert("phyint ".repeat(50_000)).problems.length).toBeLessThanOrEqual(100);
    expect(convert("altnet 1.2.3.4 ".repeat(50_000)).problems.length).toBeLessThanOrEqual(100);
  });
});

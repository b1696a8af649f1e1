import { expect, test } from "vitest";
import { streamTargets } from "#protocol/reach/stream-targets.ts";

const candidates = [
  { host: "home.example", port: 42268 },
  { host: "192.0.2.7", port: 4000 },
];
const endpoints = [
  { address: "203.0.113.2", port: 42268 },
  { address: "192.0.2.7", port: 4000 },
];
const shown = (choices: Partial<Parameters<typeof streamTargets>[0]>): string[] =>
  streamTargets({ candidates, endpoints, tcp: true, proxy: false, ...choices }).map(
    ({ kind, host, port, proxied }) => `${kind} ${host}:${port}${proxied ? " proxied" : ""}`,
  );

test("TCP at each address and port, and TLS at port 443 of each address", () => {
  expect(shown({})).toEqual([
    "tcp 203.0.113.2:42268",
    "tls 203.0.113.2:443",
    "tcp 192.0.2.7:4000",
    "tls 192.0.2.7:443",
  ]);
});

test("a proxy is asked by the names of the invite, and soon", () => {
  expect(shown({ proxy: true })).toEqual([
    "tcp 203.0.113.2:42268",
    "tls home.example:443 proxied",
    "tls 203.0.113.2:443",
    "tcp 192.0.2.7:4000",
    "tls 192.0.2.7:443 proxied",
    "tls 192.0.2.7:443",
  ]);
  expect(shown({ proxy: true, endpoints: [] })).toEqual([
    "tls home.example:443 proxied",
    "tls 192.0.2.7:443 proxied",
  ]);
});

test("nothing twice, no stream as a place to go, and nothing at all where TCP is off", () => {
  const twice = [...endpoints, ...endpoints, { address: "198.51.100.1", port: 1, stream: 4 }];
  expect(shown({ endpoints: twice })).toEqual(shown({}));
  expect(shown({ tcp: false, proxy: true })).toEqual([]);
});

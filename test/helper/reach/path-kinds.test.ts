import { expect, test } from "vitest";
import { PathKinds } from "#runtime/reach/path-kinds.ts";

const UDP = { address: "192.0.2.1", port: 4000 };

test("what nobody noted is direct, or TCP where it is a stream", () => {
  const paths = new PathKinds();
  expect([paths.of(UDP), paths.of({ ...UDP, stream: 3 })]).toEqual(["direct", "tcp"]);
  expect(paths.text(UDP)).toBe("directly over UDP");
});

test("a stream and a UDP endpoint with the same address are two, and the last note counts", () => {
  const paths = new PathKinds();
  paths.note(UDP, "mapped");
  paths.note({ ...UDP, stream: 3 }, "tls");
  paths.note(UDP, "relayed", "meet.example");
  expect([paths.of(UDP), paths.of({ ...UDP, stream: 3 }), paths.of({ ...UDP, stream: 4 })]).toEqual([
    "relayed",
    "tls",
    "tcp",
  ]);
  expect(paths.text(UDP)).toBe("relayed by meet.example");
  paths.forget(UDP);
  expect(paths.of(UDP)).toBe("direct");
});

test("it does not grow without bound", () => {
  const paths = new PathKinds();
  for (let port = 1; port <= 5_000; port++) paths.note({ ...UDP, port }, "punched");
  expect(paths.size).toBe(1_024);
  expect([paths.of({ ...UDP, port: 5_000 }), paths.of({ ...UDP, port: 1 })]).toEqual(["punched", "direct"]);
});

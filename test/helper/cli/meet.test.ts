import { expect, test } from "vitest";
import { MeetPoint, MEET_LIMITS } from "#meet/meet-point.ts";
import { run } from "./run.ts";

test("meet: options as the meeting point takes them", async () => {
  const { code, meet } = await run([
    "meet",
    "--port",
    "4000",
    "--address",
    "192.0.2.1",
    "--pairs",
    "2",
    "--json",
  ]);
  expect(code).toBe(0);
  expect(meet).toMatchObject({ port: 4000, address: "192.0.2.1", relayPort: 42300, pairs: 2, json: true });
});

test.each([
  ["--port", "0"],
  ["--address", "meet.example"],
  ["--pairs", "9999"],
  ["--relay-port", "65500"],
])("meet %s %s is wrong use", async (option, value) => {
  const { code, err, meet } = await run(["meet", option, value]);
  expect(code).toBe(2);
  expect(err).toMatch(/^castaway: /);
  expect(meet).toBeUndefined();
});

test("an address that this computer does not have is said, before anything else happens", async () => {
  const options = { port: 0, address: "192.0.2.1", firstRelayPort: 42300, limits: MEET_LIMITS };
  await expect(MeetPoint.start(options)).rejects.toThrow("EADDRNOTAVAIL");
});

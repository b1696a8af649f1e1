import { expect, test } from "vitest";
import { Admission, GREETING_MS, MAX_PENDING, MAX_PENDING_OF_ONE } from "#protocol/sixtunnel/admission.ts";
import { Assignments } from "#protocol/sixtunnel/assignments.ts";
import { parsePrefix, prefixText } from "#wire/address.ts";

const ID = "00:11:22:33:44:55";
const OTHER = "00:11:22:33:44:66";

function admission(range = "2001:db8::/48", knownOnly = false): Admission<string> {
  return new Admission<string>(new Assignments(parsePrefix(range)), knownOnly);
}

function admit(to: Admission<string>, connection: string, from: string, id: string) {
  expect(to.handleConnection(connection, from, 0)).toBe(true);
  const result = to.handleHello(connection, id);
  return typeof result === "string" ? result : { ...result, prefix: prefixText(result.prefix) };
}

test("the same Id gets the same prefix again", () => {
  const clients = admission();
  expect(admit(clients, "a", "192.0.2.1", ID)).toEqual({
    prefix: "2001:db8:0:1::/64",
    isNew: true,
    replaced: undefined,
  });
  clients.handleClosed("a");
  expect(admit(clients, "b", "192.0.2.9", ID)).toMatchObject({ prefix: "2001:db8:0:1::/64", isNew: false });
});

test("an Id that is connected is another address's for nobody", () => {
  const clients = admission();
  admit(clients, "a", "192.0.2.1", ID);
  expect(admit(clients, "thief", "192.0.2.2", ID)).toBe("in-use");
  expect(clients.clients).toBe(1);
  clients.handleClosed("thief");
  expect(admit(clients, "thief again", "192.0.2.2", ID)).toBe("in-use");
});

test("from the same address it is the client itself, started anew: the old connection is replaced", () => {
  const clients = admission();
  admit(clients, "a", "192.0.2.1", ID);
  expect(admit(clients, "b", "192.0.2.1", ID)).toMatchObject({ replaced: "a" });
  clients.handleClosed("a"); // its end comes later, and takes nothing from the new one
  expect(clients.clients).toBe(1);
  expect(admit(clients, "c", "192.0.2.2", ID)).toBe("in-use");
});

test("known ones alone, or none left: that one is refused, the others stay", () => {
  expect(admit(admission("2001:db8::/48", true), "a", "192.0.2.1", ID)).toBe("unknown");
  const clients = admission("2001:db8::/64");
  admit(clients, "a", "192.0.2.1", ID);
  expect(admit(clients, "b", "192.0.2.2", OTHER)).toBe("exhausted");
  expect(clients.clients).toBe(1);
});

test("connections that say nothing are bounded, in all and of one address, and end", () => {
  const clients = admission();
  for (let n = 0; n < MAX_PENDING_OF_ONE; n++)
    expect(clients.handleConnection(`same ${n}`, "192.0.2.1", n)).toBe(true);
  expect(clients.handleConnection("one more", "192.0.2.1", 0)).toBe(false);
  for (let n = MAX_PENDING_OF_ONE; n < MAX_PENDING; n++)
    expect(clients.handleConnection(`${n}`, `192.0.2.${n + 10}`, 100)).toBe(true);
  expect(clients.handleConnection("one too many", "198.51.100.1", 100)).toBe(false);
  expect(clients.pollTimeout()).toBe(GREETING_MS);
  expect(clients.handleTimeout(GREETING_MS + 2)).toEqual(["same 0", "same 1", "same 2"]);
  expect(clients.handleConnection("there is room", "192.0.2.1", GREETING_MS + 2)).toBe(true);
  expect(clients.pollTimeout()).toBe(GREETING_MS + 3);
});

test("one that has said who it is has all the time", () => {
  const clients = admission();
  admit(clients, "a", "192.0.2.1", ID);
  expect(clients.pollTimeout()).toBeUndefined();
  expect(clients.handleTimeout(10 * GREETING_MS)).toEqual([]);
});

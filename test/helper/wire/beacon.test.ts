import { expect, test } from "vitest";
import { beaconMacInput, decodeBeacon, encodeBeacon, type Beacon } from "#wire/beacon.ts";
import { DecodeError, EncodeError } from "#wire/cursor.ts";

const beacon: Beacon = {
  priority: 0x0102,
  memberId: Uint8Array.fromHex("a1a2a3a4a5a6a7a8"),
  interface: Uint8Array.fromHex("020000000001"),
  sequence: 0x6900_0000_0000_0007n,
  networks: [
    {
      tag: Uint8Array.fromHex("b1b2b3b4b5b6b7b8"),
      forwarding: true,
      leaving: false,
      mac: Uint8Array.fromHex("c0c1c2c3c4c5c6c7c8c9cacbcccdcecf"),
    },
    { tag: new Uint8Array(8), forwarding: false, leaving: true, mac: new Uint8Array(16) },
  ],
};
const hex =
  "43577742 01 02 0102 a1a2a3a4a5a6a7a8 020000000001 0000 6900000000000007" +
  "b1b2b3b4b5b6b7b8 01 c0c1c2c3c4c5c6c7c8c9cacbcccdcecf" +
  "0000000000000000 02 00000000000000000000000000000000";
const bytes = Uint8Array.fromHex(hex.replaceAll(" ", ""));

test("a beacon and its bytes", () => {
  expect(encodeBeacon(beacon).toHex()).toBe(bytes.toHex());
  expect(decodeBeacon(bytes)).toEqual(beacon);
});

test("Ethernet's padding behind it does not matter", () => {
  expect(decodeBeacon(new Uint8Array([...bytes, 0, 0, 0]))).toEqual(beacon);
});

test.each([
  ["magic", 0, 0x44],
  ["version", 4, 2],
  ["more networks than there are", 5, 3],
  ["too many networks", 5, 17],
  ["reserved", 22, 1],
  ["flags", 40, 4],
])("%s", (_, at, value) => {
  const corrupted = bytes.slice();
  corrupted[at] = value;
  expect(() => decodeBeacon(corrupted)).toThrow(DecodeError);
});

test("every truncation is refused", () => {
  for (let length = 0; length < bytes.length; length++)
    expect(() => decodeBeacon(bytes.subarray(0, length))).toThrow(DecodeError);
});

test("a MAC covers header, tag and flags", () => {
  const [entry] = beacon.networks;
  const input = beaconMacInput(beacon, entry!).toHex();
  expect(input).toBe(bytes.subarray(0, 41).toHex());
  expect(beaconMacInput({ ...beacon, priority: 3 }, entry!).toHex()).not.toBe(input);
  expect(beaconMacInput(beacon, { ...entry!, leaving: true }).toHex()).not.toBe(input);
});

test("fields of wrong length are our own fault", () => {
  expect(() => encodeBeacon({ ...beacon, memberId: new Uint8Array(7) })).toThrow(EncodeError);
  const networks = Array.from({ length: 17 }, () => beacon.networks[0]!);
  expect(() => encodeBeacon({ ...beacon, networks })).toThrow(EncodeError);
});

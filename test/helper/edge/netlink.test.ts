import { describe, expect, test } from "vitest";
import { decodeEvent, listInterfaces } from "#edge/linux/interfaces.ts";
import {
  decodeAttributes,
  encodeAttributes,
  nested,
  readText,
  readU32,
  text,
  u32,
} from "#edge/linux/netlink-attributes.ts";
import { decodeMessages, encodeMessage, NetlinkSocket } from "#edge/linux/netlink.ts";

describe("netlink", () => {
  test.skipIf(process.platform !== "linux")(
    "a socket that was closed asks nobody, whoever has its number now",
    () => {
      const socket = new NetlinkSocket();
      expect(listInterfaces(socket).map(({ name }) => name)).toContain("lo");
      socket.close();
      const other = new NetlinkSocket(); // the same number, most likely
      expect(() => listInterfaces(socket)).toThrow("EBADF");
      socket.close(); // and not the other one's
      expect(listInterfaces(other).map(({ name }) => name)).toContain("lo");
      other.close();
    },
  );

  test("attributes: padded, nested, and back", () => {
    const bytes = encodeAttributes([[3, text("lan0")], nested(26, [[4, u32(1500)]])]);
    expect(bytes.toString("hex")).toBe("090003006c616e30000000000c001a8008000400dc050000");
    const attributes = decodeAttributes(bytes);
    expect(readText(attributes, 3)).toBe("lan0");
    expect(readU32(decodeAttributes(attributes.get(26)!), 4)).toBe(1500);
    expect(readU32(attributes, 99)).toBeUndefined();
  });

  test("several messages of one read", () => {
    const both = Buffer.concat([
      encodeMessage(16, 2, 7, Buffer.alloc(4, 1)),
      encodeMessage(3, 0, 7, Buffer.alloc(0)),
    ]);
    expect(decodeMessages(both)).toEqual([
      { type: 16, flags: 2, sequence: 7, payload: Buffer.alloc(4, 1) },
      { type: 3, flags: 0, sequence: 7, payload: Buffer.alloc(0) },
    ]);
  });

  test("lengths beyond the end or below the header throw", () => {
    const attribute = Buffer.from("0900030061000000", "hex");
    expect(() => decodeAttributes(attribute)).toThrow("attribute of 9 bytes at 0 of 8");
    expect(() => decodeAttributes(Buffer.from("03000300", "hex"))).toThrow("attribute of 3 bytes");
    const message = encodeMessage(16, 0, 1, Buffer.alloc(4));
    expect(() => decodeMessages(message.subarray(0, 19))).toThrow("message of 20 bytes at 0 of 19");
    message.writeUInt32LE(8, 0);
    expect(() => decodeMessages(message)).toThrow("message of 8 bytes");
  });
});

describe("events", () => {
  const ADDRESS = Buffer.from("021800000300000008000200c0000201", "hex"); // 192.0.2.1/24 on 3
  const ROUTE = Buffer.from("02000000fe040001000000000800040003000000", "hex");
  test("an address, a default route, and what is neither", () => {
    const event = (type: number, payload: Buffer): unknown =>
      decodeEvent({ type, flags: 0, sequence: 0, payload });
    const prefix = { address: "192.0.2.1", length: 24 };
    expect(event(20, ADDRESS)).toEqual({ type: "address-added", index: 3, prefix });
    expect(event(21, ADDRESS)).toEqual({ type: "address-removed", index: 3, prefix });
    expect(event(24, ROUTE)).toEqual({ type: "default-route-changed" });
    const network = Buffer.from(ROUTE);
    network[1] = 24;
    expect(event(24, network)).toBeUndefined();
    expect(event(99, ROUTE)).toBeUndefined();
    expect(event(20, Buffer.alloc(4))).toBeUndefined();
  });
});

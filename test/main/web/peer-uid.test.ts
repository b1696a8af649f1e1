import { once } from "node:events";
import { type AddressInfo, connect, createServer } from "node:net";
import { expect, test } from "vitest";
import { peerUid, trustedUids, uidInTable } from "#main/web/peer-uid.ts";

/** proc_net_tcp(5), with a listener, both ends of a connection, and one that has ended. */
const TABLE = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:A51F 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 1 1 0000 100 0 0 10 0
   1: 0100007F:A51F 0100007F:C001 01 00000000:00000000 00:00000000 00000000  1000        0 2 1 0000 20 4 30 10 -1
   2: 0100007F:C001 0100007F:A51F 01 00000000:00000000 00:00000000 00000000  1001        0 3 1 0000 20 4 30 10 -1
   3: 0100007F:C002 0100007F:A51F 06 00000000:00000000 03:00000000 00000000     0        0 0 3 0000
`;

test("the uid is the other end's, not ours", () => {
  expect(uidInTable(TABLE, 0xc001, 0xa51f)).toBe(1001);
  expect(uidInTable(TABLE, 0xa51f, 0xc001)).toBe(1000);
});

test.each([
  ["a connection that is not in it", 0xc003],
  ["one that has ended", 0xc002],
])("%s has none", (_, port) => {
  expect(uidInTable(TABLE, port, 0xa51f)).toBeUndefined();
});

test.each([
  "",
  "nonsense",
  "1: 0100007F:C001 0100007F:A51F 01",
  "x 0100007F:C001 0100007F:A51F 01 0 0 0 root",
])("a table that says nothing has none: %s", (table) => {
  expect(uidInTable(table, 0xc001, 0xa51f)).toBeUndefined();
});

test.skipIf(process.platform !== "linux")("a real connection from here is ours", async () => {
  for (const host of ["127.0.0.1", "::1"]) {
    const server = createServer().listen(0, host);
    const listens = await Promise.race([
      once(server, "listening"),
      once(server, "error").then(() => undefined),
    ]);
    if (!listens) continue; // no IPv6 here
    const client = connect((server.address() as AddressInfo).port, host);
    const [socket] = (await once(server, "connection")) as [Parameters<typeof peerUid>[0]];
    expect(peerUid(socket)).toBe(process.getuid!());
    client.destroy();
    server.close();
  }
});

test("whom we trust: root, ourselves, and who ran sudo where we are root", () => {
  const own = process.getuid!();
  expect(trustedUids({})).toEqual(new Set([0, own]));
  expect(trustedUids({ SUDO_UID: "1234" })).toEqual(new Set(own === 0 ? [0, 1234] : [0, own]));
  expect(trustedUids({ SUDO_UID: "; rm" })).toEqual(new Set([0, own]));
});

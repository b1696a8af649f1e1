// The socket vif between two applications' views: its own process, and plain sockets in both namespaces.
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { close } from "#edge/linux/libc.ts";
import { openGroupSocket } from "#edge/portable/socket-vif.ts";
import type { GroupDatagram, GroupSocket } from "#ports/group-socket.ts";
import { indexOf, inside, makeNamespaces, moveInto, NEAR4, FAR4, until } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";
import { drain, listener, PORT, sendDatagram } from "./edge-sockets.ts";

let net: Namespaces;
let vif: GroupSocket | undefined;
const open: number[] = [];
const received: GroupDatagram[] = [];

beforeAll(() => {
  net = makeNamespaces("vif");
  moveInto(net.near);
});
afterAll(() => net?.remove());
afterEach(async () => {
  await vif?.close();
  vif = undefined;
  received.length = 0;
  for (const fd of open.splice(0)) close(fd);
});

async function start(
  groups: Parameters<typeof openGroupSocket>[0]["groups"],
  loop = true,
): Promise<GroupSocket> {
  vif = await openGroupSocket(
    { groups, interface4: NEAR4, interface6: "::%lan0", loop },
    {
      received: (datagram) => received.push(datagram),
      failed: (error) => {
        throw error;
      },
    },
  );
  return vif;
}
const texts = (): string[] => received.map(({ payload }) => Buffer.from(payload).toString());
const farSends = (group: string, text: string, port = PORT): void =>
  inside(net.far, () => sendDatagram(group, text, indexOf(net.far, "wire0"), port));
const on = (namespace: string, device: string, group: string): number => {
  const fd = inside(namespace, () => listener(group, { interfaceIndex: indexOf(namespace, device) }));
  open.push(fd);
  return fd;
};

describe.each([
  ["IPv4", "239.8.8.8", "239.8.8.9", FAR4, "10.77.0.99"],
  ["IPv6", "ff1e::8:8", "ff1e::8:9", "fd77::2", "fd77::99"],
])("%s", (_name, group, other, far, stranger) => {
  test("hears its group and port with source and payload, and nothing of other groups and ports", async () => {
    await start([{ group, port: PORT }]);
    on(net.near, "lan0", other); // somebody else on this computer wants it, so the interface takes it
    farSends(other, "other group");
    farSends(group, "other port", PORT + 1);
    farSends(group, "hello");
    await until("the datagram", () => received.length > 0);
    expect(received).toEqual([
      {
        group,
        port: PORT,
        source: far,
        sourcePort: expect.any(Number) as number,
        payload: Buffer.from("hello"),
      },
    ]);
  });

  test("source-specific: takes the source that it names alone", async () => {
    const ssm = group.includes(":") ? "ff3e::8:8" : "232.8.8.8";
    await start([
      { group: ssm, port: PORT, sources: [stranger] },
      { group: ssm, port: PORT + 1, sources: [far] },
    ]);
    farSends(ssm, "from elsewhere", PORT);
    farSends(ssm, "wanted", PORT + 1);
    await until("the datagram", () => received.length > 0);
    expect(texts()).toEqual(["wanted"]);
  });

  test("what it sends reaches the LAN and this computer's programs, and not itself", async () => {
    const socket = await start([{ group, port: PORT }]);
    const [near, wire] = [on(net.near, "lan0", group), on(net.far, "wire0", group)];
    await socket.send(group, PORT, 8, Buffer.from("out"));
    expect(drain(near).map(String)).toEqual(["out"]);
    expect(drain(wire).map(String)).toEqual(["out"]);
    farSends(group, "marker");
    await until("the marker", () => received.length > 0);
    expect(texts()).toEqual(["marker"]);
  });

  test("TTL 0 stays on this computer; without loop this computer does not hear it", async () => {
    const [near, wire] = [on(net.near, "lan0", group), on(net.far, "wire0", group)];
    const socket = await start([{ group, port: PORT }]);
    await Promise.all([
      socket.send(group, PORT, 0, Buffer.from("ttl 0")),
      socket.send(group, PORT, 3, Buffer.from("ttl 3")),
    ]);
    expect(drain(near).map(String).toSorted()).toEqual(["ttl 0", "ttl 3"]);
    expect(drain(wire).map(String)).toEqual(["ttl 3"]);
    await socket.close();
    const silent = await start([], false);
    await silent.send(group, PORT, 3, Buffer.from("quiet"));
    expect(drain(near, 100)).toEqual([]);
    expect(drain(wire).map(String)).toEqual(["quiet"]);
  });
});

test("an interface that is not there is an error, and leaves nothing open", async () => {
  const options = { groups: [{ group: "239.8.8.8", port: PORT }], interface4: "192.0.2.200", loop: true };
  await expect(openGroupSocket(options, { received: () => {}, failed: () => {} })).rejects.toThrow(/ENODEV/);
});

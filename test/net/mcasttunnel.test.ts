// `castaway mcasttunnel`, run by nobody, at each end of the tunnel, with the other program's side as its far end.
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { Child } from "#test/support/child.ts";
import { Lab } from "#test/support/lab.ts";
import { asNobody } from "#test/support/ordinary-user.ts";
import { PYTHON } from "#test/support/python.ts";
import { missingForLab } from "#test/support/requirements.ts";
import { startReceiver, startSender } from "#test/support/traffic/mcast.ts";

const SOURCES = fileURLToPath(new URL("../../helper/cli/main.ts", import.meta.url));
const CASTAWAY: readonly string[] = process.env["CASTAWAY_BIN"]
  ? [process.env["CASTAWAY_BIN"]]
  : [process.execPath, SOURCES];
const PEER = fileURLToPath(new URL("../support/mcasttunnel_peer.py", import.meta.url));
const missing = missingForLab("setpriv");
const PORTS = [9101, 9102, 9103, 9104];
const RATE = 200;
const COUNT = 3 * RATE; // a minute of it: far-ends-minute.test.ts

let lab: Lab;

beforeAll(async () => {
  if (missing) return;
  lab = await Lab.create({ neighbours: true });
  await lab.setPortForward(PORTS);
}, 60_000);
afterAll(() => lab?.dispose());

interface Group {
  readonly group: string;
  readonly port: number;
}

/** At home the server, behind a forwarded port; the laptop is its client. */
function words(host: "home" | "away", { group, port }: Group, address?: string): string[] {
  const { address4, address6 } = lab.host(host);
  const six = group.includes(":");
  return [
    ...(host === "home" ? ["-s"] : ["-a", address ?? lab.homePublic.address4]),
    ...["-p", String(port), "-i", six ? address6 : address4],
    ...["-g", group, "-r", "5004", "-t", "3"],
  ];
}

async function castaway(host: "home" | "away", group: Group, address?: string): Promise<Child> {
  const [program = "", ...first] = CASTAWAY;
  const child = asNobody(lab.host(host)).spawn(
    program,
    [...first, "mcasttunnel", "--json", ...words(host, group, address)],
    { label: `${host}: castaway mcasttunnel` },
  );
  lab.beforeDispose(() => void child.stop());
  await child.line(/"event":"ready"/, 20_000);
  return child;
}

function original(host: "home" | "away", group: Group): Child {
  return lab.host(host).spawn(PYTHON, [PEER, ...words(host, group)], { label: `${host}: the original` });
}

/** Both ways at once for three seconds: each datagram once, on the other LAN and on its own. */
async function bothWays(group: string): Promise<void> {
  const wide = group.includes(":") ? `[${group}]:5004` : `${group}:5004`;

  const common = { group: wide, count: COUNT, seconds: 40, interface: "lan" };
  const far = await startReceiver(lab.host("neighbour"), { ...common, run: 1 });
  const near = await startReceiver(lab.host("listener"), { ...common, run: 2 });
  const own = await startReceiver(lab.host("listener"), { ...common, run: 1 });
  const send = { group: wide, count: COUNT, rate: RATE, size: 1316, interface: "lan" };
  const senders = [
    await startSender(lab.host("source"), { ...send, run: 1 }),
    await startSender(lab.host("neighbour"), { ...send, run: 2 }),
  ];
  await Promise.all(senders.map((sender) => sender.finished()));
  for (const receiver of [far, near, own])
    expect(await receiver.finished()).toMatchObject({
      received: COUNT,
      duplicates: 0,
      lost: 0,
      corrupt: 0,
      reordered: 0,
    });
}

interface Figures {
  readonly toPeers: number;
  readonly fromPeers: number;
  readonly drops: Readonly<Record<string, number>>;
}

async function figures(child: Child): Promise<Figures> {
  const { stdout } = await child.stop();
  const line = stdout.split("\n").findLast((text) => text.startsWith('{"event":"figures"'));
  return JSON.parse(line!) as Figures;
}

describe.skipIf(missing)(`mcasttunnel${missing ? ` (${missing})` : ""}`, () => {
  test("our server with the other program as its client", async () => {
    const group = { group: "239.8.8.1", port: PORTS[0]! };
    const server = await castaway("home", group);
    const client = original("away", group);
    await client.line(/connected/);
    await server.line(/"event":"connected"/);
    await bothWays(group.group);
    expect(client.stdout).not.toContain("closed");
    await client.stop();
    await server.line(/"event":"disconnected"/);
    const { toPeers, fromPeers, drops } = await figures(server);
    expect({ toPeers, fromPeers }).toEqual({ toPeers: COUNT, fromPeers: COUNT });
    expect(Object.values(drops).every((count) => count === 0)).toBe(true);
  });

  test("our client with the other program's server; it connects again by itself", async () => {
    const group = { group: "239.8.8.2", port: PORTS[1]! };
    const client = await castaway("away", group);
    await client.line(/"event":"unreachable"/);
    const server = original("home", group);
    await server.line(/connected/);
    await client.line(/"event":"connected"/);
    await bothWays(group.group);
    expect(server.stdout).not.toContain("closed");
    await server.stop();
    await client.line(/"event":"disconnected"/);
    const again = original("home", group);
    await again.line(/connected/);
    await again.stop();
    expect(await figures(client)).toMatchObject({ toPeers: COUNT, fromPeers: COUNT });
  });

  test("both ends ours, over IPv6", async () => {
    const group = { group: "ff1e::8:3", port: PORTS[2]! };
    const server = await castaway("home", group);
    const client = await castaway("away", group, lab.host("home").address6);
    await server.line(/"event":"connected"/);
    await client.line(/"event":"connected"/);
    await bothWays(group.group);
    for (const end of [client, server])
      expect(await figures(end)).toMatchObject({ toPeers: COUNT, fromPeers: COUNT });
  });

  test("a datagram of no bytes and one too long end no session", async () => {
    const group = { group: "239.8.8.4", port: PORTS[3]! };
    const server = await castaway("home", group);
    const client = original("away", group);
    await server.line(/"event":"connected"/);
    const send = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(sys.argv[1]))
for size in (0, 2049, 2048, 1): s.sendto(bytes(size), ("239.8.8.4", 5004))`;
    const receive = `
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("239.8.8.4", 5004))
s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP, socket.inet_aton("239.8.8.4") + socket.inet_aton(sys.argv[1]))
print("joined", flush=True)
print([len(s.recv(4096)) for i in range(2)], flush=True)`;
    const neighbour = lab.host("neighbour");
    const receiver = neighbour.spawn(PYTHON, ["-c", receive, neighbour.address4]);
    await receiver.line(/joined/);
    const source = lab.host("source");
    await source.exec(PYTHON, ["-c", send, source.address4]);
    await receiver.line(/\[2048, 1\]/);
    await client.stop();
    expect(await figures(server)).toMatchObject({
      toPeers: 2,
      drops: { "empty-datagram": 1, "too-long": 1 },
    });
  });
});

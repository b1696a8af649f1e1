// What the service may do after it has reduced itself, seen from outside, and that everything works with it.
import { spawn, spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { mkdtempSync, rmSync } from "node:fs";
import { createConnection, createServer } from "node:net";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parseCapabilities } from "#edge/linux/capabilities.ts";
import { close } from "#edge/linux/libc.ts";
import { peerCredentials } from "#edge/linux/peer-credentials.ts";
import { openDatagrams } from "#edge/linux/udp.ts";
import { ip, makeNamespaces, until } from "./edge-namespaces.ts";
import type { Namespaces } from "./edge-namespaces.ts";

const ROOT = new URL("../..", import.meta.url);
let net: Namespaces;
beforeAll(() => {
  net = makeNamespaces("priv");
});
afterAll(() => net?.remove());

/** Reduces itself, then does everything that the service does, and stays until its input ends. */
const SERVICE = (user: string): string => `
  import { reducePrivileges } from "#edge/linux/privileges.ts";
  reducePrivileges(${user});
  const { Worker } = await import("node:worker_threads");
  const { openTun } = await import("#edge/linux/tun.ts");
  const { openLan } = await import("#edge/linux/lan.ts");
  const { openLinks } = await import("#edge/linux/interfaces.ts");
  const { openDatagrams } = await import("#edge/linux/udp.ts");
  const { openHostJoins } = await import("#edge/linux/host-joins.ts");
  const { kernelGateway } = await import("#edge/linux/kernel-gateway.ts");
  const { getOption } = await import("#edge/linux/socket-options.ts");
  const worker = new Worker("setInterval(() => {}, 1000)", { eval: true });
  await new Promise((resolve) => worker.once("online", resolve));
  const done = {};
  const links = openLinks();
  const link = links.list().find((one) => one.name === "lan0");
  const lan = openLan(link, "full");
  done.captureBuffer = getOption(lan.fd, 1, 8, "SO_RCVBUF") / 2;
  done.receiveBuffer = openDatagrams(0).receiveBuffer;
  done.join = openHostJoins().set(link.index, "239.1.1.1", { mode: "exclude", sources: new Set() });
  try {
    const tun = openTun();
    tun.configure({ addresses: [{ address: "fd99::2", prefixLength: 64 }], routes: [{ address: "ff1e::", length: 16 }], lans: [{ prefix: { address: "fd55::", length: 64 }, source: "fd99::2" }] });
    tun.remove();
    done.tun = "works";
  } catch (error) {
    done.tun = error.message;
  }
  const gateway = kernelGateway();
  gateway.write("net/ipv4/conf/lan0/forwarding", 1);
  await gateway.load("add table inet castaway\\n");
  await gateway.load("delete table inet castaway\\n");
  done.forwarding = gateway.read("net/ipv4/conf/lan0/forwarding");
  const { openRouterSocket } = await import("#edge/linux/router-socket.ts");
  openRouterSocket("lan0", () => {}).close();
  done.uid = process.getuid();
  done.marker = process.env.CASTAWAY_PRIVILEGES_REDUCED;
  done.arguments = process.execArgv;
  console.log(JSON.stringify(done));
  process.stdin.on("end", () => process.exit(0)).resume();`;

interface Report {
  readonly pid: number;
  readonly done: Record<string, unknown>;
  readonly tasks: ReturnType<typeof parseCapabilities>[];
}

async function run(user: string): Promise<Report> {
  const node = [process.execPath, "--no-warnings", "--input-type=module", "-e", SERVICE(user)];
  const child = spawn("ip", ["netns", "exec", net.near, ...node], { cwd: ROOT });
  let said = "";
  child.stdout.on("data", (data: Buffer) => (said += String(data)));
  child.stderr.on("data", (data: Buffer) => (said += String(data)));
  const exited = new Promise((resolve) => child.once("exit", resolve));
  try {
    await until("the service", () => said.includes("\n") || child.exitCode !== null, 15_000);
    if (!said.startsWith("{")) throw new Error(said);
    const tasks = readdirSync(`/proc/${child.pid}/task`).map((task) =>
      parseCapabilities(readFileSync(`/proc/${child.pid}/task/${task}/status`, "latin1")),
    );
    return { pid: child.pid!, done: JSON.parse(said) as Record<string, unknown>, tasks };
  } finally {
    child.stdin.end();
    await exited;
  }
}

const THREE = 0x3400n; // CAP_NET_ADMIN, CAP_NET_RAW, CAP_NET_BIND_SERVICE

describe("from root to three capabilities", () => {
  test.each([
    ["as root", "{}", 0],
    ["as another user", "{ user: { uid: 65534, gid: 65534 } }", 65_534],
  ])(
    "%s: every thread has exactly these, in every set, and all devices and sockets work",
    async (_name, user, uid) => {
      const { done, tasks } = await run(user);
      expect(tasks.length).toBeGreaterThan(5);
      for (const task of tasks)
        expect(task).toEqual({
          inheritable: THREE,
          permitted: THREE,
          effective: THREE,
          bounding: THREE,
          ambient: THREE,
          noNewPrivileges: true,
        });
      expect(done).toMatchObject({ captureBuffer: 8 << 20, receiveBuffer: 8 << 20, join: "exact", uid });
      expect(done["forwarding"]).toBe(1);
      expect(done["marker"]).toBeUndefined();
      expect(done["arguments"]).toEqual(expect.arrayContaining(["--no-warnings"]));
      // Distributions give everybody /dev/net/tun; where root alone may open it, another user is told so.
      expect(done["tun"]).toMatch(uid === 0 ? /^works$/ : /^works$|open \/dev\/net\/tun: EACCES/);
    },
  );

  test("without the two it says what is missing, and does not start again and again", () => {
    const script = `import { reducePrivileges } from "#edge/linux/privileges.ts"; reducePrivileges();`;
    const node = [process.execPath, "--input-type=module", "-e", script];
    const without = spawnSync("setpriv", ["--bounding-set", "-net_raw", "--inh-caps", "-all", ...node], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(without.stderr).toContain("needs CAP_NET_ADMIN and CAP_NET_RAW: start it as root");
    const marked = spawnSync(node[0]!, node.slice(1), {
      cwd: ROOT,
      encoding: "utf8",
      env: { ...process.env, CASTAWAY_PRIVILEGES_REDUCED: "1" },
    });
    expect(marked.stderr).toContain("privileges could not be reduced on this system");
  });
});

test("the kernel says who is at the other end of a Unix socket", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cw-edge-"));
  const path = join(folder, "control");
  const server = createServer();
  try {
    await new Promise<void>((listening) => server.listen(path, listening));
    const accepted = new Promise<Socket>((resolve) => server.once("connection", resolve));
    const client = createConnection(path);
    const socket = await accepted;
    const [uid, gid] = [process.getuid!(), process.getgid!()];
    expect(peerCredentials(socket)).toEqual({ pid: process.pid, uid, gid });
    client.destroy();
    socket.destroy();
    expect(() => peerCredentials(socket)).toThrow("the connection is closed");
  } finally {
    server.close();
    rmSync(folder, { recursive: true });
  }
});

describe("the transport socket", () => {
  test("takes a port of its own choice or the one that it is given, once", () => {
    const first = openDatagrams(0);
    try {
      expect(first.port).toBeGreaterThan(0);
      expect(first.receiveBuffer).toBe(8 << 20);
      expect(() => openDatagrams(first.port)).toThrow(/bind UDP port \d+: EADDRINUSE \(another program uses/);
    } finally {
      first.close();
    }
    expect(close(first.fd)).toBe(-1);
  });

  test("an IPv4 and an IPv6 sender both reach it", () => {
    const script = `
      import { openDatagrams } from "#edge/linux/udp.ts";
      import { recv, socket, sendto, poll } from "#edge/linux/libc.ts";
      import { socketAddress } from "#edge/linux/sockaddr.ts";
      const udp = openDatagrams(0);
      const lengths = [];
      for (const [family, address] of [[2, "127.0.0.1"], [10, "::1"]]) {
        const to = socketAddress(address, udp.port);
        sendto(socket(family, 2, 0), Buffer.alloc(100), 100, 0, to, to.length);
        const pollfd = Buffer.alloc(8);
        pollfd.writeInt32LE(udp.fd, 0);
        pollfd.writeInt16LE(1, 4);
        poll(pollfd, 1, 1000);
        lengths.push(recv(udp.fd, Buffer.alloc(2000), 2000, 0));
      }
      console.log(JSON.stringify(lengths));`;
    const node = [process.execPath, "--input-type=module", "-e", script];
    const { stdout, stderr } = spawnSync("ip", ["netns", "exec", net.near, ...node], {
      cwd: ROOT,
      encoding: "utf8",
    });
    expect(stdout, stderr).toBe("[100,100]\n");
    expect(ip("-n", net.near, "addr", "show", "lo")).toContain("::1/128");
  });
});

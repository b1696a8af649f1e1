import { chmodSync, chownSync, linkSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { connect } from "#contract/client.ts";
import { clientSocketPath, daemonSocketPath } from "#contract/socket-path.ts";
import { accountUid, openError } from "#contract/socket-trust.ts";

let folder: string;
let path: string;
let server: Server | undefined;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "castaway-client-"));
  path = join(folder, "control.sock");
});
const sockets: Socket[] = [];
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy();
  await new Promise<void>((resolve) => (server ? server.close(() => resolve()) : resolve()));
  server = undefined;
  rmSync(folder, { recursive: true, force: true });
});

/** Something that listens there, says `text` to whoever connects, and `answer` once it is spoken to. */
async function says(text: string, answer?: string | typeof HANG_UP): Promise<void> {
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {});
    if (text !== "") socket.write(text);
    if (answer === HANG_UP) socket.end();
    else if (answer !== undefined) socket.once("data", () => socket.write(answer));
  });
  await new Promise<void>((resolve) => server?.listen(path, resolve));
}
const HANG_UP = Symbol("hang up");

const HELLO = '{"type":"hello","protocolVersion":1,"buildVersion":"9","pid":1}\n';

test("no daemon: says how to start one", async () => {
  await expect(connect(path)).rejects.toMatchObject({
    code: "not-running",
    remedy: "Start it: sudo systemctl start castaway, or by hand: sudo castaway daemon",
  });
});

test("a daemon that ended without a word is told from one that never was", async () => {
  await says(HELLO);
  linkSync(path, `${path}.left`); // what a crash leaves
  await new Promise<void>((resolve) => server?.close(() => resolve()));
  server = undefined;
  await expect(connect(`${path}.left`)).rejects.toMatchObject({
    code: "not-listening",
    remedy: expect.stringContaining("systemctl start castaway"),
  });
});

test.each([
  ["ENOTDIR", "not-running"],
  ["EACCES", "permission-denied"],
  ["EPERM", "permission-denied"],
  ["ECONNRESET", "disconnected"],
])("%s on the way to the socket: %s", (errno, code) => {
  expect(openError(path, Object.assign(new Error(errno), { code: errno })).code).toBe(code);
});

test.each([
  ["another protocol version", HELLO.replace("1", "2"), "version-mismatch"],
  ["another program", "220 mail.example.org ESMTP\n", "untrusted-socket"],
  ["a message before the hello", '{"type":"resync"}\n', "untrusted-socket"],
  [
    "a full daemon",
    '{"type":"response","id":0,"ok":false,"error":{"code":"busy","message":"full","remedy":null}}\n',
    "busy",
  ],
])("%s is refused", async (_, text, code) => {
  await says(text);
  await expect(connect(path)).rejects.toMatchObject({ code });
});

test.each([
  ["newer", "2", "older than the daemon"],
  ["older", "0", "systemctl restart castaway"],
])("a daemon of a %s protocol: whichever is older must start anew", async (_, version, remedy) => {
  await says(HELLO.replace("1", version));
  await expect(connect(path)).rejects.toMatchObject({ remedy: expect.stringContaining(remedy) });
});

test("a daemon that is silent ends the attempt", async () => {
  await says("");
  await expect(connect(path, { helloDeadlineMs: 30 })).rejects.toMatchObject({ code: "timeout" });
});

test("a daemon that leaves ends the attempt", async () => {
  await says("", HANG_UP);
  await expect(connect(path)).rejects.toMatchObject({ code: "disconnected" });
});

test.each([
  ["garbage", "garbage\n"],
  ["an endless line", "x".repeat(1_048_577)],
])("after the hello, %s ends the connection and every call", async (_, text) => {
  await says(HELLO + text);
  const client = await connect(path);
  await expect(client.call("status", {})).rejects.toMatchObject({ code: "internal" });
  await expect(client.call("status", {})).rejects.toMatchObject({ code: "internal" });
});

test("an answer that does not fit its method is an error, not a result", async () => {
  await says(HELLO, '{"type":"response","id":1,"ok":true,"result":{"networks":"many"}}\n');
  const client = await connect(path);
  const call = client.call("status", {}, 1_000);
  await expect(call).rejects.toMatchObject({
    code: "internal",
    message: expect.stringContaining("malformed"),
  });
  client.close();
});

test("a connection that ends lets calls fail at once, and says so", async () => {
  await says(HELLO, HANG_UP);
  const client = await connect(path);
  const reason = new Promise((resolve) => client.onClose(resolve));
  await expect(client.call("status", {})).rejects.toMatchObject({ code: "disconnected" });
  expect(await reason).toMatchObject({ code: "disconnected" });
});

describe("whose socket it is", () => {
  test("a file that is no socket is refused", async () => {
    writeFileSync(path, "");
    await expect(connect(path)).rejects.toMatchObject({ code: "untrusted-socket" });
  });

  test("a folder in which others can swap it is refused", async () => {
    mkdirSync(join(folder, "open"));
    chmodSync(join(folder, "open"), 0o777);
    path = join(folder, "open", "control.sock");
    await says(HELLO);
    await expect(connect(path)).rejects.toMatchObject({ code: "untrusted-socket" });
    chmodSync(join(folder, "open"), 0o1777); // sticky, as /tmp: names stay their owners'
    (await connect(path)).close();
  });

  test.skipIf(process.getuid?.() !== 0)(
    "another user's socket is refused (needs root to make one)",
    async () => {
      await says(HELLO);
      chownSync(path, 12_345, 12_345);
      await expect(connect(path)).rejects.toMatchObject({
        code: "untrusted-socket",
        message: expect.stringContaining("uid 12345"),
      });
    },
  );

  test("accounts are found by their whole name", () => {
    const passwd = join(folder, "passwd");
    writeFileSync(
      passwd,
      "castaway2:x:7:7::/:\ncastaway:x:990:990::/var/lib/castaway:/usr/sbin/nologin\nbad:x:-1:\n",
    );
    expect(accountUid("castaway", passwd)).toBe(990);
    expect(accountUid("bad", passwd)).toBeUndefined();
    expect(accountUid("nobody-at-all", passwd)).toBeUndefined();
    expect(accountUid("castaway", join(folder, "none"))).toBeUndefined();
  });
});

test("where the socket is", () => {
  expect(clientSocketPath({ CASTAWAY_SOCKET: "/a" })).toBe("/a");
  expect(clientSocketPath({ XDG_RUNTIME_DIR: folder })).toBe("/run/castaway/control.sock");
  expect(daemonSocketPath({ CASTAWAY_SOCKET: "/a", RUNTIME_DIRECTORY: "/run/x" }, 0)).toBe("/a");
  expect(daemonSocketPath({ RUNTIME_DIRECTORY: "/run/x" }, 990)).toBe("/run/x/control.sock");
  expect(daemonSocketPath({ XDG_RUNTIME_DIR: "/run/user/0" }, 0)).toBe("/run/castaway/control.sock");
  expect(daemonSocketPath({ XDG_RUNTIME_DIR: "/run/user/1000" }, 1000)).toBe(
    "/run/user/1000/castaway/control.sock",
  );
  expect(daemonSocketPath({ XDG_RUNTIME_DIR: "relative" }, 1000)).toBe("/run/castaway/control.sock");
});

// A router's web server that means ill, or is slow.
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { expect, onTestFinished, test } from "vitest";
import { openRouterLink } from "#edge/portable/router-link.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { HttpAnswer, RouterLinkEvents } from "#ports/router-link.ts";

const HERE = "127.0.0.1";
const SILENT: RouterLinkEvents = { datagram: () => {}, announcement: () => {} };

/** A server that treats each connection so; the port that it has. */
async function server(serve: (socket: Socket, request: string) => void): Promise<number> {
  const made: Server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", (data) => serve(socket, data.toString()));
  });
  made.listen(0, HERE);
  await once(made, "listening");
  onTestFinished(() => void made.close());
  return (made.address() as { port: number }).port;
}

function get(port: number, path = "/"): Promise<HttpAnswer | undefined> {
  const link = openRouterLink(HERE, SILENT);
  onTestFinished(() => link.close());
  return link.request(HERE, { method: "GET", port, path });
}

test("a request and its answer", async () => {
  let asked = "";
  const port = await server((socket, request) => {
    asked = request;
    socket.end("HTTP/1.1 500 Oops\r\nContent-Length: 5\r\n\r\nhällo".replace("5\r\n\r", "6\r\n\r"));
  });
  const link = openRouterLink(HERE, SILENT);
  onTestFinished(() => link.close());
  const answer = await link.request(HERE, {
    method: "POST",
    port,
    path: "/ctl?x=1",
    action: '"urn:x#Do"',
    body: "<a>ü</a>",
  });
  expect(answer).toEqual({ status: 500, body: "hällo" });
  expect(asked).toMatch(/^POST \/ctl\?x=1 HTTP\/1\.1\r\n/);
  expect(asked).toContain('SOAPAction: "urn:x#Do"\r\n');
  expect(asked).toContain("Content-Length: 9\r\n");
  expect(asked).toMatch(/\r\n\r\n<a>ü<\/a>$/);
});

test("a redirection is an answer, and not followed", async () => {
  let connections = 0;
  const port = await server((socket) => {
    connections++;
    socket.end(`HTTP/1.1 302 Found\r\nLocation: http://${HERE}:${port}/other\r\nContent-Length: 0\r\n\r\n`);
  });
  expect(await get(port)).toEqual({ status: 302, body: "" });
  expect(connections).toBe(1);
});

test.each([
  [
    "a body that is too long",
    (socket: Socket) => {
      socket.write("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
      const more = (): void => void (socket.writable && socket.write("x".repeat(65_536), more));
      more();
    },
  ],
  [
    "a body without an end, in chunks",
    (socket: Socket) => {
      socket.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
      const more = (): void =>
        void (socket.writable && socket.write(`8000\r\n${"x".repeat(0x8000)}\r\n`, more));
      more();
    },
  ],
  [
    "headers that are too long",
    (socket: Socket) => {
      socket.end(`HTTP/1.1 200 OK\r\nX: ${"y".repeat(20_000)}\r\n\r\n`);
    },
  ],
  [
    "a body that ends before it should",
    (socket: Socket) => {
      socket.end("HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort");
    },
  ],
  ["no HTTP", (socket: Socket) => void socket.end("SSH-2.0-dropbear\r\n")],
  ["nothing", (socket: Socket) => void socket.end()],
  ["a reset", (socket: Socket) => void socket.resetAndDestroy()],
])("%s is no answer", async (_what, serve) => {
  const port = await server(serve);
  expect(await get(port)).toBeUndefined();
});

test("a port where nobody listens is no answer", async () => {
  expect(await get(1)).toBeUndefined();
});

test("who is closed waits no longer", async () => {
  const port = await server(() => {}); // says nothing
  const link = openRouterLink(HERE, SILENT);
  const answer = link.request(HERE, { method: "GET", port, path: "/" });
  setTimeout(() => link.close(), 50);
  const before = performance.now();
  expect(await answer).toBeUndefined();
  expect(performance.now() - before).toBeLessThan(4_000);
});

test("datagrams go out from the own address, and come back with theirs", async () => {
  const router = createSocket("udp4");
  router.bind(0, HERE);
  await once(router, "listening");
  onTestFinished(() => void router.close());
  router.on("message", (data, from) => router.send(data, from.port, from.address));
  const came = Promise.withResolvers<{ data: Uint8Array; from: Endpoint }>();
  const link = openRouterLink(HERE, {
    ...SILENT,
    datagram: (data, from) => came.resolve({ data, from }),
  });
  onTestFinished(() => link.close());
  link.send({ address: HERE, port: router.address().port }, Uint8Array.of(1, 2, 3)); // before it is bound
  const { data, from } = await came.promise;
  expect([...data]).toEqual([1, 2, 3]);
  expect(from).toEqual({ address: HERE, port: router.address().port });
});

test("an address that is not ours sends nothing, and harms nothing", async () => {
  const link = openRouterLink("192.0.2.77", SILENT);
  link.send({ address: HERE, port: 9 }, Uint8Array.of(1));
  await new Promise((resolve) => setTimeout(resolve, 50));
  expect(await link.request(HERE, { method: "GET", port: 9, path: "/" })).toBeUndefined();
  link.close();
  link.close();
  link.send({ address: HERE, port: 9 }, Uint8Array.of(1));
});

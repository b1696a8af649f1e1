import { brotliDecompressSync, gunzipSync } from "node:zlib";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { asNobody } from "#test/support/ordinary-user.ts";
import { hasCommand } from "#test/support/requirements.ts";
import { PAGE, SCRIPT, TestWebShell } from "./web-client.ts";

let shell: TestWebShell;
let now: number;
beforeEach(async () => {
  now = 0;
  shell = await new TestWebShell({ now: () => now }).start();
});
afterEach(() => shell.stop());

describe("the link", () => {
  test("opens a session once, and leaves no token in the address", async () => {
    const token = shell.token();
    const first = await shell.get(`/?token=${token}`);
    expect(first.status).toBe(303);
    expect(first.headers.location).toBe("/");
    const [cookie] = first.headers["set-cookie"]!;
    expect(cookie).toMatch(/^castaway_\d+=[\w-]{43}; Path=\/; HttpOnly; SameSite=Strict$/);
    const page = await shell.get("/", { cookie: cookie!.split(";")[0]! });
    expect([page.status, String(page.body)]).toEqual([200, PAGE]);
    const second = await shell.get(`/?token=${token}`);
    expect([second.status, second.headers["set-cookie"]]).toEqual([403, undefined]);
    expect(String(second.body)).toContain("used already");
  });

  test("that was used already brings who used it back", async () => {
    const token = shell.token();
    const first = await shell.get(`/?token=${token}`);
    const cookie = first.headers["set-cookie"]![0]!.split(";")[0]!;
    const again = await shell.get(`/?token=${token}`, { cookie });
    expect([again.status, again.headers["set-cookie"]]).toEqual([303, undefined]);
  });

  test("is not used up by who only looks whether it is there", async () => {
    const token = shell.token();
    await shell.get(`/?token=${token}`, {}, "HEAD");
    expect((await shell.get(`/?token=${token}`)).headers["set-cookie"]).toHaveLength(1);
  });

  test.each([
    ["made up", "A".repeat(43)],
    ["empty", ""],
    ["too long", "A".repeat(4_000)],
    ["with a script in it", "%3Cscript%3Ealert(1)%3C/script%3E"],
  ])("that is %s opens nothing, and is not repeated", async (_, token) => {
    const { status, headers, body } = await shell.get(`/?token=${token}`);
    expect([status, headers["set-cookie"]]).toEqual([403, undefined]);
    expect(String(body)).not.toContain("<script");
  });

  test("works at a page alone, not at any other path", async () => {
    expect((await shell.get(`/assets/index-abc.js?token=${shell.token()}`)).status).toBe(403);
  });

  test("goes unused when nobody comes in time", async () => {
    const token = shell.token();
    now = 60_001;
    shell.server.check();
    expect(shell.idle).toBe(true);
    expect((await shell.get(`/?token=${token}`)).status).toBe(403);
  });

  test("too many of them: the oldest are void", async () => {
    const tokens = Array.from({ length: 9 }, () => shell.token());
    expect((await shell.get(`/?token=${tokens[0]!}`)).status).toBe(403);
    expect((await shell.get(`/?token=${tokens[8]!}`)).status).toBe(303);
  });

  test("clicked on another site's page works: the cookie comes with the second request", async () => {
    const foreign = { "sec-fetch-site": "cross-site", "sec-fetch-mode": "navigate" };
    expect((await shell.get(`/?token=${shell.token()}`, foreign)).status).toBe(303);
    const held = await shell.get("/", foreign); // SameSite=Strict keeps it back
    expect([held.status, held.headers["refresh"]]).toEqual([403, "0"]);
    const own = await shell.get("/", { "sec-fetch-site": "same-origin", "sec-fetch-mode": "navigate" });
    expect([own.status, own.headers["refresh"]]).toEqual([403, undefined]);
  });
});

describe("who gets nothing", () => {
  let cookie: string;
  beforeEach(async () => void (cookie = await shell.signIn()));

  test.each(["/", "/index.html", "/assets/index-abc.js", "/no-such-file"])(
    "without a cookie: %s",
    async (path) => {
      const { status, body } = await shell.get(path);
      expect(status).toBe(403);
      expect(String(body)).toContain("run castaway web");
    },
  );

  test.each([
    ["a made up one", "castaway_1=AAAA"],
    ["one of another port", "castaway_1=" + "A".repeat(43)],
    ["nonsense", ";;;=;"],
  ])("with a wrong cookie: %s", async (_, wrong) => {
    expect((await shell.get("/", { cookie: wrong })).status).toBe(403);
  });

  test.each([
    "evil.example",
    "evil.example:80",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "0.0.0.0",
    "[::]",
    "127.0.0.1@evil.example",
    "127.0.0.2",
  ])("under a name that is not ours (DNS rebinding): %s", async (host) => {
    expect((await shell.get("/", { cookie, host })).status).toBeGreaterThanOrEqual(400);
    expect((await shell.get(`/?token=${shell.token()}`, { host })).headers["set-cookie"]).toBeUndefined();
  });

  test.each(["127.0.0.1:8080", "localhost", "LOCALHOST:9", "[::1]:80"])(
    "our own names do, by any port: %s",
    async (host) => {
      expect((await shell.get("/", { cookie, host })).status).toBe(200);
    },
  );

  test.each([
    ["cross-site", "no-cors"],
    ["cross-site", "cors"],
    ["same-site", "no-cors"], // a server on another port of this computer
    ["same-site", "websocket"],
  ])("a foreign page's request: %s, %s", async (site, mode) => {
    const headers = { cookie, "sec-fetch-site": site, "sec-fetch-mode": mode };
    expect((await shell.get("/assets/index-abc.js", headers)).status).toBe(403);
  });

  test.each(["POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"])("by %s", async (method) => {
    const { status, headers } = await shell.get("/", { cookie }, method);
    expect([status, headers.allow]).toEqual([405, "GET, HEAD"]);
    expect(headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("with a body", async () => {
    expect(
      (await shell.get("/", { cookie, "content-length": "5" }).catch(() => ({ status: 413 }))).status,
    ).toBe(413);
  });

  test.each([
    "/../../../../etc/passwd",
    "/..%2f..%2fetc%2fpasswd",
    "/assets/../../secret",
    "/assets/..\\..\\secret",
    "/%00",
    "//etc/passwd",
    "/assets",
    "/assets/",
    "/INDEX.HTML",
    "/index.html/",
    "http://evil.example/",
    "/constructor",
    "/__proto__",
    "*",
  ])("behind a path that is none: %s", async (path) => {
    expect((await shell.get(path, { cookie })).status).toBe(404);
  });

  test("with headers beyond all measure", async () => {
    const answer = await shell.get("/", { cookie, "x-long": "x".repeat(20_000) }).catch(() => undefined);
    expect(answer?.status).not.toBe(200);
    expect((await shell.get("/", { cookie })).status).toBe(200);
  });
});

describe("files", () => {
  let cookie: string;
  beforeEach(async () => void (cookie = await shell.signIn()));

  test("come compressed as the browser likes it, the same in each way", async () => {
    const plain = await shell.get("/assets/index-abc.js", { cookie });
    const gzip = await shell.get("/assets/index-abc.js", { cookie, "accept-encoding": "gzip, deflate" });
    const br = await shell.get("/assets/index-abc.js", {
      cookie,
      "accept-encoding": "gzip, deflate, br, zstd",
    });
    expect([plain, gzip, br].map(({ headers }) => headers["content-encoding"])).toEqual([
      undefined,
      "gzip",
      "br",
    ]);
    expect([
      String(plain.body),
      String(gunzipSync(gzip.body)),
      String(brotliDecompressSync(br.body)),
    ]).toEqual([SCRIPT, SCRIPT, SCRIPT]);
    expect(new Set([plain, gzip, br].map(({ headers }) => headers.etag)).size).toBe(3);
    expect(br.headers.vary).toBe("Accept-Encoding");
  });

  test("that are compressed already are not again, and what is refused is not used", async () => {
    const png = await shell.get("/assets/picture.png", { cookie, "accept-encoding": "br" });
    expect([png.headers["content-type"], png.headers["content-encoding"]]).toEqual(["image/png", undefined]);
    const none = await shell.get("/", { cookie, "accept-encoding": "br;q=0, gzip;q=0.0" });
    expect(none.headers["content-encoding"]).toBeUndefined();
  });

  test("are known by their tag; those with a hash in their name are kept", async () => {
    const script = await shell.get("/assets/index-abc.js", { cookie });
    expect(script.headers["cache-control"]).toBe("private, max-age=31536000, immutable");
    const page = await shell.get("/", { cookie });
    expect(page.headers["cache-control"]).toBe("no-cache");
    const again = await shell.get("/", { cookie, "if-none-match": page.headers.etag! });
    expect([again.status, again.body.length]).toEqual([304, 0]);
  });

  test("HEAD has the length and no body", async () => {
    const { status, headers, body } = await shell.get("/", { cookie }, "HEAD");
    expect([status, headers["content-length"], body.length]).toEqual([200, String(PAGE.length), 0]);
  });

  test("are the same by IPv6", async () => {
    const answer = await shell
      .get("/", { cookie }, "GET", "::1")
      .catch((error: NodeJS.ErrnoException) => error.code);
    if (answer === "EADDRNOTAVAIL" || answer === "ECONNREFUSED") return; // no IPv6 here
    expect(answer).toMatchObject({ status: 200 });
  });
});

describe("another user of this computer", () => {
  test("can neither use the link, which stands in a command line, nor a stolen cookie", async () => {
    const strangers = await new TestWebShell({ uids: new Set([process.getuid!() + 12_345]) }).start();
    try {
      const { status, headers, body } = await strangers.get(`/?token=${strangers.token()}`);
      expect([status, headers["set-cookie"]]).toEqual([403, undefined]);
      expect(String(body)).toContain("another user");
    } finally {
      strangers.stop();
    }
  });

  test.skipIf(process.getuid?.() !== 0 || !hasCommand("setpriv"))(
    "is known by the kernel's word: nobody with root's link, and with root's cookie",
    async () => {
      const ours = await new TestWebShell({ uids: new Set([0]) }).start();
      const fetchIt = `const [url, cookie] = process.argv.slice(1);
        fetch(url, { redirect: "manual", headers: { cookie } }).then(({ status }) => console.log(status));`;
      const asks = async (url: string, cookie: string): Promise<string> =>
        (await asNobody("nobody").exec(process.execPath, ["-e", fetchIt, url, cookie])).stdout.trim();
      try {
        const cookie = await ours.signIn();
        expect(await asks(ours.server.link(), "none")).toBe("403");
        expect(await asks(`http://${ours.host}/`, cookie)).toBe("403");
        expect((await ours.get("/", { cookie })).status).toBe(200);
      } finally {
        ours.stop();
      }
    },
  );

  test("the link stays good for the user that it was meant for", async () => {
    const uids = new Set([process.getuid!() + 12_345]);
    const strangers = await new TestWebShell({ uids }).start();
    try {
      const token = strangers.token();
      await strangers.get(`/?token=${token}`);
      uids.add(process.getuid!());
      expect((await strangers.get(`/?token=${token}`)).status).toBe(303);
    } finally {
      strangers.stop();
    }
  });
});

test("every answer has the headers that keep others out", async () => {
  const cookie = await shell.signIn();
  const answers = await Promise.all([
    shell.get("/", { cookie }),
    shell.get("/assets/index-abc.js", { cookie }),
    shell.get("/nothing", { cookie }),
    shell.get("/"),
    shell.get("/", { host: "evil.example" }),
    shell.get("/", { cookie }, "POST"),
    shell.get(`/?token=${shell.token()}`),
  ]);
  for (const { headers } of answers) {
    expect(headers["content-security-policy"]).toBe(
      "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; " +
        "connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    );
    expect(headers).toMatchObject({
      "cross-origin-opener-policy": "same-origin",
      "cross-origin-resource-policy": "same-origin",
      "referrer-policy": "no-referrer",
      "x-content-type-options": "nosniff",
      "x-frame-options": "DENY",
    });
    expect(headers["access-control-allow-origin"]).toBeUndefined();
    expect(headers["x-powered-by"]).toBeUndefined();
  }
});

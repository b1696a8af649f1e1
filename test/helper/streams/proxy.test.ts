import { PassThrough, type Duplex } from "node:stream";
import { duplexPair } from "node:stream";
import { describe, expect, test } from "vitest";
import { chooseProxy, connectThrough, MAX_ANSWER, withoutProxy } from "#runtime/streams/proxy.ts";

const PROXY = { host: "proxy.example", port: 3128 };

describe("which proxy", () => {
  test.each([
    [{ https_proxy: "http://proxy.example:3128" }, PROXY],
    [{ HTTPS_PROXY: "proxy.example:3128" }, PROXY],
    [{ https_proxy: "http://[2001:db8::1]:3128/" }, { host: "2001:db8::1", port: 3128 }],
    [{ https_proxy: "http://proxy.example" }, { host: "proxy.example", port: 80 }],
    [
      { https_proxy: "http://me:p%40ss@proxy.example:3128" },
      { ...PROXY, authorization: "Basic bWU6cEBzcw==" },
    ],
    [{ https_proxy: "" }, undefined],
    [{}, undefined],
  ])("%j", (environment, expected) => {
    expect(chooseProxy("auto", environment)).toEqual(expected);
  });

  test("off and one of our own do not ask the system", () => {
    const environment = { https_proxy: "http://other.example:1" };
    expect([chooseProxy("off", environment), chooseProxy(PROXY, environment)]).toEqual([undefined, PROXY]);
  });

  test.each(["socks5://me:secret@proxy.example:1", "http://me:secret@", "http://me:secret@:80/"])(
    "what cannot be used is said without its password: %s",
    (text) => {
      let message = "";
      try {
        chooseProxy("auto", { https_proxy: text });
      } catch (error) {
        message = String(error);
      }
      expect(message).toContain("ProxyError: https_proxy");
      expect(message).not.toContain("secret");
    },
  );

  test.each([
    ["example.org", "example.org", true],
    ["home.example.org", ".example.org, other", true],
    ["home.example.org", "*.example.org", true],
    ["badexample.org", "example.org", false],
    ["192.0.2.1", "10.0.0.1,192.0.2.1", true],
    ["anything", "*", true],
    ["anything", "", false],
  ])("%s with no_proxy %j: %s", (host, list, expected) => {
    expect(withoutProxy(host, { no_proxy: list })).toBe(expected);
  });
});

describe("CONNECT", () => {
  function talk(
    host = "home.example",
    authorization?: string,
  ): { asked: Promise<void>; far: Duplex; near: Duplex } {
    const [near, far] = duplexPair();
    const asked = connectThrough(near, { ...PROXY, ...(authorization && { authorization }) }, host, 443);
    asked.catch(() => {});
    return { asked, far, near };
  }

  test("asks for host and port, with the credentials, and leaves what follows the answer in the socket", async () => {
    const { asked, far, near } = talk("2001:db8::1", "Basic abc");
    const said = (await new Promise<Buffer>((resolve) => far.once("data", resolve))).toString();
    expect(said).toBe(
      "CONNECT [2001:db8::1]:443 HTTP/1.1\r\nHost: [2001:db8::1]:443\r\nProxy-Authorization: Basic abc\r\n\r\n",
    );
    far.write("HTTP/1.1 200 Connection ");
    far.write("established\r\nVia: x\r\n\r\nfirst bytes");
    await asked;
    const rest = near.pipe(new PassThrough());
    expect(String(await new Promise((resolve) => rest.once("data", resolve)))).toBe("first bytes");
  });

  test.each([
    ["HTTP/1.1 403 Filtered\r\n\r\n", "refuses: status 403"],
    ["HTTP/1.0 407 Who are you\r\n\r\n", "refuses: status 407"],
    ["SSH-2.0-OpenSSH\r\n\r\n", "does not answer in HTTP"],
    ["x".repeat(MAX_ANSWER + 1), "does not end"],
  ])("an answer that is none: %#", async (answer, reason) => {
    const { asked, far } = talk();
    far.write(answer);
    await expect(asked).rejects.toThrow(reason);
  });

  test("a proxy that hangs up", async () => {
    const { asked, far } = talk();
    far.end();
    await expect(asked).rejects.toThrow("hung up");
  });
});

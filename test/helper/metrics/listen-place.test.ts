import { expect, test } from "vitest";
import { listenText, parseListenPlace } from "#runtime/metrics/listen-place.ts";

const CONTROL = "/run/castaway/control.sock";

test.each([
  ["127.0.0.1:9469", "127.0.0.1:9469"],
  ["127.1.2.3:1", "127.1.2.3:1"],
  ["localhost:9469", "127.0.0.1:9469"],
  ["[::1]:9469", "[::1]:9469"],
  ["[0:0:0:0:0:0:0:1]:65535", "[::1]:65535"],
  ["/run/castaway/metrics.sock", "/run/castaway/metrics.sock"],
  ["/run/castaway/../castaway/m", "/run/castaway/m"],
])("%s is taken", (text, canonical) => {
  const place = parseListenPlace(text, CONTROL);
  expect(listenText(place)).toBe(canonical);
  expect(parseListenPlace(canonical, CONTROL)).toEqual(place);
});

test.each([
  ["0.0.0.0:9469", "put a proxy in front"],
  ["192.168.1.2:9469", "put a proxy in front"],
  ["[::]:9469", "put a proxy in front"],
  ["[fe80::1]:9469", "put a proxy in front"],
  ["[::ffff:127.0.0.1]:9469", "put a proxy in front"],
  ["[127.0.0.1]:9469", "put a proxy in front"],
  ["[localhost]:9469", "put a proxy in front"],
  ["127.0.0.1.example:9469", "put a proxy in front"],
  ["127.1:9469", "put a proxy in front"],
  ["home.example:9469", "put a proxy in front"],
  [":9469", "put a proxy in front"],
  ["::1:9469", "Such as 127.0.0.1:9469"],
  ["127.0.0.1", "Such as 127.0.0.1:9469"],
  ["127.0.0.1:0", "Such as 127.0.0.1:9469"],
  ["127.0.0.1:65536", "Such as 127.0.0.1:9469"],
  ["", "Such as 127.0.0.1:9469"],
  ["metrics.sock", "Such as 127.0.0.1:9469"],
  ["/etc/metrics.sock", "Such as /run/castaway/metrics.sock"],
  ["/run/castaway/../x", "Such as /run/castaway/metrics.sock"],
  ["/run/castaway/sub/x", "Such as /run/castaway/metrics.sock"],
  ["/run/castaway/", "Such as /run/castaway/metrics.sock"],
  ["/run/castaway", "Such as /run/castaway/metrics.sock"],
  [CONTROL, "Such as /run/castaway/metrics.sock"],
])("%s is refused, with what would do", (text, remedy) => {
  expect(() => parseListenPlace(text, CONTROL)).toThrow(
    expect.objectContaining({ code: "bad-request", remedy: expect.stringContaining(remedy) }),
  );
});

test("a path that no socket can have is refused", () => {
  expect(() => parseListenPlace(`/run/castaway/${"x".repeat(100)}`, CONTROL)).toThrow("107 bytes");
});

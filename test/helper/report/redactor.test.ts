import { describe, expect, test } from "vitest";
import { Redactor } from "#report/redactor.ts";

const names = new Map([
  ["alice", "member-2"],
  ["Alice's TV", "member-3"],
  ["x", "member-4"],
  ["member", "member-5"],
  ["host", "member-6"],
]);
const ids = new Set(["0011223344556677"]);
const salt = new Uint8Array(16).fill(7);
const redactor = new Redactor({ full: false, salt, names, ids });
const MARK = "[0-9a-f]{6}";

function becomes(text: string): string {
  return redactor.text(text);
}

test.each([
  ["calls 203.0.113.7:42268.", `^calls 203\\.0\\.x\\.x-${MARK}:42268\\.$`],
  ["from 8.8.8.8, then", `^from 8\\.8\\.x\\.x-${MARK}, then$`],
  ["[2001:db8::1]:4000", `^\\[2001:x-${MARK}\\]:4000$`],
  ["is 2001:db8::1.", `^is 2001:x-${MARK}\\.$`],
  ["2001:db8::1: no route", `^2001:x-${MARK}: no route$`],
  ["interface:2001:db8::1", `^interface?:?[0-9a-f]*:?x-${MARK}$|^interface:x-${MARK}$`],
  ["fe80::a8bb:ccff:fe00:1%eth0", `^fe80:x-${MARK}%eth0$`],
  ["fd12:3456:789a:1::1/64", `^fd12:x-${MARK}/64$`],
  ["1:2:3:4:5:6:7:8:9:a", "^\\(taken out\\)$"],
  ["mac 02:00:5e:10:00:ff", `^mac mac-${MARK}$`],
  ["castaway://join/abc?d=e#f now", "^castaway://\\(taken out\\) now$"],
  [`key ${"0123456789abcdef".repeat(4)}`, "^key \\(taken out\\)$"],
  [`psk=${Buffer.alloc(32, 0xb7).toString("base64")}`, "^psk=\\(taken out\\)$"],
  [`id ${"0123456789abcdef"}`, `^id id-${MARK}$`],
  ["by meet.example:443 at home", `^by host-${MARK}:443 at home$`],
  ["/home/alice/x.log", "^/home/\\(user\\)/x.log$"],
  ["alice and Alice's TV, ALICE", "^member-2 and member-3, member-2$"],
  ["malice is no name", "^malice is no name$"],
  ["a member", "^a member-5$"], // and what stands for it is not looked at again
])("%s", (text, pattern) => {
  expect(becomes(text)).toMatch(new RegExp(pattern));
});

test.each([
  "239.1.2.3 from 192.168.1.10, 10.77.0.2, 100.64.0.1, 169.254.1.1 and 127.0.0.1",
  "ff1e::1234 and ::1, ::",
  "2026-11-21T12:00:00.000Z 12:34:56",
  "/run/castaway/control.sock",
  "sysctl -w net.ipv4.conf.eth0.rp_filter=2",
  "systemctl restart castaway.service",
  "session.handshakes-dropped-because-the-timestamp-was-old",
  "IPv4 and IPv6; 1:23 left; 3.2 ms",
])("stays: %s", (text) => {
  expect(becomes(text)).toBe(text);
});

test("equal stays equal, and another report has other marks", () => {
  expect(becomes("203.0.113.7")).toBe(becomes("203.0.113.7"));
  expect(becomes("203.0.113.7")).not.toBe(becomes("203.0.113.8"));
  const other = new Redactor({ full: false, salt: new Uint8Array(16), names, ids });
  expect(other.text("203.0.113.7")).not.toBe(becomes("203.0.113.7"));
});

describe("objects", () => {
  test("are looked through, keys too, and words of ours stay", () => {
    const value = {
      name: "x",
      role: "host",
      "203.0.113.7": [{ endpoint: "203.0.113.7:1", count: 4, none: null, on: true }],
      state: "203.0.113.7",
    };
    const seen = redactor.value(value);
    expect(seen).toMatchObject({ name: "member-4", role: "host" });
    expect(JSON.stringify(seen)).not.toContain("203.0.113.7");
    expect(Object.values(seen)[2]).toMatchObject([{ count: 4, none: null, on: true }]);
    expect(value.name).toBe("x"); // a copy
  });

  test("in full: addresses and names stay, keys and links do not", () => {
    const full = new Redactor({ full: true, salt, names, ids });
    const key = "0123456789abcdef".repeat(4);
    expect(
      full.value({
        a: "alice at 203.0.113.7 (meet.example)",
        key,
        link: "castaway://join/x",
        id: "0011223344556677",
        other: "0011223344556678",
      }),
    ).toEqual({
      a: "alice at 203.0.113.7 (meet.example)",
      key: "(taken out)",
      link: "castaway://(taken out)",
      id: "0011223344556677",
      other: "(taken out)",
    });
  });
});

test("whatever public address stands in whatever text, it is not there any more", () => {
  let seed = 1;
  const random = (below: number): number => (seed = (seed * 48_271) % 0x7fff_ffff) % below;
  const around = ["", " ", ".", ",", ":", "/", "=", "(", ")", "[", "]", "'", '"', "@", "%", "-", "→", "x "];
  for (let i = 0; i < 3_000; i++) {
    const v4 = `${11 + random(80)}.${random(256)}.${random(256)}.${1 + random(254)}`;
    const v6 = `2${random(4096).toString(16).padStart(3, "0")}:${random(65_536).toString(16)}::${(1 + random(65_535)).toString(16)}`;
    const before = around[random(around.length)]!;
    const after = around[random(around.length)]!;
    for (const address of [v4, v6]) {
      const text = `near${before === "" ? " " : before}${address}${after}${after === "" ? "" : " far"}`;
      expect(becomes(text), text).not.toContain(address);
    }
  }
});

import { describe, expect, test } from "vitest";
import { inviteLinksIn } from "#main/app/invite-text.ts";

const LINK = `castaway://join/${"abcdefghijklmnopqrstuvwxyz234567".repeat(5)}`;

describe("a link is found", () => {
  test.each([
    ["alone", LINK],
    ["with white space around it", `\n  ${LINK}\t\n`],
    ["in a sentence", `Come and watch: ${LINK}.`],
    ["in angle brackets", `<${LINK}>`],
    ["in quotes", `"${LINK}", he wrote`],
    ["in a page", `<a href="${LINK}">join</a>`],
    ["twice, as in a page that shows it", `<a href="${LINK}">${LINK}</a>`],
  ])("%s", (_, text) => {
    expect(inviteLinksIn(text)).toEqual([LINK]);
  });

  test("in a QR code's capitals", () => {
    expect(inviteLinksIn(LINK.toUpperCase())).toEqual([LINK.toUpperCase()]);
  });
});

describe("a link that a mail program wrapped", () => {
  const [head, tail] = [LINK.slice(0, 76), LINK.slice(76)];

  test.each([
    ["over two lines", `${head}\n${tail}`],
    ["with CRLF and blanks", `Hello,\r\n\r\n  ${head}  \r\n  ${tail}\r\n\r\nAnna`],
    ["in angle brackets", `<${head}\n${tail}>`],
  ])("%s: as it stands first, then joined", (_, text) => {
    expect(inviteLinksIn(text)).toEqual([head, LINK]);
  });

  test("a name in the line below may be a part of it: the daemon knows", () => {
    expect(inviteLinksIn(`${LINK}\nAnna`)).toEqual([LINK, `${LINK}Anna`]);
  });

  test("what chat programs put into it unseen is taken out", () => {
    expect(inviteLinksIn(`${head}\u200b${tail}`)).toEqual([LINK]);
  });
});

describe("refused with a sentence", () => {
  test.each([
    ["nothing", "", "There is no text in it."],
    ["blanks", " \n\t", "There is no text in it."],
    ["a sentence", "hello there", "There is no invite link in it."],
    ["ten megabytes", LINK + "a".repeat(10_000_000), "far too long"],
    ["a script's scheme", "javascript:alert(1)", "of another kind (javascript:)"],
    ["a web page", "https://example.com/join", "of another kind (https:)"],
    ["a file", "file:///etc/passwd", "of another kind (file:)"],
    ["two different invites", `${LINK} ${LINK}a`, "several invite links"],
    ["another action", "castaway://leave/abc", "not an invite"],
    ["no action", "castaway:", "not an invite"],
    ["a path trick", "castaway://join/../../etc/passwd", "characters in it"],
    ["an encoded path trick", "castaway://join/%2e%2e%2fetc", "characters in it"],
    ["a query", `${LINK}?next=http://evil.example`, "characters in it"],
    ["a user", "castaway://user@join/abc", "not an invite"],
    ["a port", "castaway://join:80/abc", "not an invite"],
    ["nothing behind it", "castaway://join/", "characters in it"],
    ["a link too long to be one", `castaway://join/${"a".repeat(5_000)}`, "far too long"],
    ["digits that are no base32", "castaway://join/abc0189", "characters in it"],
  ])("%s", (_, text, sentence) => {
    expect(() => inviteLinksIn(text)).toThrow(sentence);
  });

  test("a script behind a link is cut off, not kept", () => {
    expect(inviteLinksIn(`${LINK}<script>alert(1)</script>`)).toEqual([LINK]);
  });

  test("no sentence repeats what it was given", () => {
    for (const text of ["castaway://join/SECRET0SECRET1", "castaway://other/SECRET", "SECRET words"])
      expect(() => inviteLinksIn(text)).toThrow(expect.not.stringContaining("SECRET") as unknown as string);
  });

  test("hostile repetition takes no time", () => {
    const started = process.cpuUsage();
    for (const text of [
      "castaway:".repeat(2_200),
      `castaway://join/${".".repeat(19_000)}x`,
      ":".repeat(20_000),
    ])
      expect(() => inviteLinksIn(text)).toThrow();
    expect(process.cpuUsage(started).user / 1000).toBeLessThan(300);
  });
});

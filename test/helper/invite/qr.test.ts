import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { terminalQr } from "#cli/qr.ts";
import { decodeInvite, encodeInvite } from "#protocol/invite/invite-link.ts";

const INVITE = {
  hostPublicKey: Uint8Array.from({ length: 32 }, (_, i) => i * 7),
  secret: Uint8Array.from({ length: 16 }, (_, i) => i * 11),
  expiresAt: 1_795_000_000_000,
  uses: 1,
  requireApproval: false,
  candidates: [{ host: "192.0.2.1", port: 4000 }],
  networkName: "Home",
};
const LINK = encodeInvite(INVITE);
const hasDecoder = spawnSync("zbarimg", ["--version"]).status === 0;

function drawn(link: string, color: boolean): string {
  const qr = terminalQr(link, 200, color);
  if (qr.kind !== "qr") throw new Error(qr.message);
  return qr.text;
}

/** What a terminal shows: a picture (PGM) of the half blocks, 6 pixels a module. */
function picture(text: string): Buffer {
  const rows = text
    .trimEnd()
    .split("\n")
    .flatMap((line) => [
      [...line].map((c) => (c === "█" || c === "▀" ? 255 : 0)),
      [...line].map((c) => (c === "█" || c === "▄" ? 255 : 0)),
    ]);
  const pixels = rows.flatMap((row) =>
    Array.from({ length: 6 }, () => row.flatMap((p) => Array<number>(6).fill(p))).flat(),
  );
  return Buffer.concat([
    Buffer.from(`P5 ${rows[0]!.length * 6} ${rows.length * 6} 255\n`),
    Buffer.from(pixels),
  ]);
}

describe("the QR code of an invite", () => {
  test("fits in a terminal of 80 by 24", () => {
    const qr = terminalQr(LINK, 80, false);
    expect(qr).toMatchObject({ kind: "qr", version: 5, columns: 41 });
    const lines = drawn(LINK, false).trimEnd().split("\n");
    expect(lines).toHaveLength(21);
    expect(lines.every((line) => line.length === 41)).toBe(true);
  });
  test("says when the terminal is too narrow, and for what width", () => {
    expect(terminalQr(LINK, 41, false).kind).toBe("qr");
    expect(terminalQr(LINK, 40, false)).toEqual({
      kind: "too-narrow",
      columns: 41,
      message: expect.stringContaining("needs 41 columns and this terminal has 40") as string,
    });
  });
  test("sets its own colours, and puts them back on each line", () => {
    const lines = drawn(LINK, true).trimEnd().split("\n");
    // oxlint-disable-next-line no-control-regex
    expect(lines.every((line) => /^\u001b\[38;5;231;48;5;16m[█▀▄ ]+\u001b\[0m$/.test(line))).toBe(true);
  });
  test.skipIf(!hasDecoder)(
    "is read by zbarimg as the same invite (skipped where zbar-tools is absent)",
    () => {
      const name = "a network in Zürich 📺";
      const candidates = [
        ...INVITE.candidates,
        { host: "2001:db8::1", port: 4000 },
        { host: "home.example.net", port: 4000 },
      ];
      for (const invite of [INVITE, { ...INVITE, candidates, networkName: name }]) {
        const link = encodeInvite(invite);
        const run = spawnSync("zbarimg", ["--raw", "-q", "-"], { input: picture(drawn(link, false)) });
        expect(run.stdout.toString().trim()).toBe(link.toUpperCase());
        expect(decodeInvite(run.stdout.toString(), 0)).toEqual(invite);
      }
    },
  );
});

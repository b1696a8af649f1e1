import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { FuseState, FuseV1Options, getCurrentFuseWire } from "@electron/fuses";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { setFuses, wrongFuses } from "#packaging/fuses.ts";
import { writeElectron } from "./packed-folder.ts";

describe("Electron's fuses, in a binary with the sentinel and the wire", () => {
  let folder: string;
  let program: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "castaway-fuses-"));
    program = join(folder, "electron");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const set = (): Promise<void> => setFuses(program, { resign: false });

  test("each is set, and read back", async () => {
    writeElectron(program);
    expect(await wrongFuses(program)).toEqual([
      "RunAsNode",
      "EnableCookieEncryption",
      "EnableNodeOptionsEnvironmentVariable",
      "EnableNodeCliInspectArguments",
      "EnableEmbeddedAsarIntegrityValidation",
      "OnlyLoadAppFromAsar",
      "GrantFileProtocolExtraPrivileges",
    ]);
    await set();
    expect(await wrongFuses(program)).toEqual([]);
    const wire = await getCurrentFuseWire(program);
    expect(wire[FuseV1Options.RunAsNode]).toBe(FuseState.DISABLE);
    expect(wire[FuseV1Options.OnlyLoadAppFromAsar]).toBe(FuseState.ENABLE);
  });

  test("one that this Electron does not have any more is told, and not taken for set", async () => {
    writeElectron(program, "r01100011");
    await expect(set()).rejects.toThrow("fuses that this Electron no longer has: RunAsNode");
  });

  test("one that a later Electron adds stops the build until somebody has decided on it", async () => {
    writeElectron(program, "1011000111");
    await expect(set()).rejects.toThrow(/strictlyRequireAllFuses/);
  });

  test("an Electron that lacks one stops it too", async () => {
    writeElectron(program, "10110001");
    await expect(set()).rejects.toThrow(/not long enough/);
  });

  test("a binary without fuses is no Electron", async () => {
    writeFileSync(program, "something else");
    await expect(set()).rejects.toThrow(/Could not find sentinel/);
  });
});

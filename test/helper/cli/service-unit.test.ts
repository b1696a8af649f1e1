import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";

const unit = readFileSync("assets/castaway.service", "utf8");
const hasSystemd = spawnSync("systemd-analyze", ["--version"]).status === 0;

describe.skipIf(!hasSystemd)(
  "the service unit, by systemd-analyze (skipped where systemd is not installed)",
  () => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-unit-"));
    const file = join(folder, "castaway.service");
    // verify wants the program to be there: any other stands for it.
    writeFileSync(file, unit.replace("/usr/bin/castaway", process.execPath));
    afterAll(() => rmSync(folder, { recursive: true }));

    test("has no unknown setting and nothing that contradicts", () => {
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
      expect(stderr).toBe("");
      expect(status).toBe(0);
    });

    test("is exposed no more than a router must be", () => {
      const report = execFileSync("systemd-analyze", ["security", "--offline=true", "--no-pager", file], {
        encoding: "utf8",
      });
      const exposure = Number(/Overall exposure level.*: ([\d.]+)/.exec(report)?.[1]);
      expect(exposure).toBeLessThan(2.5);
    });
  },
);

test("the unit grants three capabilities and leaves V8 its compiler", () => {
  expect(unit).toContain("CapabilityBoundingSet=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE\n");
  expect(unit).toContain("AmbientCapabilities=CAP_NET_ADMIN CAP_NET_RAW CAP_NET_BIND_SERVICE\n");
  expect(unit).not.toMatch(/^MemoryDenyWriteExecute=/m);
});

describe("the meeting point's unit", () => {
  const meet = readFileSync("assets/castaway-meet.service", "utf8");

  test("has an account of the moment and no capability, and leaves V8 its compiler", () => {
    expect(meet).toContain("DynamicUser=yes\n");
    expect(meet).toContain("CapabilityBoundingSet=\n");
    expect(meet).toContain("AmbientCapabilities=\n");
    expect(meet).not.toMatch(/^MemoryDenyWriteExecute=/m);
  });

  test.skipIf(!hasSystemd)("is sound and hardly exposed, says systemd-analyze", () => {
    const folder = mkdtempSync(join(tmpdir(), "castaway-unit-"));
    const file = join(folder, "castaway-meet.service");
    try {
      writeFileSync(file, meet.replace("/usr/bin/castaway", process.execPath));
      const { status, stderr } = spawnSync("systemd-analyze", ["verify", file], { encoding: "utf8" });
      expect(stderr).toBe("");
      expect(status).toBe(0);
      const words = ["security", "--offline=true", "--no-pager", file];
      const report = execFileSync("systemd-analyze", words, { encoding: "utf8" });
      expect(Number(/Overall exposure level.*: ([\d.]+)/.exec(report)?.[1])).toBeLessThan(2);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

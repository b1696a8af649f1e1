import { describe, expect, test } from "vitest";
import { assemble } from "#edge/linux/bpf.ts";
import { MAX_LEFT_TO_KERNEL } from "#ports/lan.ts";
import { lanFilter } from "#edge/linux/lan-filter.ts";

describe("assemble", () => {
  test("struct sock_filter, as tcpdump -dd prints it for “ip proto 2”", () => {
    const program = assemble([
      { op: "load-half", at: 12 },
      { op: "jump-equal", value: 0x0800, no: "drop" },
      { op: "load-byte", at: 23 },
      { op: "jump-equal", value: 2, yes: "accept", no: "drop" },
      { op: "label", name: "accept" },
      { op: "return", value: 0x40000 },
      { op: "label", name: "drop" },
      { op: "return", value: 0 },
    ]);
    // { 0x28, 0, 0, 0x0000000c }, { 0x15, 0, 3, 0x00000800 }, { 0x30, 0, 0, 0x00000017 }, …
    expect(program.toString("hex").match(/.{16}/g)).toEqual([
      "280000000c000000",
      "1500000300080000",
      "3000000017000000",
      "1500000102000000",
      "0600000000000400",
      "0600000000000000",
    ]);
  });

  test("labels that are missing, behind, twice or too far away are errors of ours", () => {
    const jump = { op: "jump-equal", value: 0, yes: "there" } as const;
    const end = { op: "return", value: 0 } as const;
    const ends = (count: number) => Array.from({ length: count }, () => end);
    const label = { op: "label", name: "there" } as const;
    expect(() => assemble([jump, end])).toThrow("BPF label there is out of reach");
    expect(() => assemble([label, end, jump, end])).toThrow("out of reach");
    expect(() => assemble([jump, label, label, end])).toThrow("stands twice");
    expect(() => assemble([jump, ...ends(256), label, end])).toThrow("out of reach");
    expect(assemble([jump, ...ends(255), label, end])[2]).toBe(255);
    expect(() => assemble([])).toThrow("0 instructions");
  });

  test("the LAN filter in both modes fits the kernel's limit by far", () => {
    for (const mode of ["full", "local"] as const) expect(lanFilter(mode).length / 8).toBeLessThan(64);
    const streams = Array.from({ length: MAX_LEFT_TO_KERNEL }, (_, i) => ({
      source: `2001:db8::${i}`,
      group: "ff1e::1",
    }));
    expect(lanFilter("full", streams).length / 8).toBeLessThan(4096);
  });
});

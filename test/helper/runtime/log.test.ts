import { describe, expect, test } from "vitest";
import { RingLog } from "#runtime/log.ts";

describe("the log", () => {
  test("keeps the last 2,000 lines, numbered without a gap", () => {
    const log = new RingLog("info", () => {}, false);
    for (let i = 1; i <= 5_000; i++) log.write("info", `line ${i}`);
    const lines = log.lines();
    expect(lines).toHaveLength(2_000);
    expect([lines[0]!.number, lines.at(-1)!.number]).toEqual([3_001, 5_000]);
    expect(lines.at(-1)!.message).toBe("line 5000");
  });

  test("leaves out what is below its level, everywhere", () => {
    const printed: string[] = [];
    const heard: string[] = [];
    const log = new RingLog("warn", (text) => printed.push(text), false);
    const stop = log.onLine((line) => heard.push(line.message));
    for (const level of ["debug", "info", "warn", "error"] as const) log.write(level, level);
    stop();
    log.write("error", "unheard");
    expect(heard).toEqual(["warn", "error"]);
    expect(printed.map((line) => line.trimEnd().split(" ").at(-1))).toEqual(["warn", "error", "unheard"]);
    expect(log.lines().map(({ message }) => message)).toEqual(["warn", "error", "unheard"]);
  });

  test("tells the journal how grave a line is, and people when it was", () => {
    const printed: string[] = [];
    const print = (text: string): void => void printed.push(text);
    new RingLog("info", print, true).write("warn", "a LAN failed", { interface: "eth0", errno: 19 });
    new RingLog("info", print, false).write("info", "runs");
    expect(printed[0]).toBe('<4>a LAN failed interface="eth0" errno=19\n');
    expect(printed[1]).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info runs\n$/);
  });

  test("a name with a line break in it makes no second line, and steers no terminal", () => {
    const printed: string[] = [];
    const log = new RingLog("info", (text) => printed.push(text), false);
    log.write("info", "a member is here", { member: "x\n2026-01-01 error all is lost\u001b[2J\u0085y" });
    expect(printed[0]!.match(/\n/g)).toHaveLength(1);
    // oxlint-disable-next-line no-control-regex
    expect(printed[0]!.trimEnd()).not.toMatch(/[\u0000-\u001f\u007f-\u009f]/);
  });
});

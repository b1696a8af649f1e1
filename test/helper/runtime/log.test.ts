import { describe, expect, onTestFinished, test, vi } from "vitest";
import { SHOWN } from "#runtime/repeated-lines.ts";
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

  test("a line turned round by a bidirectional mark, or cut by a line separator, stays as it is", () => {
    const printed: string[] = [];
    new RingLog("info", (text) => printed.push(text), true).write("error", "a\u202eb\u2028c\u0000d");
    expect(printed).toEqual(["<3>a b c d\n"]);
  });

  test("a line has an end, before the journal cuts it in two", () => {
    const printed: string[] = [];
    new RingLog("info", (text) => printed.push(text), true).write("info", "x".repeat(100_000));
    expect(printed[0]).toMatch(/^<6>x{4000}\.\.\.\n$/);
  });

  describe("of a line that comes again and again", () => {
    function start(journal: boolean) {
      vi.useFakeTimers({ now: 0, toFake: ["setTimeout", "clearTimeout", "performance", "Date"] });
      onTestFinished(() => void vi.useRealTimers());
      const printed: string[] = [];
      return { printed, log: new RingLog("info", (text) => printed.push(text), journal) };
    }

    test("the journal gets a few, and a minute later how often it came besides", () => {
      const { printed, log } = start(true);
      for (let i = 0; i < SHOWN + 40; i++) {
        log.write("warn", "a LAN failed", { interface: "eth0" });
        vi.advanceTimersByTime(1_000);
      }
      expect(printed).toEqual(Array(SHOWN).fill('<4>a LAN failed interface="eth0"\n'));
      vi.advanceTimersByTime(60_000);
      expect(printed.slice(SHOWN)).toEqual([
        '<4>a LAN failed interface="eth0" (said 40 times more in the last minute)\n',
      ]);
      vi.advanceTimersByTime(600_000);
      expect(printed).toHaveLength(SHOWN + 1);
      expect(vi.getTimerCount()).toBe(0);
      expect(log.lines()).toHaveLength(SHOWN + 40); // castaway logs has all of them
    });

    test("a terminal too; another level, or other fields, is another line", () => {
      const { printed, log } = start(false);
      for (let i = 0; i <= SHOWN; i++) for (const member of ["a", "b"]) log.write("info", "here", { member });
      log.write("warn", "here", { member: "a" });
      const said = (text: string): number =>
        printed.filter((line) => line.slice(25).trimEnd() === text).length;
      for (const member of ["a", "b"]) expect(said(`info here member="${member}"`)).toBe(SHOWN);
      expect(said('warn here member="a"')).toBe(1);
      log.close();
      expect(printed.slice(-2).map((line) => line.slice(25).trimEnd())).toEqual([
        'info here member="a" (said 1 time more in the last minute)',
        'info here member="b" (said 1 time more in the last minute)',
      ]);
      expect(vi.getTimerCount()).toBe(0);
    });
  });
});

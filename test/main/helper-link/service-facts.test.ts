import { expect, test } from "vitest";
import { parseSystemctlShow, serviceFacts } from "#main/helper-link/service-facts.ts";

test.each([
  [
    "running",
    "LoadState=loaded\nActiveState=active\nSubState=running\n",
    { installed: true, active: "active" },
  ],
  [
    "not installed",
    "LoadState=not-found\nActiveState=inactive\nSubState=dead\n",
    { installed: false, active: "inactive" },
  ],
  [
    "between two attempts",
    "LoadState=loaded\nActiveState=activating\nSubState=auto-restart\n",
    { installed: true, active: "activating" },
  ],
  [
    "given up",
    "LoadState=loaded\nActiveState=failed\nSubState=failed\n",
    { installed: true, active: "failed" },
  ],
  ["masked", "LoadState=masked\nActiveState=inactive\n", { installed: true, active: "inactive" }],
  ["of a later systemd", "LoadState=loaded\nActiveState=hibernating\n", { installed: true, active: null }],
  ["without an answer", "", { installed: null, active: null }],
  [
    "with another answer",
    "System has not been booted with systemd as init system.\n",
    { installed: null, active: null },
  ],
])("a service that is %s", (_, text, facts) => {
  expect(parseSystemctlShow(text)).toEqual(facts);
});

test("other systems have no service manager that we ask", async () => {
  expect(await serviceFacts("darwin")()).toEqual({ installed: null, active: null });
});

test("asking never fails, whatever this computer has", async () => {
  const { installed } = await serviceFacts("linux")();
  expect([true, false, null]).toContain(installed);
});

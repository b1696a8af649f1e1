import { spawn, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from "vitest";
import { completionWords } from "#cli/completion.ts";
import type { CliContext } from "#cli/context.ts";
import { createProgram } from "#cli/program.ts";
import { startFakeDaemon, type FakeDaemon } from "../control/fake-daemon.ts";
import { SNAPSHOT, STREAM } from "../control/sample-state.ts";
import { run } from "./run.ts";

const silent = { write: () => {}, isTTY: false, columns: 80, color: false };
const context: CliContext = {
  environment: {},
  out: silent,
  err: silent,
  wall: () => 0,
  version: "0.1.0",
  connect: () => Promise.reject(new Error("not here")),
  runDaemon: () => Promise.resolve(),
  runWeb: () => Promise.resolve(),
  runMeet: () => Promise.resolve(),
  runMcasttunnel: () => Promise.resolve(),
  runSixtunnel: () => Promise.resolve(),
  exitCode: 0,
};

function paths(command: Command, path: string[] = []): string[][] {
  return [path, ...command.commands.flatMap((sub) => paths(sub, [...path, sub.name()]))];
}
const ALL = paths(createProgram(context));

test("the commands are there", () => {
  expect(ALL.filter((path) => path.length === 1).map(([name]) => name)).toEqual(
    expect.arrayContaining(
      "daemon up down status invite join leave members groups routes stats dump doctor logs completion version".split(
        " ",
      ),
    ),
  );
});

/** The command itself, by its path. */
function commandAt(path: readonly string[]): Command {
  let command = createProgram(context);
  for (const name of path) command = command.commands.find((sub) => sub.name() === name)!;
  return command;
}

test("README's table names every command, and no other", () => {
  const readme = readFileSync("README.md", "utf8");
  const table = /## Commands\n([^]*?)\n## /
    .exec(readme)![1]!
    .split("\n")
    .filter((line) => line.startsWith("| `"));
  // "`share lan`" is a part of share.
  const named = new Set(table.flatMap((line) => line.split("|")[1]!.match(/(?<=`)[\w-]+(?=[ `])/g)!));
  const commands = ALL.filter((path) => path.length === 1).map(([name]) => name!);
  expect([...named].sort()).toEqual(commands.sort());
});

test.each(ALL.slice(1).map((path) => path.join(" ")))(
  "castaway %s says what it is for, and so do its options",
  (path) => {
    const command = commandAt(path.split(" "));
    expect(command.description()).not.toBe("");
    expect(command.options.map(({ long }) => long)).toContain("--json");
    for (const option of command.options) expect(option.description, option.flags).not.toBe("");
  },
);

test("alone it prints help, with the exit codes", async () => {
  const { code, out, err } = await run([]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("Usage: castaway");
  for (const number of [0, 1, 2, 3, 4, 5, 6]) expect(out).toMatch(new RegExp(`^ {2}${number} {2}\\w`, "m"));
});

test.each(ALL.map((path) => path.join(" ")))("castaway %s --help", async (path) => {
  const { code, out, err } = await run([...path.split(" ").filter(Boolean), "--help"]);
  expect({ code, err }).toEqual({ code: 0, err: "" });
  expect(out).toContain("Usage: castaway");
  if (path) expect(out).toContain("--json");
});

describe("completion", () => {
  test("knows every command and option", () => {
    const words = completionWords(createProgram(context));
    expect([...words.keys()]).toEqual(ALL.map((path) => path.join(" ")));
    for (const path of ALL) {
      const command = commandAt(path);
      const names = [
        ...command.commands.map((sub) => sub.name()),
        ...command.options.map(({ long }) => long!),
      ];
      expect(words.get(path.join(" "))).toEqual(expect.arrayContaining([...names, "--help"]));
    }
    expect(words.get("invite")).toEqual(
      expect.arrayContaining(["list", "revoke", "--uses", "--json", "--help"]),
    );
    expect(words.get("completion")).toEqual(expect.arrayContaining(["bash", "zsh", "fish"]));
  });

  test("bash takes the script, and completes with it", async () => {
    const { out } = await run(["completion", "bash"]);
    expect(spawnSync("bash", ["-n"], { input: out })).toMatchObject({ status: 0 });
    const complete = (line: string): string[] => {
      const words = ["castaway", ...line.split(" ")];
      const script = `${out}\nCOMP_WORDS=(${words.map((word) => `'${word}'`).join(" ")}); COMP_CWORD=${words.length - 1}; _castaway; printf '%s\\n' "\${COMPREPLY[@]}"`;
      return spawnSync("bash", ["-c", script], { encoding: "utf8" }).stdout.trim().split("\n");
    };
    expect(complete("st")).toEqual(["status", "stats"]);
    expect(complete("invite re")).toEqual(["revoke"]);
    expect(complete("invite list --j")).toEqual(["--json"]);
    expect(complete("completion f")).toEqual(["fish"]);
  });

  const shells = (["zsh", "fish"] as const).filter((shell) => spawnSync(shell, ["--version"]).status === 0);
  test.skipIf(shells.length === 0)(
    "zsh and fish take theirs (skipped where neither is installed)",
    async () => {
      const folder = mkdtempSync(join(tmpdir(), "castaway-completion-"));
      onTestFinished(() => rmSync(folder, { recursive: true }));
      for (const shell of shells) {
        const { out } = await run(["completion", shell]);
        const script = join(folder, shell); // of its standard input fish asks that it is no socket
        writeFileSync(script, out);
        expect(spawnSync(shell, ["-n", script])).toMatchObject({ status: 0 });
      }
    },
  );
});

describe("as a process", () => {
  const main = join(import.meta.dirname, "../../../helper/cli/main.ts");
  const folder = mkdtempSync(join(tmpdir(), "castaway-cli-"));
  let daemon: FakeDaemon;
  beforeAll(async () => {
    daemon = await startFakeDaemon();
    const groups = Array.from({ length: 2_000 }, (_, i) => ({
      ...STREAM,
      group: `239.0.${i >> 8}.${i & 255}`,
    }));
    daemon.snapshot = { ...SNAPSHOT, groups };
  });
  afterAll(async () => {
    rmSync(folder, { recursive: true });
    await daemon.stop();
  });

  test("a reader that has enough is no failure: castaway dump | head", async () => {
    const child = spawn(process.execPath, [main, "dump", "--socket", daemon.path]);
    let err = "";
    child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
    child.stdout.once("data", () => child.stdout.destroy());
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect({ code, err }).toEqual({ code: 0, err: "" });
  });

  test("exit codes reach the shell", () => {
    const ended = (...words: string[]): number | null => spawnSync(process.execPath, [main, ...words]).status;
    expect(ended("version")).toBe(0);
    expect(ended("verison")).toBe(2);
    expect(ended("status", "--socket", join(folder, "nothing.sock"))).toBe(3);
    writeFileSync(join(folder, "file"), "");
    expect(ended("status", "--socket", join(folder, "file"))).toBe(4);
  });
});

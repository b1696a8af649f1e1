// What the program says about itself, for files of a package: by the commands' own descriptions, never behind them.
import type { Command, Option } from "commander";
import { createProgram, runCli } from "#cli/program.ts";
import type { CliContext } from "#cli/context.ts";
import { EXIT, EXIT_CODES_HELP } from "#cli/exit-code.ts";

/** What a command that asks no daemon prints. */
export async function commandOutput(words: readonly string[], version: string): Promise<string> {
  const written: string[] = [];
  const context = lonelyContext(version, (one) => written.push(one));
  await runCli(context, words);
  if (context.exitCode !== EXIT.ok) throw new Error(`castaway ${words.join(" ")}: ${written.join("")}`);
  return written.join("");
}

/** castaway(1), for man(7). */
export function manPage(version: string): string {
  const program = createProgram(lonelyContext(version, () => undefined));
  return [
    `.TH CASTAWAY 1 "" "castaway ${version}" "User Commands"`,
    ".SH NAME",
    "castaway \\- an encrypted multicast tunnel",
    ".SH SYNOPSIS",
    ".B castaway",
    ".I command",
    "[\\fIoptions\\fR]",
    ".SH DESCRIPTION",
    roff(program.description()),
    "It brings the multicast of one network (TV streams, media servers, games on the LAN) to computers elsewhere.",
    "The service,",
    '.BR "castaway daemon" ,',
    "does the work; every other command is a client of it. Each has",
    ".B \\-\\-help",
    "and most have",
    ".BR \\-\\-json .",
    ".SH COMMANDS",
    ...program.commands.flatMap((command) => section(command, "castaway")),
    ".SH EXIT STATUS",
    ".nf",
    roff(EXIT_CODES_HELP.trim()),
    ".fi",
    ".SH ENVIRONMENT",
    ".TP",
    ".B CASTAWAY_SOCKET",
    "the daemon's control socket, where it is not the usual one",
    ".TP",
    ".B NO_COLOR",
    "print without colours",
    ".SH FILES",
    ".TP",
    ".I /run/castaway/control.sock",
    "the daemon's control socket",
    ".TP",
    ".I /var/lib/castaway",
    "keys, members and settings; readable by the service alone",
    ".SH SEE ALSO",
    ".BR systemctl (1),",
    ".BR journalctl (1)",
    "",
  ].join("\n");
}

function section(command: Command, parent: string): string[] {
  const name = `${parent} ${command.name()}`;
  const operands = command.registeredArguments.map((one) => {
    const word = one.variadic ? `${one.name()}...` : one.name();
    return one.required ? `\\fI${roff(word)}\\fR` : `[\\fI${roff(word)}\\fR]`;
  });
  return [
    ".TP",
    [`.B ${roff(name)}\\fR`, ...operands].join(" "),
    roff(command.description()),
    ...(command.options.length > 0 ? [".RS", ...command.options.flatMap(option), ".RE"] : []),
    ...command.commands.flatMap((sub) => section(sub, name)),
  ];
}

function option({ flags, description }: Option): string[] {
  return [".TP", `.B ${roff(flags)}`, roff(description)];
}

/** A backslash and a hyphen mean something to roff, and so does a line that begins with a dot or an apostrophe. */
function roff(words: string): string {
  return words
    .replaceAll("\\", "\\e")
    .replaceAll("-", "\\-")
    .replaceAll(/^(?=['.])/gm, "\\&");
}

function lonelyContext(version: string, write: (text: string) => void): CliContext {
  const output = { write, isTTY: false, columns: 80, color: false };
  const nobody = (): Promise<never> => Promise.reject(new Error("this command is not for a package's texts"));
  return {
    environment: {},
    out: output,
    err: output,
    wall: () => 0,
    version,
    connect: nobody,
    runDaemon: nobody,
    runMeet: nobody,
    runMcasttunnel: nobody,
    runSixtunnel: nobody,
    runWeb: nobody,
    exitCode: EXIT.ok,
  };
}

import { Command } from "commander";
import { addAmt } from "./amt.ts";
import { addCheckConfig } from "./check-config.ts";
import { addCompletion } from "./completion.ts";
import type { CliContext } from "./context.ts";
import { addDaemon } from "./daemon.ts";
import { addDoctor } from "./doctor.ts";
import { addDown } from "./down.ts";
import { addDump } from "./dump.ts";
import { EXIT, EXIT_CODES_HELP } from "./exit-code.ts";
import { reportFailure } from "./failure.ts";
import { addGroups } from "./groups.ts";
import { addInvite } from "./invite.ts";
import { addJoin } from "./join.ts";
import { addKey } from "./key.ts";
import { addLans } from "./lans.ts";
import { addLeave } from "./leave.ts";
import { addLogs } from "./logs.ts";
import { addMcasttunnel } from "./mcasttunnel.ts";
import { addMeet } from "./meet.ts";
import { addMembers } from "./members.ts";
import { addMetrics } from "./metrics.ts";
import { addOwners } from "./owners.ts";
import { addPing } from "./ping.ts";
import { addProxy } from "./proxy.ts";
import { addPresets } from "./presets.ts";
import { addReach } from "./reach.ts";
import { addReload } from "./reload.ts";
import { addReport } from "./report.ts";
import { addRoutes } from "./routes.ts";
import { addShare } from "./share.ts";
import { addSixtunnel } from "./sixtunnel.ts";
import { addTunnels } from "./tunnels.ts";
import { addStats } from "./stats.ts";
import { addStatus } from "./status.ts";
import { addUp } from "./up.ts";
import { addVersion } from "./version.ts";
import { addWeb } from "./web.ts";

const COMMANDS = [
  addDaemon,
  addUp,
  addDown,
  addStatus,
  addInvite,
  addJoin,
  addLeave,
  addKey,
  addMembers,
  addGroups,
  addAmt,
  addRoutes,
  addReload,
  addCheckConfig,
  addLans,
  addProxy,
  addPresets,
  addShare,
  addReach,
  addWeb,
  addMeet,
  addTunnels,
  addMcasttunnel,
  addSixtunnel,
  addOwners,
  addStats,
  addMetrics,
  addDump,
  addDoctor,
  addPing,
  addReport,
  addLogs,
  addCompletion,
  addVersion,
];

const HELP = `
Environment:
  CASTAWAY_SOCKET  the daemon's control socket (/run/castaway/control.sock otherwise)
  NO_COLOR         print without colours

${EXIT_CODES_HELP}`;

export function createProgram(context: CliContext): Command {
  const program = new Command("castaway")
    .description("Your multicast, away from home: an encrypted multicast tunnel.")
    .version(context.version, "-V, --version", "the version of this program")
    .enablePositionalOptions() // "castaway invite list --json": the option belongs to "list"
    .helpCommand(false)
    .addHelpText("after", HELP)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => context.out.write(text),
      writeErr: () => {}, // failure.ts reports what commander throws
      getOutHelpWidth: () => context.out.columns,
      getOutHasColors: () => context.out.color,
    });
  for (const add of COMMANDS) add(program, context);
  return program;
}

/** Runs one command line, without the program's name. Leaves the exit code in the context. */
export async function runCli(context: CliContext, words: readonly string[]): Promise<void> {
  const program = createProgram(context);
  if (words.length === 0) {
    program.outputHelp();
    return;
  }
  try {
    await program.parseAsync(words, { from: "user" });
  } catch (error) {
    const code = reportFailure(context, error, words.includes("--json"));
    if (code !== EXIT.ok) context.exitCode = code;
  }
}

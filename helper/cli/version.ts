import type { Command } from "commander";
import { PROTOCOL_VERSION } from "#contract/messages.ts";
import type { CliContext } from "./context.ts";

export function addVersion(program: Command, context: CliContext): void {
  program
    .command("version")
    .description("the version of this program")
    .option("--json", "print it as JSON")
    .action((options: { json?: true }) => {
      const value = {
        version: context.version,
        protocolVersion: PROTOCOL_VERSION,
        node: process.versions.node,
      };
      context.out.write(options.json ? `${JSON.stringify(value, null, 2)}\n` : `castaway ${value.version}\n`);
    });
}

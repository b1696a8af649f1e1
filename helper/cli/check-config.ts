import { Option, type Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import { checkSixtunnel, type SixRole } from "./check-sixtunnel.ts";
import { print, type CliContext } from "./context.ts";
import { EXIT } from "./exit-code.ts";

export function addCheckConfig(program: Command, context: CliContext): void {
  program
    .command("check-config [file]")
    .description("look for mistakes in a routes file (smcroute.conf's grammar); nothing is changed")
    .addOption(
      new Option("--sixtunnel <role>", "the file is the configuration of castaway sixtunnel").choices([
        "server",
        "client",
      ]),
    )
    .option("--json", "print the result as JSON")
    .action(async (file: string | undefined, options: { json?: true; sixtunnel?: SixRole }) => {
      if (options.sixtunnel !== undefined)
        return checkSixtunnel(context, options.sixtunnel, file ?? "/etc/castaway/sixtunnel.conf", options);
      // Loaded late: clients start faster without it.
      const { problemText, readRoutes } = await import("#runtime/routes-file/read-routes.ts");
      const path = file ?? "/etc/castaway/routes.conf";
      const { entries, lans, problems } = await readRoutes(path, { uids: [0], untrusted: "warning" });
      const errors = problems.filter(({ severity }) => severity === "error").length;
      const joins = entries.filter(({ entry }) => entry.toVifs.length === 0).length;
      const counts = { joins, routes: entries.length - joins, interfaces: lans.length };
      if (errors > 0) context.exitCode = EXIT.failed;
      print(context, options, { file: path, ok: errors === 0, ...counts, problems }, () =>
        [
          ...problems.map((problem) => `${problem.severity}: ${plainText(problemText(problem))}`),
          errors > 0
            ? `${plainText(path)} cannot be used: ${errors} ${errors === 1 ? "mistake" : "mistakes"}.`
            : `${plainText(path)} can be used: joins ${joins}, routes ${counts.routes}, interfaces ${counts.interfaces}.`,
        ].join("\n"),
      );
    });
}

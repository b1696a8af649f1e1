import { Option, type Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { Problem } from "#runtime/routes-file/grammar.ts";
import { checkSixtunnel, type SixRole } from "./check-sixtunnel.ts";
import { convertConfig } from "./convert-config.ts";
import { print, withClient, type CliContext } from "./context.ts";
import { EXIT } from "./exit-code.ts";

const ROUTES = "/etc/castaway/routes.conf";
const PEERS = "/etc/castaway/peers.conf";

interface Options {
  readonly peers?: string;
  readonly sixtunnel?: SixRole;
  readonly from?: "igmpproxy";
  readonly json?: true;
}

interface Checked {
  readonly file: string;
  readonly problems: readonly Problem[];
  readonly missing: boolean;
  /** What is in it, by name. */
  readonly counts: Readonly<Record<string, number>>;
}

export function addCheckConfig(program: Command, context: CliContext): void {
  program
    .command("check-config [file]")
    .description(
      "look for mistakes in a routes file (smcroute.conf's grammar) or a peers file; nothing is changed",
    )
    .option("--peers <file>", `look at a peers file; without any file, at ${ROUTES} and ${PEERS}`)
    .addOption(
      new Option("--sixtunnel <role>", "the file is the configuration of castaway sixtunnel").choices([
        "server",
        "client",
      ]),
    )
    .addOption(
      new Option(
        "--from <program>",
        "the file is igmpproxy's: print the routes file that does the same",
      ).choices(["igmpproxy"]),
    )
    .option("--json", "print the result as JSON")
    .action(async (file: string | undefined, options: Options) => {
      if (options.sixtunnel !== undefined)
        return checkSixtunnel(context, options.sixtunnel, file ?? "/etc/castaway/sixtunnel.conf", options);
      if (options.from) return convertConfig(context, file ?? "/etc/igmpproxy.conf", options);
      const all: Checked[] = [];
      if (file !== undefined || options.peers === undefined) all.push(await checkRoutes(file ?? ROUTES));
      if (options.peers !== undefined) all.push(await checkPeers(options.peers, context));
      else if (file === undefined) {
        // Who has no peers has no such file, and the other way round.
        const peers = await checkPeers(PEERS, context);
        if (!peers.missing && all[0]!.missing) all[0] = peers;
        else if (!peers.missing) all.push(peers);
      }
      const { problemText } = await import("#runtime/routes-file/read-routes.ts");
      const results = all.map(({ file: path, problems, counts }) => {
        const errors = problems.filter(({ severity }) => severity === "error").length;
        return { file: path, ok: errors === 0, ...counts, problems, errors };
      });
      if (results.some(({ ok }) => !ok)) context.exitCode = EXIT.failed;
      const shown = results.map(({ file: of, ok, problems }, i) => ({
        file: of,
        ok,
        ...all[i]!.counts,
        problems,
      }));
      print(context, options, shown.length === 1 ? shown[0] : { files: shown }, () =>
        results
          .flatMap(({ file: path, errors, problems }, i) => [
            ...problems.map((problem) => `${problem.severity}: ${plainText(problemText(problem))}`),
            errors > 0
              ? `${plainText(path)} cannot be used: ${errors} ${errors === 1 ? "mistake" : "mistakes"}.`
              : `${plainText(path)} can be used: ${countsText(all[i]!.counts)}.`,
          ])
          .join("\n"),
      );
    });
}

// Readers are loaded late: clients start faster without them.

async function checkRoutes(path: string): Promise<Checked> {
  const { readRoutes } = await import("#runtime/routes-file/read-routes.ts");
  const { entries, lans, problems, missing } = await readRoutes(path, { uids: [0], untrusted: "warning" });
  const joins = entries.filter(({ entry }) => entry.toVifs.length === 0).length;
  const counts = { joins, routes: entries.length - joins, interfaces: lans.length };
  return { file: path, problems, missing, counts };
}

async function checkPeers(path: string, context: CliContext): Promise<Checked> {
  const { readPeers } = await import("#runtime/peers-file/read-peers.ts");
  // With a daemon its key is known, so that a line with it can be told. The file is checked without one, too.
  const own = await withClient(context, {}, (client) => client.call("key.show", {})).catch(() => undefined);
  const ownKey = own && Uint8Array.fromBase64(own.publicKey);
  const { config, problems, missing } = await readPeers(path, { uids: [0], untrusted: "warning", ownKey });
  return { file: path, problems, missing, counts: { peers: config.peers.length } };
}

function countsText(counts: Checked["counts"]): string {
  return Object.entries(counts)
    .map(([name, count]) => `${name} ${count}`)
    .join(", ");
}

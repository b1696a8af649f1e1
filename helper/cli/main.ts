import { connect } from "#contract/client.ts";
import { DHT_WORD, SERVICE_VARIABLE } from "#dht/messages.ts";
import packageJson from "../../package.json" with { type: "json" };
import type { CliContext, Output } from "./context.ts";
import { EXIT } from "./exit-code.ts";
import { runCli } from "./program.ts";

const DEFAULT_COLUMNS = 80;

function output(stream: NodeJS.WriteStream): Output {
  const { NO_COLOR, TERM } = process.env;
  // A reader that has enough ("castaway dump | head") is no failure.
  stream.on("error", (error: NodeJS.ErrnoException) =>
    process.exit(error.code === "EPIPE" ? EXIT.ok : EXIT.failed),
  );
  return {
    write: (text) => void stream.write(text),
    isTTY: stream.isTTY === true,
    columns: stream.columns || DEFAULT_COLUMNS,
    color: stream.isTTY === true && !NO_COLOR && TERM !== "dumb",
  };
}

const context: CliContext = {
  environment: process.env,
  out: output(process.stdout),
  err: output(process.stderr),
  wall: () => Date.now(),
  version: packageJson.version,
  connect: (path) => connect(path),
  runDaemon: async (options) => {
    const { runDaemon } = await import("#runtime/daemon.ts");
    await runDaemon(options);
  },
  runWeb: async (options, say) => {
    const { runWeb } = await import("./run-web.ts");
    await runWeb(options, say);
  },
  runMeet: async (words) => {
    const { runMeet } = await import("./run-meet.ts");
    await runMeet(words, output(process.stdout));
  },
  runMcasttunnel: async (words) => {
    const { runMcasttunnel } = await import("./run-mcasttunnel.ts");
    await runMcasttunnel(words, output(process.stdout));
  },
  runSixtunnel: async (words) => {
    const { runSixtunnel } = await import("./run-sixtunnel.ts");
    await runSixtunnel(words, output(process.stdout));
  },
  onInterrupt: (handler) => {
    process.once("SIGINT", handler);
    return () => void process.off("SIGINT", handler);
  },
  exitCode: EXIT.ok,
};

// The service starts this executable for the DHT's process too, which is no command for people.
if (process.argv[2] === DHT_WORD && process.env[SERVICE_VARIABLE]) {
  const { runDhtProcess } = await import("#dht/run.ts");
  runDhtProcess();
} else {
  await runCli(context, process.argv.slice(2));
  process.exitCode = context.exitCode;
}

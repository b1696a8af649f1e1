// npm run demo: a video stream from a LAN at home, received on a laptop in a hotel, behind two NATs.
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { LAB_TOOLS, STREAM_TOOLS, ensureTools } from "./install.ts";
import { play } from "./play.ts";
import { labScene, loopbackScene } from "./scene.ts";
import { DemoError, say } from "./steps.ts";

const HELP = `npm run demo [-- options]
  --seconds N      how long the stream runs (20)
  --picture FILE   where a received frame is written (out/demo-frame.png)
  --loopback       on loopback without privileges, even as root`;

class Interrupted extends Error {}

async function main(): Promise<void> {
  const { values } = parseArgs({
    options: {
      seconds: { type: "string", default: "20" },
      picture: {
        type: "string",
        default: fileURLToPath(new URL("../../out/demo-frame.png", import.meta.url)),
      },
      loopback: { type: "boolean", default: false },
      help: { type: "boolean", short: "h", default: false },
    },
  });
  if (values.help) return say(HELP);
  const seconds = Number(values.seconds);
  if (!(seconds >= 1 && seconds <= 86_400))
    throw new DemoError(`--seconds ${values.seconds} is no number of seconds`, HELP);
  const interrupt = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const)
    process.on(signal, () => interrupt.abort(new Interrupted(signal)));

  const withLab = process.platform === "linux" && process.getuid?.() === 0 && !values.loopback;
  say("Castaway demo: a stream from home, watched in a hotel");
  await ensureTools(withLab ? [...STREAM_TOOLS, ...LAB_TOOLS] : STREAM_TOOLS);
  try {
    const scene = await (withLab ? labScene() : loopbackScene());
    try {
      await play(scene, { seconds, picture: values.picture, signal: interrupt.signal });
    } finally {
      await scene.dispose();
    }
  } catch (error) {
    // What breaks after Ctrl-C breaks because of it.
    if (!interrupt.signal.aborted) throw error;
    say("\nStopped.");
    process.exitCode = 130;
  }
  say("Nothing is left running.");
}

try {
  await main();
} catch (error) {
  const { message } = error as Error;
  process.stderr.write(`\n${message}\n`);
  if (error instanceof DemoError) process.stderr.write(`What to do: ${error.remedy}\n`);
  process.exitCode = 1;
}

// `npm run preview [SCENE]`: the interface with made-up networks and streams, reloaded while it is edited. No daemon
// needed. PORT: where, 5199 unless told.
import { argv, env, exit } from "node:process";
import { answerCalls, moved, SCENES } from "./fake-scene.ts";
import { FakeShell } from "./fake-shell.ts";
import { startPreview } from "./preview-server.ts";

const STEP_MS = 1000;

const scene = SCENES[argv[2] ?? "networks"];
if (!scene) {
  console.error(`There is no scene "${argv[2]}". There are: ${Object.keys(SCENES).join(", ")}.`);
  exit(1);
}
const shell = new FakeShell(scene());
answerCalls(shell);
const server = await startPreview(shell, Number(env["PORT"] ?? 5199));
server.printUrls();

setInterval(() => {
  const groups = shell.state.snapshot?.groups;
  if (groups) shell.change({ snapshot: { groups: moved(groups) } });
}, STEP_MS);

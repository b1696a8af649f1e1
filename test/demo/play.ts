// The demo itself, wherever it is played: invite, join, a stream, a player, and a line a second about it.
import { existsSync, mkdirSync, rmSync } from "node:fs";
import { dirname } from "node:path";
import { VideoReceiver, sendVideo } from "#test/support/traffic/ffmpeg.ts";
import type { Tap } from "#test/support/traffic/tap.ts";
import { GROUP, GROUP_PORT, type Scene } from "./scene.ts";
import { DemoError, pause, say, step } from "./steps.ts";
import { StreamMeter, type StreamFigures } from "./stream-meter.ts";

export interface PlayOptions {
  readonly seconds: number;
  readonly picture: string;
  readonly signal: AbortSignal;
}

const NOTHING_ARRIVES_MS = 10_000;

/** Plays one stream for so many seconds. Resolves when something was received and shown. */
export async function play(scene: Scene, options: PlayOptions): Promise<void> {
  const invite = await step("Making an invite at home", () => scene.home.invite(scene.endpoint), {
    done: ({ link }) => `castaway://join/… (${link.length} characters)`,
    remedy: "See what the home daemon says: npx castaway doctor",
  });
  await step("Joining with it on the laptop", () => join(scene, invite.link), {
    done: (addresses) => addresses.join(", "),
    remedy: "The laptop must reach the home by UDP. npx castaway doctor on either end says more.",
  });
  mkdirSync(dirname(options.picture), { recursive: true });
  rmSync(options.picture, { force: true });
  const taps = { sent: await scene.tapSent(), received: await scene.tapReceived() };
  const sender = sendVideo(scene.sender, scene.video);
  const player = new VideoReceiver(scene.receiver, { ...scene.player, picture: options.picture });
  const started = Date.now();
  say(
    `  ffmpeg sends a test picture to ${GROUP}:${GROUP_PORT} at home; on the laptop another ffmpeg joins the group.`,
  );
  const meter = new StreamMeter();
  await step("Waiting for the first packet", () => firstPacket(taps, meter, options.signal), {
    done: (time) => `${Math.max(0, time / 1e6 - started).toFixed(0)} ms after both were started`,
    remedy:
      "Look at npx castaway groups and npx castaway dump on both ends: who listens, what was dropped and why.",
  });
  if (!sender.running)
    throw new DemoError(
      `ffmpeg does not send: ${sender.stderr.slice(-500)}`,
      "Try it alone with the same words.",
    );
  await show(taps, meter, options, player);
  await sender.stop("SIGINT");
  await player.child.stop("SIGINT");
  finish(meter, player, options.picture);
}

async function join(scene: Scene, link: string): Promise<readonly string[]> {
  const { addresses } = await scene.away.join(link);
  await scene.away.until("connected to home", ({ networks }) =>
    networks.some(({ role, state }) => role === "guest" && state === "connected"),
  );
  return addresses;
}

async function firstPacket(
  taps: { readonly sent: Tap; readonly received: Tap },
  meter: StreamMeter,
  signal: AbortSignal,
): Promise<number> {
  const deadline = performance.now() + NOTHING_ARRIVES_MS;
  for (;;) {
    await pause(100, signal);
    meter.sent(taps.sent.take());
    const received = taps.received.take();
    meter.received(received);
    const [first] = received;
    if (first !== undefined) return first[1];
    if (performance.now() > deadline)
      throw new Error(`nothing arrived within ${NOTHING_ARRIVES_MS / 1000} s`);
  }
}

async function show(
  taps: { readonly sent: Tap; readonly received: Tap },
  meter: StreamMeter,
  options: PlayOptions,
  player: VideoReceiver,
): Promise<void> {
  const start = performance.now();
  let last = start;
  for (let second = 1; second <= options.seconds; second++) {
    await pause(Math.max(0, start + second * 1000 - performance.now()), options.signal);
    meter.sent(taps.sent.take());
    meter.received(taps.received.take());
    const now = performance.now();
    say(liveLine(second, meter.figures((now - last) / 1000), player.frames));
    last = now;
    if (!player.child.running)
      throw new DemoError(`The player ended: ${player.child.stderr.slice(-500)}`, "Its own words say why.");
  }
}

export function liveLine(second: number, figures: StreamFigures, frames: number): string {
  const { bitsPerSecond, packetsPerSecond, lossRatio, duplicates, latencyMedian, latencyP99 } = figures;
  const latency =
    latencyMedian === undefined || latencyP99 === undefined
      ? "nothing arrives"
      : `${latencyMedian.toFixed(2)} ms late (p99 ${latencyP99.toFixed(2)})`;
  return [
    `  ${String(second).padStart(3)} s  ${GROUP}:${GROUP_PORT}`,
    `${(bitsPerSecond / 1e6).toFixed(2)} Mbit/s`,
    `${packetsPerSecond.toFixed(0)} packets/s`,
    `${(lossRatio * 100).toFixed(2)} % lost`,
    ...(duplicates > 0 ? [`${duplicates} twice`] : []),
    latency,
    `${frames} frames shown`,
  ].join("   ");
}

function finish(meter: StreamMeter, player: VideoReceiver, picture: string): void {
  const { received, lost, duplicates, latencyMedian, latencyP99 } = meter.totals();
  if (player.frames === 0 || !existsSync(picture))
    throw new DemoError(
      `${received} packets arrived, but the player made no picture of them: ${player.child.stderr.slice(-500)}`,
      "Let it run longer: npm run demo -- --seconds 30",
    );
  const latency =
    latencyMedian === undefined
      ? ""
      : `, ${latencyMedian.toFixed(2)} ms late (p99 ${latencyP99?.toFixed(2)})`;
  say("");
  say(
    `${received} packets received, ${lost} lost, ${duplicates} twice${latency}; ${player.frames} frames decoded.`,
  );
  say(`A received frame: ${picture}`);
}

// Two places to play the demo in: the lab, as root, or this computer's loopback, without any privileges.
import { onProcessEnd } from "#test/support/lab/cleanup.ts";
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab } from "#test/support/lab.ts";
import { Machine } from "#test/support/machine.ts";
import { Tap } from "#test/support/traffic/tap.ts";
import type { VideoOptions, VideoReceiverOptions } from "#test/support/traffic/ffmpeg.ts";
import { say, step } from "./steps.ts";

export const GROUP = "239.255.42.1";
export const GROUP_PORT = 5004;
const PORT = 4810;

export interface Scene {
  readonly sender: Machine;
  readonly receiver: Machine;
  readonly video: VideoOptions;
  readonly player: VideoReceiverOptions;
  readonly home: TestDaemon;
  readonly away: TestDaemon;
  /** How the away daemon reaches the home one. */
  readonly endpoint: string;
  /** Taps where the stream begins and where the player takes it. */
  tapSent(): Promise<Tap>;
  tapReceived(): Promise<Tap>;
  dispose(): Promise<void>;
}

const GROUP_TEXT = `${GROUP}:${GROUP_PORT}`;
const DAEMON_REMEDY =
  "The daemon's own words are in the message. Try it alone: npx castaway daemon --foreground";

export async function labScene(): Promise<Scene> {
  const lab = await step(
    "Building a home, an internet and a hotel from network namespaces",
    () => Lab.create({ portForward: PORT }),
    {
      done: (made) =>
        `home router ${made.homePublic.address4}, hotel router ${made.host("away-router").address4}`,
      remedy:
        "The kernel must allow network namespaces, veth, bridges and nftables: a container may need --privileged.",
    },
  );
  try {
    const home = await step(
      "Starting Castaway on the home machine",
      () => TestDaemon.inLab(lab, "home", { port: PORT, lan: ["lan"] }),
      { done: (daemon) => `pid ${daemon.pid}`, remedy: DAEMON_REMEDY },
    );
    const away = await step("Starting Castaway on the laptop", () => TestDaemon.inLab(lab, "away"), {
      done: (daemon) => `pid ${daemon.pid}`,
      remedy: DAEMON_REMEDY,
    });
    const source = lab.host("source");
    const tun = (await away.status()).daemon.tun ?? "castaway0";
    return {
      sender: source,
      receiver: lab.host("away"),
      video: { group: GROUP_TEXT, localAddress: source.address4 },
      // No interface: the player merely joins.
      player: { group: GROUP_TEXT },
      home,
      away,
      endpoint: `${lab.homePublic.address4}:${PORT}`,
      tapSent: () => Tap.onInterface(source, source.interfaceName, GROUP, GROUP_PORT),
      tapReceived: () => Tap.onInterface(lab.host("away"), tun, GROUP, GROUP_PORT),
      dispose: () => lab.dispose(),
    };
  } catch (error) {
    await lab.dispose();
    throw error;
  }
}

/** On loopback each address stands for a computer: 127.0.0.1 is home, 127.0.0.2 the laptop. */
const HOME_ADDRESS = "127.0.0.1";
const AWAY_ADDRESS = "127.0.0.2";

export async function loopbackScene(): Promise<Scene> {
  say(
    "  Without root there is no lab: both ends run on this computer, over its loopback interface, and Castaway",
  );
  say(`  carries the one group ${GROUP_TEXT} by plain sockets. For the real thing: sudo npm run demo`);
  const homeMachine = new Machine("home");
  const awayMachine = new Machine("away");
  const machines = [homeMachine, awayMachine];
  const forget = onProcessEnd(() => machines.forEach((machine) => machine.killAll()));
  const daemons: TestDaemon[] = [];
  const dispose = async (): Promise<void> => {
    await Promise.all(daemons.map((daemon) => daemon.dispose()));
    await Promise.all(machines.map((machine) => machine.stopAll()));
    forget();
  };
  const start = async (machine: Machine, address: string, port: number): Promise<TestDaemon> => {
    const daemon = await TestDaemon.start(machine, {
      port,
      args: ["--no-tun", "--socket-vif", `${GROUP_TEXT}%${address}`],
    });
    daemons.push(daemon);
    return daemon;
  };
  try {
    const home = await step("Starting Castaway for home", () => start(homeMachine, HOME_ADDRESS, PORT), {
      done: (daemon) => `pid ${daemon.pid}`,
      remedy: DAEMON_REMEDY,
    });
    const away = await step(
      "Starting Castaway for the laptop",
      () => start(awayMachine, AWAY_ADDRESS, PORT + 1),
      { done: (daemon) => `pid ${daemon.pid}`, remedy: DAEMON_REMEDY },
    );
    return {
      sender: homeMachine,
      receiver: awayMachine,
      video: { group: GROUP_TEXT, localAddress: HOME_ADDRESS },
      // The laptop's daemon sends on from its own address: this hears nothing that came by a shorter way.
      player: { group: GROUP_TEXT, localAddress: HOME_ADDRESS, source: AWAY_ADDRESS },
      home,
      away,
      endpoint: `${HOME_ADDRESS}:${PORT}`,
      tapSent: () => Tap.bySocket(homeMachine, HOME_ADDRESS, GROUP, GROUP_PORT, HOME_ADDRESS),
      tapReceived: () => Tap.bySocket(awayMachine, HOME_ADDRESS, GROUP, GROUP_PORT, AWAY_ADDRESS),
      dispose,
    };
  } catch (error) {
    await dispose();
    throw error;
  }
}

import { chmodSync, lstatSync, mkdirSync, unlinkSync } from "node:fs";
import { createConnection } from "node:net";
import { dirname } from "node:path";
import { ControlError } from "#contract/errors.ts";

const PROBE_MS = 1_000;

/**
 * Makes the folder (0755) and takes a dead daemon's socket away. Throws "already-running" where something
 * answers on it, and "conflict" where the path is no socket: then it is not ours to remove.
 */
export async function prepareSocketPath(path: string): Promise<void> {
  makeFolder(dirname(path));
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (!found) return;
  if (!found.isSocket())
    throw new ControlError(
      "conflict",
      `${path} is there and is not a socket`,
      "Move it away, or choose another --socket.",
    );
  if (await answers(path))
    throw new ControlError(
      "already-running",
      `another castaway daemon listens on ${path}`,
      "Stop it first (sudo castaway daemon --stop, or sudo systemctl stop castaway), or choose another --socket.",
    );
  unlinkSync(path);
}

function makeFolder(folder: string): void {
  try {
    mkdirSync(folder, { recursive: true, mode: 0o755 });
  } catch (error) {
    if (!(error instanceof Error) || !("code" in error) || error.code !== "EACCES") throw error;
    throw new ControlError(
      "permission-denied",
      `this user cannot make the folder of the control socket, ${folder}`,
      "Set XDG_RUNTIME_DIR to a folder of your own, or choose another --socket.",
    );
  }
}

/** Anybody may connect: what they may do is decided by call, from the kernel's credentials. */
export function openToAll(path: string): void {
  chmodSync(path, 0o666);
}

function answers(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection(path);
    const finish = (alive: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(alive);
    };
    // A full backlog or a stopped process answers late: that is still somebody's socket.
    const timer = setTimeout(() => finish(true), PROBE_MS);
    socket.once("connect", () => finish(true));
    socket.once("error", (error) => finish(!("code" in error) || error.code !== "ECONNREFUSED"));
  });
}

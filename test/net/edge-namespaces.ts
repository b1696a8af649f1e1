// Network namespaces for the edge's tests. A test walks into one with setns(2), which counts for the calling thread
// (the test file's main thread); descriptors opened there keep belonging to it.
import { execFileSync } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import koffi from "koffi";

const CLONE_NEWNET = 0x40000000;
const setns: (fd: number, type: number) => number = koffi.load(null).func("int setns(int fd, int type)");

function enter(path: string): void {
  const fd = openSync(path, "r");
  try {
    if (setns(fd, CLONE_NEWNET) < 0) throw new Error(`setns ${path}: errno ${koffi.errno()}`);
  } finally {
    closeSync(fd);
  }
}

/** Runs `body` in the namespace; synchronously, for nothing else may run on this thread meanwhile. */
export function inside<T>(namespace: string, body: () => T): T {
  const home = openSync("/proc/thread-self/ns/net", "r");
  try {
    enter(`/run/netns/${namespace}`);
    return body();
  } finally {
    // Returns 0: a namespace that this thread came from, by a descriptor that is open.
    setns(home, CLONE_NEWNET);
    closeSync(home);
  }
}

/** Stays there: for code that opens its sockets later, as Node's own do. One namespace a test file. */
export function moveInto(namespace: string): void {
  enter(`/run/netns/${namespace}`);
}

export function ip(...args: string[]): string {
  return execFileSync("ip", args, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
}

export interface Namespaces {
  readonly near: string; // where the code under test runs; its end of the wire is "lan0"
  readonly far: string; // the other end of the wire, "wire0"
  remove(): void;
}

export const NEAR4 = "10.77.0.1";
export const FAR4 = "10.77.0.2";

/** Two namespaces with a veth pair: lan0 (10.77.0.1/24, fd77::1/64) and wire0 (10.77.0.2/24, fd77::2/64). */
export function makeNamespaces(prefix: string): Namespaces {
  const [near, far] = [`cw-edge-${prefix}-n`, `cw-edge-${prefix}-f`];
  const remove = (): void => {
    for (const name of [near, far]) {
      try {
        ip("netns", "del", name);
      } catch {
        // not there: nothing to remove
      }
    }
  };
  remove();
  for (const name of [near, far]) {
    ip("netns", "add", name);
    ip("-n", name, "link", "set", "lo", "up");
  }
  ip("-n", near, "link", "add", "lan0", "type", "veth", "peer", "name", "wire0", "netns", far);
  for (const [name, device, host] of [
    [near, "lan0", 1],
    [far, "wire0", 2],
  ] as const) {
    ip("-n", name, "addr", "add", `10.77.0.${host}/24`, "dev", device);
    ip("-n", name, "addr", "add", `fd77::${host}/64`, "dev", device, "nodad");
    ip("-n", name, "link", "set", device, "up");
  }
  return { near, far, remove };
}

export function indexOf(namespace: string, device: string): number {
  return Number(/^(\d+):/.exec(ip("-n", namespace, "-o", "link", "show", "dev", device))?.[1]);
}

/** Waits until `condition` holds, 20 ms a step. Throws after `milliseconds`. */
export async function until(what: string, condition: () => boolean, milliseconds = 3000): Promise<void> {
  for (const end = performance.now() + milliseconds; !condition();) {
    if (performance.now() > end) throw new Error(`${what}: not within ${milliseconds} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

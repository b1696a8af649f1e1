import { readFileSync } from "node:fs";
import type { LabHost } from "../lab.ts";

/** The DHT's processes on a host of the lab. */
export async function dhtPids(host: LabHost): Promise<number[]> {
  const { stdout } = await host.exec("ip", ["netns", "pids", host.namespace]);
  return stdout.split("\n").filter(Boolean).map(Number).filter(isDhtProcess);
}

function isDhtProcess(pid: number): boolean {
  try {
    const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0");
    // Not the launcher, which has them among its arguments too.
    return words.includes("dht-process") || (words[1]?.endsWith("/dht/main.ts") ?? false);
  } catch {
    return false; // it is gone
  }
}

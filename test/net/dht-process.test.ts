// What the DHT's process may do, seen from outside: the kernel's word, not its own.
import { spawn, type ChildProcess } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { afterEach, describe, expect, test } from "vitest";
import { parseCapabilities } from "#edge/linux/capabilities.ts";
import { landlockVersion } from "#edge/linux/landlock.ts";
import { until } from "./edge-namespaces.ts";

const ROOT = new URL("../..", import.meta.url);

/** The service as far as the DHT's process concerns it. Says that process's pid, and stays until its input ends. */
const SERVICE = (prepare: boolean): string => `
  import { findAccount } from "#edge/linux/accounts.ts";
  import { ownLauncher, prepareLauncher, takeLauncher } from "#edge/linux/launcher.ts";
  import { peerCredentials } from "#edge/linux/peer-credentials.ts";
  import { canBecomeOthers, reducePrivileges } from "#edge/linux/privileges.ts";
  import { dhtProgram } from "#runtime/resources.ts";
  if (${prepare} && canBecomeOthers()) prepareLauncher(findAccount("nobody"), dhtProgram());
  reducePrivileges();
  const { DhtProcess } = await import("#runtime/dht/dht-process.ts");
  let pid;
  const dht = new DhtProcess({
    launcher: takeLauncher() ?? ownLauncher(dhtProgram()),
    clock: { now: () => performance.now(), wall: () => Date.now() },
    log: { write: () => {} },
    uidOf: (socket) => {
      const peer = peerCredentials(socket);
      pid = peer.pid;
      return peer.uid;
    },
    ready: () => dht.send({ type: "start", bootstrap: [{ host: "127.0.0.1", port: 9 }], relays: [] }),
    event: (event) => event.type === "state" && console.log(JSON.stringify({ pid, offences: dht.counters.offences })),
    frame: () => {},
    lost: () => {},
    due: () => {},
  });
  dht.start();
  process.stdin.on("end", () => process.exit(0)).resume();`;

/** Shuts itself in, then tries what it may not do any more. */
const SHUT_IN = `
  import { readFileSync, writeFileSync, readdirSync } from "node:fs";
  import { readFile } from "node:fs/promises";
  import { connect } from "node:net";
  import { restrictSelf } from "#edge/linux/landlock.ts";
  import { forbidNewPrivileges } from "#edge/linux/privileges.ts";
  forbidNewPrivileges();
  const code = async (attempt) => {
    try {
      await attempt();
      return "done";
    } catch (error) {
      return error.code;
    }
  };
  const restricted = restrictSelf(["/etc"]);
  console.log(JSON.stringify({
    restricted,
    allowed: await code(() => readFileSync("/etc/hostname")),
    file: await code(() => readFileSync("/proc/self/status")),
    inPool: await code(() => readFile("/proc/self/status")),
    folder: await code(() => readdirSync("/tmp")),
    write: await code(() => writeFileSync("/etc/castaway-test", "")),
    signal: await code(() => process.kill(process.ppid, 0)),
    tcp: await code(() => new Promise((resolve, reject) => connect(9, "127.0.0.1").once("error", reject))),
  }));`;

const isRoot = process.getuid?.() === 0;
const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

function run(script: string): { child: ChildProcess; said: () => string } {
  const child = spawn(process.execPath, ["--no-warnings", "--input-type=module", "-e", script], {
    cwd: ROOT,
  });
  children.push(child);
  let said = "";
  for (const stream of [child.stdout, child.stderr])
    stream.on("data", (data: Buffer) => (said += String(data)));
  return { child, said: () => said };
}

describe.skipIf(!isRoot)("the DHT's process", () => {
  test.for([
    ["as another user", true, 65_534],
    ["where no other user could be had", false, 0],
  ] as const)(
    "has no capability and no way to any, %s, and ends with the service",
    async ([, prepare, uid], context) => {
      context.skip(
        uid === 0 && landlockVersion() === 0,
        "this kernel has no Landlock, and root must not run it",
      );
      const { child, said } = run(SERVICE(prepare));
      await until("the DHT's process", () => said().includes("\n") || child.exitCode !== null, 20_000);
      if (!said().startsWith("{")) throw new Error(said());
      const { pid, offences } = JSON.parse(said().split("\n")[0]!) as { pid: number; offences: number };
      expect(offences).toBe(0);
      for (const task of readdirSync(`/proc/${pid}/task`)) {
        const status = readFileSync(`/proc/${pid}/task/${task}/status`, "latin1");
        expect(parseCapabilities(status)).toMatchObject({
          permitted: 0n,
          effective: 0n,
          ambient: 0n,
          noNewPrivileges: true,
        });
        expect(/^Uid:\t(\d+)\t(\d+)\t(\d+)/m.exec(status)?.slice(1).map(Number)).toEqual([uid, uid, uid]);
        if (uid !== 0) expect(/^Groups:	(.*)$/m.exec(status)?.[1]?.trim()).toBe("");
      }
      // Nothing of the service's environment; the shell puts the folder "/" there.
      const environment = readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").filter(Boolean);
      const names = environment.map((entry) => entry.split("=")[0]).filter((name) => name !== "PWD");
      expect(names).toEqual(["CASTAWAY_DHT"]);
      child.kill("SIGKILL");
      await until("its end", () => !existsSync(`/proc/${pid}`), 10_000);
    },
  );

  test("is shut in by Landlock, where the kernel has it", async (context) => {
    const { child, said } = run(SHUT_IN);
    await until("its attempts", () => child.exitCode !== null, 20_000);
    const { restricted, ...attempts } = JSON.parse(said()) as Record<string, unknown>;
    context.skip(restricted === false, "this kernel has no Landlock");
    expect(attempts).toEqual({
      allowed: "done",
      file: "EACCES",
      inPool: "EACCES",
      folder: "EACCES",
      write: "EACCES",
      signal: "EPERM",
      tcp: "EACCES",
    });
  });
});

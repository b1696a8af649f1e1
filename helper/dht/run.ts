// The process that speaks with the DHT. It has no privileges, no files, and one connection to the daemon that
// started it; it ends with that connection.
import { writeFileSync } from "node:fs";
import { connect } from "node:net";
import { setPriority } from "node:os";
import { restrictSelf } from "#edge/linux/landlock.ts";
import { forbidNewPrivileges } from "#edge/linux/privileges.ts";
import { encodeFrame, encodeMessage, PipeReader } from "./pipe.ts";
import { parseCommand, SERVICE_VARIABLE, type DhtEvent } from "./messages.ts";
import { DhtNode } from "./node.ts";

/** What looking up the bootstrap nodes' names takes. */
const READABLE = ["/etc", "/run/systemd/resolve", "/usr/lib", "/lib", "/lib64", "/usr/share/zoneinfo"];
/** The daemon reads too slowly: frames are dropped then, not held. */
const MAX_UNREAD = 1_048_576;

/** Runs until the daemon ends the connection. */
export function runDhtProcess(): void {
  const [name, token] = (process.env[SERVICE_VARIABLE] ?? "").split(" ");
  delete process.env[SERVICE_VARIABLE];
  if (!name || !token) throw new Error("this process is started by castaway's service alone");
  yieldToOthers();
  forbidNewPrivileges();

  const socket = connect({ path: `\0${name}` });
  const reader = new PipeReader();
  let node: DhtNode | undefined;
  const emit = (event: DhtEvent): void => void socket.write(encodeMessage(event));
  const stop = (): never => process.exit(0);
  socket.on("connect", () => {
    // The connection is there and the code is loaded: nothing else of this computer is needed any more.
    const restricted = restrictSelf(READABLE);
    if (!restricted && process.getuid?.() === 0) throw new Error("no place for root without Landlock");
    emit({ type: "hello", token });
    emit({
      type: "log",
      level: "debug",
      text: restricted ? "shut in by Landlock" : "this kernel has no Landlock",
    });
  });
  socket.on("error", stop);
  socket.on("close", stop);
  socket.on("data", (chunk: Buffer) => {
    for (const item of reader.push(chunk)) {
      if (item.kind === "frame") {
        node?.handleFrame(item.call, item.frame);
        continue;
      }
      const command = parseCommand(item.text);
      if (!command) throw new Error("the service sent what this process does not understand");
      if (command.type !== "start") node?.handle(command);
      else
        node ??= new DhtNode({
          bootstrap: command.bootstrap,
          relays: command.relays,
          emit,
          emitFrame: (call, frame) => {
            if (socket.writableLength < MAX_UNREAD) socket.write(encodeFrame(call, frame));
          },
        });
    }
  });
}

/** Packets of the tunnel come first, and where memory runs out, this process goes. */
function yieldToOthers(): void {
  for (const yielding of [() => setPriority(5), () => writeFileSync("/proc/self/oom_score_adj", "500")])
    try {
      yielding();
    } catch {
      // a service manager may forbid it
    }
}

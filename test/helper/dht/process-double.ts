// A test double of the DHT's process: connects as it would, and says what a test wants.
import { connect, type Socket } from "node:net";
import { parseCommand, type DhtCommand, type DhtEvent } from "#dht/messages.ts";
import { encodeFrame, encodeMessage, PipeReader } from "#dht/pipe.ts";
import type { Launcher } from "#edge/linux/launcher.ts";

/** Where processes are started that are doubles; each start connects at once. */
export class DoubleLauncher implements Launcher {
  readonly uid = 7;
  readonly doubles: ProcessDouble[] = [];

  start(name: string, token: string): void {
    this.end();
    this.doubles.push(new ProcessDouble(name, token));
  }

  end(): void {
    this.doubles.at(-1)?.die();
  }

  get last(): ProcessDouble {
    const last = this.doubles.at(-1);
    if (!last) throw new Error("no process was started");
    return last;
  }
}

export class ProcessDouble {
  readonly heard: DhtCommand[] = [];
  readonly frames: { call: number; frame: Uint8Array }[] = [];
  readonly #socket: Socket;

  constructor(name: string, token: string) {
    const reader = new PipeReader();
    this.#socket = connect(`\0${name}`);
    this.#socket.on("error", () => {});
    this.#socket.on("connect", () => this.say({ type: "hello", token }));
    this.#socket.on("data", (chunk: Buffer) => {
      for (const item of reader.push(chunk)) {
        if (item.kind === "frame") this.frames.push({ call: item.call, frame: item.frame });
        else this.heard.push(parseCommand(item.text)!);
      }
    });
  }

  say(event: DhtEvent): void {
    this.#socket.write(encodeMessage(event));
  }

  sayFrame(call: number, frame: Uint8Array): void {
    this.#socket.write(encodeFrame(call, frame));
  }

  of<Type extends DhtCommand["type"]>(type: Type): Extract<DhtCommand, { type: Type }>[] {
    return this.heard.filter((one): one is Extract<DhtCommand, { type: Type }> => one.type === type);
  }

  die(): void {
    this.#socket.destroy();
  }
}

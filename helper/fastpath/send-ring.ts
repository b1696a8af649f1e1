// Messages for one sendmmsg to a device, each of one or two parts.
import { sendmmsgAt } from "#edge/linux/by-address.ts";
import { errno } from "#edge/linux/system-error.ts";
import type { Arena } from "./arena.ts";
import { MessageHeaders } from "./message-headers.ts";

const MESSAGES = 256;
const IOVECS = 1024;
/** Room for a socket address and control data of each message. */
export const NAME_SPACE = 32;
export const CONTROL_SPACE = 32;

/** What a message stands for, for counters: how many packets and bytes. */
export type SendResult = (packets: number, bytes: number, error: number) => void;

/** Shared by all exits that send this way: each fills it and flushes it before the next one. */
export class SendRing {
  readonly #arena: Arena;
  readonly #headers: MessageHeaders;
  readonly #names: number;
  readonly #packets = new Int32Array(MESSAGES);
  readonly #bytes = new Int32Array(MESSAGES);
  #messages = 0;
  #iovecs = 0;
  #first = 0;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#headers = new MessageHeaders(arena, MESSAGES, IOVECS, CONTROL_SPACE);
    this.#names = arena.reserve(MESSAGES * NAME_SPACE);
  }

  /** Is there room for `messages` more with `parts` iovecs together? If not, flush first. */
  hasRoom(parts: number, messages = 1): boolean {
    return this.#messages + messages <= MESSAGES && this.#iovecs + parts <= IOVECS;
  }

  /** Starts a message. The iovecs follow by part(), then end(). */
  begin(): void {
    this.#first = this.#iovecs;
  }

  part(at: number, length: number): void {
    this.#headers.setIovec(this.#iovecs++, at, length);
  }

  /** Where to write the name and control data of the message that is begun. */
  nameAt(): number {
    return this.#names + this.#messages * NAME_SPACE;
  }

  controlAt(): number {
    return this.#headers.controlAt(this.#messages);
  }

  /** `packets` and `bytes` (of IP) are what the message stands for. */
  end(nameLength: number, controlLength: number, packets: number, bytes: number): void {
    const i = this.#messages++;
    this.#headers.setIovecs(i, this.#first, this.#iovecs - this.#first);
    this.#headers.setName(i, this.#names + i * NAME_SPACE, nameLength);
    this.#headers.setControlLength(i, controlLength);
    this.#packets[i] = packets;
    this.#bytes[i] = bytes;
  }

  /** Sends them all; tells of each failed message, and of all others together with error 0. */
  flush(fd: number, result: SendResult): void {
    const count = this.#messages;
    let packets = 0;
    let bytes = 0;
    for (let done = 0; done < count;) {
      const sent = sendmmsgAt(fd, this.#headers.address(done), count - done, 0);
      if (sent <= 0) {
        result(this.#packets[done]!, this.#bytes[done]!, errno());
        done++;
        continue;
      }
      for (const end = done + sent; done < end; done++) {
        packets += this.#packets[done]!;
        bytes += this.#bytes[done]!;
      }
    }
    if (packets > 0) result(packets, bytes, 0);
    this.#messages = 0;
    this.#iovecs = 0;
  }

  get arena(): Arena {
    return this.#arena;
  }
}

// Messages of one burst to a relay's gateways, for one socket: all that differs between two messages of a run is the
// address. One sendmmsg takes them all.
import { sendmmsgAt } from "#edge/linux/by-address.ts";
import { EAGAIN } from "#edge/linux/constants.ts";
import { errno } from "#edge/linux/system-error.ts";
import type { Arena } from "../arena.ts";

const MMSGHDR = 64;
const NAME_LENGTH = 8;
const IOV = 16;
const IOV_LENGTH = 24;
const CONTROL = 32;
const CONTROL_LENGTH = 40;
const MESSAGES = 256;

export interface RelaySent {
  /** The messages from `first` up to `end` have left. */
  sent(sender: RelaySender, first: number, end: number): void;
  failed(sender: RelaySender, message: number, error: number): void;
}

export class RelaySender {
  readonly fd: number;
  /** What each message is: which run, to whom, by which entry of the fan-out. */
  readonly run = new Int32Array(MESSAGES);
  readonly gateway = new Int32Array(MESSAGES);
  readonly entry = new Int32Array(MESSAGES);
  readonly #arena: Arena;
  readonly #headers: number;
  readonly #outcome: RelaySent;
  #count = 0;

  /** What it needs of the arena. */
  static readonly BYTES = MESSAGES * MMSGHDR;

  /** `headers`: BYTES of the arena, zero but for what such a sender left there. */
  constructor(fd: number, arena: Arena, headers: number, outcome: RelaySent) {
    this.fd = fd;
    this.#arena = arena;
    this.#headers = headers;
    this.#outcome = outcome;
  }

  add(
    run: number,
    gateway: number,
    entry: number,
    name: number,
    nameLength: number,
    iovecs: number,
    iovecCount: number,
    control: number,
    controlLength: number,
  ): void {
    if (this.#count === MESSAGES) this.flush();
    const i = this.#count++;
    this.run[i] = run;
    this.gateway[i] = gateway;
    this.entry[i] = entry;
    const arena = this.#arena;
    const at = this.#headers + i * MMSGHDR;
    arena.putPointer(at, name);
    arena.u32[(at + NAME_LENGTH) >>> 2] = nameLength;
    arena.putPointer(at + IOV, iovecs);
    arena.u32[(at + IOV_LENGTH) >>> 2] = iovecCount;
    arena.putPointer(at + CONTROL, control);
    arena.u32[(at + CONTROL_LENGTH) >>> 2] = controlLength;
  }

  flush(): void {
    const count = this.#count;
    this.#count = 0;
    for (let done = 0; done < count;) {
      const at = this.#arena.base + this.#headers + done * MMSGHDR;
      const sent = sendmmsgAt(this.fd, at, count - done, 0);
      if (sent > 0) {
        this.#outcome.sent(this, done, done + sent);
        done += sent;
        continue;
      }
      const error = errno();
      // The socket takes no more for now: neither would it the others.
      const end = error === EAGAIN ? count : done + 1;
      for (; done < end; done++) this.#outcome.failed(this, done, error);
    }
  }
}

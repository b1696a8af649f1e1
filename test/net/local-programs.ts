// Programs on the lab's machines: sockets of the test itself, opened in the machines' namespaces, so that a test can
// have many at once and look at every single datagram.
import { expect } from "vitest";
import { family } from "#wire/address.ts";
import {
  AF_INET,
  AF_INET6,
  IPPROTO_IP,
  IPPROTO_IPV6,
  SOCK_CLOEXEC,
  SOCK_DGRAM,
} from "#edge/linux/constants.ts";
import { close, recv, sendto, setsockopt, socket } from "#edge/linux/libc.ts";
import { socketAddress } from "#edge/linux/sockaddr.ts";
import { enlargeBuffers, setOption } from "#edge/linux/socket-options.ts";
import { checked } from "#edge/linux/system-error.ts";
import type { LabHost } from "#test/support/lab.ts";
import { indexOf, inside } from "./edge-namespaces.ts";
import { listener, PORT } from "./edge-sockets.ts";

const IP_MULTICAST_IF = 32;
const IP_MULTICAST_TTL = 33;
const IPV6_MULTICAST_IF = 17;
const IPV6_MULTICAST_HOPS = 18;
const IP_MULTICAST_LOOP = 34;
const IPV6_MULTICAST_LOOP = 19;
const MSG_DONTWAIT = 0x40;
const TTL = 16;
const SIZE = 200;
/** Long enough for a second copy that goes a longer way to arrive. */
const QUIET_MS = 250;

export interface Place {
  /** By name; without it the kernel chooses. */
  readonly device?: string;
}

let numbers = 0;
let sockets = 0;

/** A socket that has joined; counts the datagrams of `Sending` by number. */
export class Receiving {
  readonly label: string;
  readonly fd: number;
  readonly #heard = new Map<number, number>();

  constructor(host: LabHost, group: string, { device, source, port = PORT }: ReceivingOptions) {
    this.label = `${host.name}: ${group} joined on ${device ?? "the kernel's choice"}, socket ${++sockets}`;
    const interfaceIndex = device === undefined ? 0 : indexOf(host.namespace, device);
    this.fd = inside(host.namespace, () =>
      listener(group, { port, interfaceIndex, ...(source === undefined ? {} : { source }) }),
    );
    enlargeBuffers(this.fd, 1 << 20);
  }

  /** How often each datagram has come so far. */
  take(): ReadonlyMap<number, number> {
    const buffer = Buffer.alloc(65_536);
    while (recv(this.fd, buffer, buffer.length, MSG_DONTWAIT) >= 4) {
      const number = buffer.readUInt32BE(0);
      this.#heard.set(number, (this.#heard.get(number) ?? 0) + 1);
    }
    return this.#heard;
  }

  /** Datagrams that came more than once, ever. */
  doubled(): number[] {
    return [...this.take()].filter(([, times]) => times > 1).map(([number]) => number);
  }
}

export interface ReceivingOptions extends Place {
  /** Source-specific. */
  readonly source?: string;
  readonly port?: number;
}

export interface SendingOptions extends Place {
  readonly port?: number;
  readonly size?: number; // bytes of a datagram
  /** IP_MULTICAST_LOOP. On if left out. */
  readonly loop?: boolean;
}

export class Sending {
  readonly label: string;
  readonly #size: number;
  readonly #fd: number;
  readonly #to: Buffer;

  constructor(host: LabHost, group: string, options: SendingOptions = {}) {
    const { device, loop = true, port = PORT, size = SIZE } = options;
    this.#size = size;
    this.label = `${host.name}: ${group} sent by ${device ?? "the kernel's choice"}`;
    const v4 = family(group) === 4;
    const index = device === undefined ? 0 : indexOf(host.namespace, device);
    this.#to = Buffer.from(socketAddress(group, port));
    this.#fd = inside(host.namespace, () =>
      checked("socket", socket(v4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0)),
    );
    if (v4) {
      const mreqn = Buffer.alloc(12);
      mreqn.writeInt32LE(index, 8);
      checked("IP_MULTICAST_IF", setsockopt(this.#fd, IPPROTO_IP, IP_MULTICAST_IF, mreqn, mreqn.length));
      setOption(this.#fd, IPPROTO_IP, IP_MULTICAST_TTL, TTL, "IP_MULTICAST_TTL");
      setOption(this.#fd, IPPROTO_IP, IP_MULTICAST_LOOP, loop ? 1 : 0, "IP_MULTICAST_LOOP");
    } else {
      setOption(this.#fd, IPPROTO_IPV6, IPV6_MULTICAST_IF, index, "IPV6_MULTICAST_IF");
      setOption(this.#fd, IPPROTO_IPV6, IPV6_MULTICAST_HOPS, TTL, "IPV6_MULTICAST_HOPS");
      setOption(this.#fd, IPPROTO_IPV6, IPV6_MULTICAST_LOOP, loop ? 1 : 0, "IPV6_MULTICAST_LOOP");
    }
  }

  /** Sends `count` datagrams, and returns their numbers. */
  send(count: number): number[] {
    return Array.from({ length: count }, () => {
      const datagram = Buffer.alloc(this.#size, numbers);
      datagram.writeUInt32BE(++numbers, 0);
      checked(this.label, sendto(this.#fd, datagram, datagram.length, 0, this.#to, this.#to.length));
      return numbers;
    });
  }

  close(): void {
    close(this.#fd);
  }
}

/** Opens programs, and ends them all. */
export class Programs {
  readonly #receiving: Receiving[] = [];
  readonly #sending: Sending[] = [];

  receiver(host: LabHost, group: string, options: ReceivingOptions = {}): Receiving {
    const made = new Receiving(host, group, options);
    this.#receiving.push(made);
    return made;
  }

  sender(...words: ConstructorParameters<typeof Sending>): Sending {
    const made = new Sending(...words);
    this.#sending.push(made);
    return made;
  }

  leave(receiver: Receiving): void {
    close(receiver.fd);
    this.#receiving.splice(this.#receiving.indexOf(receiver), 1);
  }

  /** Closes everything; returns what any receiver has ever heard twice. */
  end(): string[] {
    const doubled = this.#receiving.flatMap((one) =>
      one.doubled().map((number) => `${one.label}: datagram ${number} more than once`),
    );
    for (const one of this.#receiving.splice(0)) close(one.fd);
    for (const one of this.#sending.splice(0)) one.close();
    return doubled;
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Sends one datagram after the other until each receiver has heard one of them. */
export async function reaches(
  sender: Sending,
  receivers: readonly Receiving[],
  withinMs = 10_000,
): Promise<void> {
  const sent: number[] = [];
  const deaf = (): Receiving[] => receivers.filter((one) => !sent.some((number) => one.take().has(number)));
  for (const end = performance.now() + withinMs; ;) {
    sent.push(...sender.send(1));
    await pause(20);
    const left = deaf();
    if (left.length === 0) return;
    if (performance.now() > end)
      throw new Error(
        `${sender.label}: within ${withinMs} ms not heard by ${left.map((one) => one.label).join("; ")}`,
      );
  }
}

/** Which of the datagrams came, each as often as it came, by receiver. */
export interface Delivery {
  readonly sent: readonly number[];
  readonly heard: Readonly<Record<string, readonly number[]>>;
}

export interface DeliverOptions {
  readonly count?: number;
  readonly withinMs?: number;
  readonly quietMs?: number;
}

/** Sends `count` datagrams, waits until each receiver has them all or `withinMs` is over, and then for doubles. */
export async function deliver(
  sender: Sending,
  receivers: readonly Receiving[],
  { count = 20, withinMs = 3_000, quietMs = QUIET_MS }: DeliverOptions = {},
): Promise<Delivery> {
  const sent = sender.send(count);
  const complete = (): boolean => receivers.every((one) => sent.every((number) => one.take().has(number)));
  for (const end = performance.now() + withinMs; !complete() && performance.now() < end;) await pause(20);
  await pause(quietMs);
  const heard = receivers.map((one): [string, number[]] => {
    const times = one.take();
    return [one.label, sent.flatMap((number) => Array<number>(times.get(number) ?? 0).fill(number))];
  });
  return { sent, heard: Object.fromEntries(heard) };
}

/** Waits until the stream reaches all receivers; from then on each of them gets each datagram exactly once. */
export async function expectEachOnce(
  sender: Sending,
  receivers: readonly Receiving[],
  options: DeliverOptions = {},
): Promise<void> {
  await reaches(sender, receivers);
  const { sent, heard } = await deliver(sender, receivers, options);
  expect(heard).toEqual(Object.fromEntries(Object.keys(heard).map((label) => [label, sent])));
}

// ICMPv6 echo (RFC 4443 section 4): is a computer at an address, and how long does it take?
import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { Address } from "#wire/address.ts";
import { AF_INET6, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_RAW } from "./constants.ts";
import { close, recv, sendto, socket } from "./libc.ts";
import { socketAddress } from "./sockaddr.ts";
import { checked } from "./system-error.ts";
import { watchReadable } from "./watch-descriptor.ts";

const IPPROTO_ICMPV6 = 58;
const ECHO_REQUEST = 128;
const ECHO_REPLY = 129;
/** Behind type, code and checksum: identifier, sequence number, and what only the one asked can know. */
const COOKIE = 12;
const MAX_MESSAGE = 2_048;

/** Round trip, ms; undefined: no answer in time. Throws SystemError where there is no way there. */
export async function echo(address: Address, timeoutMs: number): Promise<number | undefined> {
  const what = `echo to ${address}`;
  const fd = checked(what, socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6));
  const cookie = randomBytes(COOKIE);
  try {
    const request = Buffer.concat([Buffer.of(ECHO_REQUEST, 0, 0, 0), cookie]); // the kernel makes the checksum
    const to = socketAddress(address, 0);
    const sent = performance.now();
    checked(what, sendto(fd, request, request.length, 0, to, to.length));
    return await answered(fd, cookie, sent, timeoutMs);
  } finally {
    close(fd);
  }
}

/** Such a socket hears every ICMPv6 message of this computer: ours is the one with our cookie. */
function answered(fd: number, cookie: Buffer, sent: number, timeoutMs: number): Promise<number | undefined> {
  return new Promise((resolve) => {
    const message = Buffer.alloc(MAX_MESSAGE);
    const done = (ms: number | undefined): void => {
      clearTimeout(timer);
      watch.close();
      // koffi's callback does not end in Node's own way: promises settled in it would wait for the next timer.
      setImmediate(() => resolve(ms));
    };
    const timer = setTimeout(() => done(undefined), timeoutMs);
    const watch = watchReadable(fd, () => {
      for (let length; (length = recv(fd, message, message.length, 0)) >= 0;)
        if (message[0] === ECHO_REPLY && cookie.equals(message.subarray(4, Math.min(length, 4 + COOKIE)))) {
          done(performance.now() - sent);
          return;
        }
    });
  });
}

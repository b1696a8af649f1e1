// NETLINK_ROUTE sockets. The kernel answers a request while sendto(2) runs, so a request is a plain synchronous
// call that never waits for anybody.
import {
  AF_NETLINK,
  EAGAIN,
  EINTR,
  ENOBUFS,
  MSG_DONTWAIT,
  MSG_TRUNC,
  POLLIN,
  SOCK_CLOEXEC,
  SOCK_RAW,
} from "./constants.ts";
import { bind, close, poll, recv, sendto, socket } from "./libc.ts";
import { decodeAttributes, readText, NetlinkFormatError } from "./netlink-attributes.ts";
import { netlinkAddress } from "./sockaddr.ts";
import { enlargeBuffers, setOption } from "./socket-options.ts";
import { checked, errno, SystemError } from "./system-error.ts";

const NETLINK_ROUTE = 0;
const SOL_NETLINK = 270;
const NETLINK_CAP_ACK = 10; // errors do not repeat the request
const NETLINK_EXT_ACK = 11; // errors carry a sentence
const NETLINK_GET_STRICT_CHK = 12; // dumps honour the request's fields

const NLMSG_ERROR = 2;
const NLMSG_DONE = 3;
const NLM_F_REQUEST = 0x1;
const NLM_F_ACK = 0x4;
const NLM_F_DUMP_INTR = 0x10;
export const NLM_F_DUMP = 0x300;
export const NLM_F_REPLACE = 0x100;
export const NLM_F_EXCL = 0x200;
export const NLM_F_CREATE = 0x400;
const NLM_F_ACK_TLVS = 0x200;
const NLMSGERR_ATTR_MSG = 1;

const HEADER = 16;
const RECEIVE_BUFFER = 256 * 1024; // above the largest message of a dump
const REPLY_TIMEOUT_MS = 2000;
const DUMP_ATTEMPTS = 5;

export interface NetlinkMessage {
  readonly type: number;
  readonly flags: number;
  readonly sequence: number;
  readonly payload: Buffer;
}

/** All messages of one read. Throws NetlinkFormatError. */
export function decodeMessages(bytes: Buffer): NetlinkMessage[] {
  const messages: NetlinkMessage[] = [];
  for (let at = 0; at + HEADER <= bytes.length;) {
    const length = bytes.readUInt32LE(at);
    if (length < HEADER || at + length > bytes.length)
      throw new NetlinkFormatError(`message of ${length} bytes at ${at} of ${bytes.length}`);
    messages.push({
      type: bytes.readUInt16LE(at + 4),
      flags: bytes.readUInt16LE(at + 6),
      sequence: bytes.readUInt32LE(at + 8),
      payload: bytes.subarray(at + HEADER, at + length),
    });
    at += (length + 3) & ~3;
  }
  return messages;
}

export function encodeMessage(type: number, flags: number, sequence: number, payload: Uint8Array): Buffer {
  const out = Buffer.alloc(HEADER + payload.length);
  out.writeUInt32LE(out.length, 0);
  out.writeUInt16LE(type, 4);
  out.writeUInt16LE(flags, 6);
  out.writeUInt32LE(sequence, 8);
  out.set(payload, HEADER);
  return out;
}

function openSocket(groups: number): number {
  const fd = checked("netlink socket", socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE));
  const address = netlinkAddress(groups);
  if (bind(fd, address, address.length) < 0) {
    const error = new SystemError("netlink bind", errno());
    close(fd);
    throw error;
  }
  return fd;
}

export class NetlinkSocket {
  #fd: number;
  readonly #buffer = Buffer.allocUnsafeSlow(RECEIVE_BUFFER);
  #sequence = 0;

  constructor() {
    this.#fd = openSocket(0);
    for (const option of [NETLINK_CAP_ACK, NETLINK_EXT_ACK, NETLINK_GET_STRICT_CHK])
      setOption(this.#fd, SOL_NETLINK, option, 1, "netlink");
  }

  /** Whoever asks it something afterwards gets EBADF, and never another one's descriptor of the same number. */
  close(): void {
    if (this.#fd < 0) return;
    close(this.#fd);
    this.#fd = -1;
  }

  /**
   * Sends one change and waits for its acknowledgement. `what` names it for people. Throws SystemError with the
   * kernel's own sentence in it.
   */
  request(what: string, type: number, flags: number, payload: Uint8Array): void {
    this.#exchange(what, type, NLM_F_REQUEST | NLM_F_ACK | flags, payload, () => {});
  }

  /** One object: what the kernel answers a request with. */
  get(what: string, type: number, payload: Uint8Array): NetlinkMessage[] {
    const messages: NetlinkMessage[] = [];
    this.#exchange(what, type, NLM_F_REQUEST | NLM_F_ACK, payload, (message) => messages.push(message));
    return messages;
  }

  /** A whole table. Starts again where the kernel says that the table changed meanwhile. */
  dump(what: string, type: number, payload: Uint8Array): NetlinkMessage[] {
    for (let attempt = 1; ; attempt++) {
      const messages: NetlinkMessage[] = [];
      let interrupted = false;
      this.#exchange(what, type, NLM_F_REQUEST | NLM_F_DUMP, payload, (message) => {
        if (message.flags & NLM_F_DUMP_INTR) interrupted = true;
        messages.push(message);
      });
      // A table that never stands still is better seen slightly torn than not at all: events correct it.
      if (!interrupted || attempt === DUMP_ATTEMPTS) return messages;
    }
  }

  #exchange(
    what: string,
    type: number,
    flags: number,
    payload: Uint8Array,
    each: (message: NetlinkMessage) => void,
  ): void {
    const sequence = (this.#sequence = (this.#sequence + 1) >>> 0);
    const request = encodeMessage(type, flags, sequence, payload);
    checked(what, sendto(this.#fd, request, request.length, 0, null, 0));
    for (;;) {
      for (const message of this.#receive(what)) {
        if (message.sequence !== sequence) continue; // left over from an exchange that failed
        if (message.type === NLMSG_ERROR || message.type === NLMSG_DONE) {
          const code = message.payload.length >= 4 ? -message.payload.readInt32LE() : 0;
          if (code !== 0) throw new SystemError(`${what}${sentence(message)}`, code);
          return;
        }
        each({ ...message, payload: Buffer.from(message.payload) });
      }
    }
  }

  #receive(what: string): NetlinkMessage[] {
    for (;;) {
      const length = recv(this.#fd, this.#buffer, this.#buffer.length, MSG_DONTWAIT | MSG_TRUNC);
      if (length > this.#buffer.length) throw new NetlinkFormatError(`${what}: a reply of ${length} bytes`);
      if (length >= 0) return decodeMessages(this.#buffer.subarray(0, length));
      const code = errno();
      if (code === EINTR) continue;
      if (code !== EAGAIN) throw new SystemError(what, code);
      const pollfd = Buffer.alloc(8);
      pollfd.writeInt32LE(this.#fd, 0);
      pollfd.writeInt16LE(POLLIN, 4);
      if (poll(pollfd, 1, REPLY_TIMEOUT_MS) === 0) throw new Error(`${what}: the kernel does not answer`);
    }
  }
}

function sentence(message: NetlinkMessage): string {
  // The error message: code i32, then the request's header (NETLINK_CAP_ACK), then attributes.
  const start = message.type === NLMSG_ERROR ? 4 + HEADER : 4;
  if (!(message.flags & NLM_F_ACK_TLVS) || message.payload.length < start) return "";
  const said = readText(decodeAttributes(message.payload.subarray(start)), NLMSGERR_ATTR_MSG);
  return said ? `: ${said}` : "";
}

/** A non-blocking socket that hears the kernel's notifications of the RTMGRP_* groups. */
export function openNotifications(groups: number): number {
  const fd = openSocket(groups);
  enlargeBuffers(fd, 1 << 20);
  return fd;
}

/** What has come in since the last call; "lost" where the kernel had to drop notifications: list again then. */
export function readNotifications(fd: number, buffer: Buffer): NetlinkMessage[] | "lost" {
  const messages: NetlinkMessage[] = [];
  for (;;) {
    const length = recv(fd, buffer, buffer.length, MSG_DONTWAIT | MSG_TRUNC);
    if (length < 0) {
      const code = errno();
      if (code === EINTR) continue;
      if (code === ENOBUFS) return "lost";
      if (code === EAGAIN) return messages;
      throw new SystemError("netlink notifications", code);
    }
    if (length > buffer.length) return "lost";
    for (const message of decodeMessages(buffer.subarray(0, length)))
      messages.push({ ...message, payload: Buffer.from(message.payload) });
  }
}

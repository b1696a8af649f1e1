// Connected sockets without a network: what devices are replaced by where no kernel device is wanted.
import { checked } from "#edge/linux/system-error.ts";
import { bind, close, socketpair } from "#edge/linux/libc.ts";
import { AF_UNIX, SOCK_DGRAM, SOCK_NONBLOCK } from "#edge/linux/constants.ts";

export interface SocketPair {
  /** For the code under test. Both are non-blocking and keep datagrams apart. */
  readonly near: number;
  readonly far: number;
  close(): void;
}

/** `farName`: bytes that stand behind the family in the sender's address of what comes from the far end. */
export function socketPair(farName?: Uint8Array): SocketPair {
  const fds = new Int32Array(2);
  checked("socketpair", socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, fds));
  const [near, far] = [fds[0]!, fds[1]!];
  if (farName) {
    const address = Buffer.concat([Buffer.of(AF_UNIX, 0), farName]);
    checked("bind", bind(far, address, address.length));
  }
  return {
    near,
    far,
    close: () => {
      close(near);
      close(far);
    },
  };
}

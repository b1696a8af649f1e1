// A packet that is too big for the path to one gateway, in fragments, each with an AMT header of its own.
import { sendmsg } from "#edge/linux/libc.ts";
import { errno } from "#edge/linux/system-error.ts";
import { AmtType } from "#wire/amt.ts";
import type { Arena } from "../arena.ts";
import { fragmentIpv4 } from "../ipv4-fragments.ts";
import { MessageHeaders } from "../message-headers.ts";
import type { GatewayTable } from "./gateway-table.ts";

/** What passes every path of IPv6's least MTU, behind IPv6, UDP and AMT headers. */
export const FRAGMENT_MTU = 1_280 - 40 - 8 - 2;
const STRIDE = 128;
const MOST = 64;

export class RelayFragments {
  readonly #arena: Arena;
  readonly #headers: MessageHeaders;
  readonly #scratch: number;

  constructor(arena: Arena) {
    this.#arena = arena;
    this.#headers = new MessageHeaders(arena, 1, 2, 0);
    this.#scratch = arena.reserve(MOST * STRIDE);
  }

  /** 0: all have left; else the errno of the first that has not. */
  send(fd: number, offset: number, length: number, gateways: GatewayTable, gateway: number): number {
    const headers = this.#headers;
    headers.setName(0, gateways.nameAt(gateway), gateways.nameLength[gateway]!);
    headers.setIovecs(0, 0, 2);
    let error = 0;
    fragmentIpv4(
      this.#arena,
      offset,
      length,
      FRAGMENT_MTU,
      this.#scratch,
      MOST * STRIDE,
      STRIDE,
      (header, headerLength, piece, size) => {
        if (error !== 0) return;
        this.#arena.dv.setUint16(header - 2, AmtType.MULTICAST_DATA << 8);
        headers.setIovec(0, header - 2, headerLength + 2);
        headers.setIovec(1, piece, size);
        if (sendmsg(fd, BigInt(headers.address(0)), 0) < 0) error = errno();
      },
    );
    return error;
  }
}

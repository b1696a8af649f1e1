// The structures of linux/mroute.h and mroute6.h. Pure.
import type { KernelCount } from "#ports/kernel-multicast.ts";
import { addressBytes, type Address, type Family } from "#wire/address.ts";
import { SOCKADDR_IN6_LENGTH, socketAddress } from "./sockaddr.ts";

/** As many interfaces a multicast router has (MAXVIFS, MAXMIFS). */
export const MAX_KERNEL_VIFS = 32;

const VIFF_USE_IFINDEX = 8;
const IFSET_BYTES = 32;

/** struct vifctl, struct mif6ctl: an interface by its index. */
export function vifControl(family: Family, vif: number, interfaceIndex: number): Buffer {
  const out = Buffer.alloc(family === 4 ? 16 : 12);
  out.writeUInt16LE(vif, 0);
  if (family === 4) {
    out[2] = VIFF_USE_IFINDEX;
    out[3] = 1; // threshold: that of each route counts
    out.writeInt32LE(interfaceIndex, 8);
  } else {
    out[3] = 1;
    out.writeUInt16LE(interfaceIndex, 4);
  }
  return out;
}

export interface CacheEntry {
  readonly source: Address;
  readonly group: Address;
  readonly inVif: number;
  /** TTL thresholds by vif. */
  readonly out: ReadonlyMap<number, number>;
}

/** struct mfcctl, struct mf6cctl. */
export function cacheControl(family: Family, { source, group, inVif, out: outVifs }: CacheEntry): Buffer {
  if (family === 4) {
    const out = Buffer.alloc(60);
    out.set(addressBytes(source), 0);
    out.set(addressBytes(group), 4);
    out.writeUInt16LE(inVif, 8);
    for (const [vif, ttl] of outVifs) out[10 + vif] = ttl;
    return out;
  }
  const out = Buffer.alloc(2 * SOCKADDR_IN6_LENGTH + 4 + IFSET_BYTES);
  out.set(socketAddress(source, 0), 0);
  out.set(socketAddress(group, 0), SOCKADDR_IN6_LENGTH);
  out.writeUInt16LE(inVif, 2 * SOCKADDR_IN6_LENGTH);
  for (const vif of outVifs.keys()) out[2 * SOCKADDR_IN6_LENGTH + 4 + (vif >> 3)]! |= 1 << (vif & 7);
  return out;
}

/** struct sioc_sg_req, struct sioc_sg_req6: three counters of 64 bits behind the addresses. */
export function countRequest(family: Family, source: Address, group: Address): Buffer {
  const addresses =
    family === 4
      ? [addressBytes(source), addressBytes(group)]
      : [socketAddress(source, 0), socketAddress(group, 0)];
  return Buffer.concat([...addresses, Buffer.alloc(24)]);
}

export function decodeCount(request: Buffer): KernelCount {
  const at = request.length - 24;
  return {
    packets: Number(request.readBigUInt64LE(at)),
    bytes: Number(request.readBigUInt64LE(at + 8)),
    wrongInterface: Number(request.readBigUInt64LE(at + 16)),
  };
}

// An interface as people name it, as plain sockets want it.
import { networkInterfaces, platform } from "node:os";
import type { NetworkInterfaceInfo } from "node:os";
import type { GroupInterface } from "#ports/group-socket.ts";
import { canonicalAddress } from "#wire/address.ts";

/**
 * `name`: of an interface, or an address of one ("lo", "127.0.0.2"). undefined: there is none now. Every address of
 * 127/8 is this computer's, without being listed.
 */
export function findGroupInterface(
  name: string,
  list: NodeJS.Dict<NetworkInterfaceInfo[]> = networkInterfaces(),
): GroupInterface | undefined {
  const address = canonicalAddress(name);
  const chosen4 = address?.includes(".") === true ? address : undefined;
  const all = Object.entries(list).map(([key, own]) => ({ key, own: own ?? [] }));
  const found = all.find(
    ({ key, own }) =>
      key === name ||
      own.some((one) => canonicalAddress(one.address) === address && address !== undefined) ||
      (chosen4?.startsWith("127.") === true && own.some((one) => one.internal && one.family === "IPv4")),
  );
  if (!found) return undefined;
  const interface4 = chosen4 ?? found.own.find((one) => one.family === "IPv4")?.address;
  const six = found.own.find((one) => one.family === "IPv6");
  const zone = platform() === "win32" ? six?.scopeid : found.key;
  return {
    name: found.key,
    ...(interface4 !== undefined && { interface4 }),
    ...(six !== undefined && { interface6: `::%${zone}` }),
  };
}

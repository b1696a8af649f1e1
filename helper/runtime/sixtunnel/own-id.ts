import { networkInterfaces } from "node:os";

const LOCALLY_ADMINISTERED = 0x02;

/** The Id of this computer: a network interface's MAC address, one that its maker gave it if there is any. */
export function ownId(): string | undefined {
  const macs = Object.entries(networkInterfaces())
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ internal, mac }) => !internal && !/^(00:){5}00$/.test(mac))
    .map(({ mac }) => mac.toLowerCase());
  return macs.find((mac) => (Number.parseInt(mac.slice(0, 2), 16) & LOCALLY_ADMINISTERED) === 0) ?? macs[0];
}

// What all TUN devices begin with (Documentation/networking/tuntap.rst, linux/if_tun.h).
import { O_CLOEXEC, O_NONBLOCK, O_RDWR } from "./constants.ts";
import { open } from "./libc.ts";
import { errno, errnoName, SystemError } from "./system-error.ts";

export const TUNSETIFF = 0x400454ca;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const IFNAMSIZ = 16;
const IFREQ = 40;

const NAME_PATTERN = /^[A-Za-z0-9_.-]{1,15}$/;

const MODULE = "the kernel's tun module is needed: modprobe tun, as root";
const REMEDIES: Readonly<Record<string, string>> = {
  ENOENT: MODULE,
  ENODEV: MODULE,
  EACCES: "the service's account may not open it: chmod 0666 /dev/net/tun, as systems with udev have it",
};

/** Non-blocking, and no device yet: `name` is looked at alone. Throws SystemError. */
export function openTunDescriptor(name: string): number {
  if (!NAME_PATTERN.test(name)) throw new Error(`"${name.slice(0, 32)}" cannot be an interface's name`);
  const path = Buffer.from("/dev/net/tun\0");
  const fd = open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC, 0);
  if (fd < 0) throw new SystemError("open /dev/net/tun", errno(), REMEDIES[errnoName(errno())]);
  return fd;
}

/** The argument of TUNSETIFF. `flags`: beside IFF_TUN and IFF_NO_PI. */
export function attachRequest(name: string, flags: number): Buffer {
  const request = Buffer.alloc(IFREQ);
  request.write(name, 0, IFNAMSIZ - 1, "latin1");
  request.writeUInt16LE(IFF_TUN | IFF_NO_PI | flags, IFNAMSIZ);
  return request;
}

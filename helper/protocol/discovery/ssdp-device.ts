import type { SsdpDevice } from "#wire/control-discovery.ts";

/** Its fields and no others: it is written into messages of several kinds. */
export function deviceOf({ target, usn, location, server, maxAge }: SsdpDevice): SsdpDevice {
  return { target, usn, location, server, maxAge };
}

/** The device is not there any more. */
export function goodbye(target: string, usn: string): SsdpDevice {
  return { target, usn, location: "", server: "", maxAge: 0 };
}

/** The same for what a device says two or three times. */
export function notifyKey({ target, usn, location, maxAge }: SsdpDevice): string {
  return `notify ${target} ${usn} ${location} ${maxAge === 0}`;
}

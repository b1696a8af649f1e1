// The socket vif: chosen groups and ports by plain UDP sockets. No privileges, any system that Node runs on. What it
// sends has this computer's own source address, unlike the other vifs.
import { createSocket } from "node:dgram";
import type { Socket } from "node:dgram";
import { platform } from "node:os";
import { RESENT_PORT } from "#ports/group-socket.ts";
import type { GroupDatagram, GroupInterface, GroupPort, GroupSocket } from "#ports/group-socket.ts";
import { canonicalAddress, family } from "#wire/address.ts";
import type { Family } from "#wire/address.ts";

/** Sockets for different TTLs; the one used longest ago gives way. Streams that a vif carries have few. */
const MAX_SENDERS = 16;

/** Asked for, in bytes; the system gives what its limit allows. */
const RECEIVE_BUFFER = 4 << 20;

export interface GroupSocketOptions extends GroupInterface {
  readonly groups: readonly GroupPort[];
  /** Whether programs of this computer hear what we send. */
  readonly loop: boolean;
}

export interface GroupSocketHandlers {
  /** `payload` is the handler's to keep. */
  readonly received: (datagram: GroupDatagram) => void;
  /** A socket failed while running; the others go on. */
  readonly failed: (error: Error) => void;
}

/** Resolves when all groups are joined. Rejects with the system's error (port in use, no such interface). */
export async function openGroupSocket(
  options: GroupSocketOptions,
  handlers: GroupSocketHandlers,
): Promise<GroupSocket> {
  const receivers: Socket[] = [];
  /** One for each TTL: a socket's TTL is not changed while a datagram may still wait in it. */
  const senders = new Map<string, Promise<Socket>>();

  const receive = async (wanted: GroupPort): Promise<void> => {
    const socket = make(family(wanted.group));
    receivers.push(socket);
    // Bound to the group itself, the socket hears nothing of other groups on the same port. Windows has no such
    // bind, but delivers by the socket's own memberships.
    await bound(socket, wanted.port, platform() === "win32" ? undefined : wanted.group);
    join(socket, wanted, options);
    socket.on("error", handlers.failed);
    socket.on("message", (payload, from) => {
      const source = canonicalAddress(withoutZone(from.address));
      if (source === undefined || from.port === RESENT_PORT) return;
      const { group, port, sources } = wanted;
      // A socket also hears a group on interfaces where other programs joined it (IP_MULTICAST_ALL).
      if (sources && !sources.includes(source)) return;
      handlers.received({ group, port, source, sourcePort: from.port, payload });
    });
  };

  const openSender = async (of: Family, ttl: number): Promise<Socket> => {
    const socket = make(of);
    try {
      await bound(socket, RESENT_PORT, undefined);
      const via = of === 4 ? options.interface4 : options.interface6;
      if (via !== undefined) socket.setMulticastInterface(via);
      socket.setMulticastTTL(ttl);
      socket.setMulticastLoopback(options.loop);
      socket.on("error", handlers.failed);
      return socket;
    } catch (error) {
      socket.close();
      throw error;
    }
  };

  const sender = (of: Family, ttl: number): Promise<Socket> => {
    const key = `${of} ${ttl}`;
    const there = senders.get(key);
    senders.delete(key);
    const opening = there ?? openSender(of, ttl);
    senders.set(key, opening); // the newest stands last
    if (there) return there;
    if (senders.size > MAX_SENDERS) closeOldest();
    opening.catch(() => {
      if (senders.get(key) === opening) senders.delete(key); // the next send tries again
    });
    return opening;
  };

  const closeOldest = (): void => {
    const [[key, oldest] = []] = senders;
    if (key === undefined || oldest === undefined) return;
    senders.delete(key);
    oldest.then(
      (socket) => socket.close(),
      () => {},
    );
  };

  const close = async (): Promise<void> => {
    const opened = await Promise.allSettled(senders.values());
    const sockets = [
      ...receivers,
      ...opened.flatMap((one) => (one.status === "fulfilled" ? [one.value] : [])),
    ];
    await Promise.all(sockets.map((socket) => new Promise<void>((done) => void socket.close(done))));
  };

  try {
    for (const wanted of options.groups) await receive(wanted);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    send: async (group, port, ttl, payload) => {
      const socket = await sender(family(group), ttl);
      await new Promise<void>((done, fail) => {
        socket.send(payload, port, group, (error) => (error ? fail(error) : done()));
      });
    },
    close,
  };
}

function make(of: Family): Socket {
  const type = of === 4 ? "udp4" : "udp6";
  return createSocket({ type, reuseAddr: true, ipv6Only: of === 6, recvBufferSize: RECEIVE_BUFFER });
}

function bound(socket: Socket, port: number, address: string | undefined): Promise<void> {
  return new Promise((done, fail) => {
    socket.once("error", fail);
    socket.bind({ port, ...(address === undefined ? {} : { address }) }, () => {
      socket.off("error", fail);
      done();
    });
  });
}

function join(socket: Socket, { group, sources }: GroupPort, options: GroupSocketOptions): void {
  const via = family(group) === 4 ? options.interface4 : options.interface6;
  if (sources === undefined) socket.addMembership(group, via);
  else for (const source of sources) socket.addSourceSpecificMembership(source, group, via);
}

function withoutZone(address: string): string {
  return address.replace(/%.*$/, "");
}

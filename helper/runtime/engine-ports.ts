// What the engine takes from the operating system: Linux gives it, and a simulator can.
import { openRelaySocket } from "#edge/linux/amt-socket.ts";
import { openAmtSocket } from "#edge/linux/amt-gateway-socket.ts";
import { watchClockChange, type BootClock } from "#edge/linux/boot-clock.ts";
import type { Socket } from "node:net";
import { hasAesInstructions } from "#edge/linux/evp.ts";
import { openHostJoins } from "#edge/linux/host-joins.ts";
import { peerCredentials } from "#edge/linux/peer-credentials.ts";
import { openLinks } from "#edge/linux/interfaces.ts";
import { openKernelMulticast } from "#edge/linux/kernel-multicast.ts";
import { kernelGateway } from "#edge/linux/kernel-gateway.ts";
import { openLinkSocket } from "#edge/linux/link-socket.ts";
import { ownLauncher, takeLauncher, type Launcher } from "#edge/linux/launcher.ts";
import { localMemberships } from "#edge/linux/memberships.ts";
import { systemLookup } from "#edge/portable/name-lookup.ts";
import { openRouterLink } from "#edge/portable/router-link.ts";
import { linuxStreamSockets } from "#edge/linux/stream-sockets.ts";
import { openRouterSocket } from "#edge/linux/router-socket.ts";
import { watchStream } from "#edge/linux/stream-watch.ts";
import { openDatagrams, sendDatagram } from "#edge/linux/udp.ts";
import { FastPathThread } from "#fastpath/fast-path-thread.ts";
import type { OpenRelaySocket } from "#ports/amt-relay.ts";
import type { Datagrams } from "#ports/datagrams.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { WatchStream } from "#ports/stream-watch.ts";
import type { StreamSockets } from "#ports/stream-sockets.ts";
import type { KernelGateway } from "#ports/gateway.ts";
import type { OpenKernelMulticast } from "#ports/kernel-multicast.ts";
import type { LinkSocket, LinkSocketOptions } from "#ports/link-socket.ts";
import type { Links } from "#ports/links.ts";
import type { NameLookup } from "#ports/name-lookup.ts";
import type { OpenRouterSocket } from "#ports/router-socket.ts";
import type { OpenRouterLink } from "#ports/router-link.ts";
import type { HostJoins, LocalMemberships } from "#ports/memberships.ts";
import { dhtProgram, startWorker } from "./resources.ts";

/** The fast path with its counters. */
export type FastPathHandle = Pick<FastPathThread, keyof FastPathThread>;

export interface EnginePorts {
  /** Has the processor AES instructions? */
  readonly hasAes: boolean;
  openDatagrams(port: number): Datagrams;
  /** Of an AMT tunnel. Throws SystemError. */
  openAmtSocket(port: number): Datagrams;
  readonly nameLookup: NameLookup;
  readonly watchStream: WatchStream;
  sendDatagram(from: Datagrams, to: Endpoint, data: Uint8Array): void;
  readonly streamSockets: StreamSockets;
  /** Starts the DHT's process; undefined: there is none on this system. */
  readonly dhtLauncher: Launcher | undefined;
  /** Whose end of a Unix socket it is; undefined: nobody's any more. */
  uidOf(socket: Socket): number | undefined;
  startFastPath(): FastPathHandle;
  /** Tells how long the computer has slept when it wakes up, ms. */
  watchSleep(woke: (slept: number) => void): { close(): void };
  openLinks(): Links;
  readonly openRouterLink: OpenRouterLink;
  /** undefined: this computer cannot forward. */
  openGateway(): KernelGateway | undefined;
  /** undefined: the kernel is to forward no stream from LAN to LAN. */
  readonly openKernelMulticast?: OpenKernelMulticast | undefined;
  /** Throws where it cannot be had. */
  openLinkSocket(options: LinkSocketOptions): LinkSocket;
  readonly openRouterSocket: OpenRouterSocket;
  readonly openRelaySocket: OpenRelaySocket;
  /** `local`: what programs joined, without what was joined through `own`. */
  openJoins(): { readonly own: HostJoins; readonly local: LocalMemberships };
}

/** Without members nobody is to reach the transport: its socket is this computer's own. */
export function portsWithoutNetworks(clock: BootClock): EnginePorts {
  return {
    ...linuxPorts(clock),
    dhtLauncher: undefined,
    openDatagrams: () => openDatagrams(0, "::ffff:127.0.0.1"),
  };
}

export function linuxPorts(clock: BootClock): EnginePorts {
  return {
    hasAes: hasAesInstructions(),
    openDatagrams: (port) => openDatagrams(port),
    openAmtSocket,
    nameLookup: systemLookup(),
    watchStream,
    sendDatagram: (from, to, data) => void sendDatagram(from.fd, to, data),
    streamSockets: linuxStreamSockets,
    startFastPath: () => new FastPathThread((options) => startWorker("fast-path", options), clock.slept),
    watchSleep: (woke) =>
      watchClockChange(() => {
        const slept = clock.catchUp();
        if (slept > 0) woke(slept);
      }),
    dhtLauncher: takeLauncher() ?? ownLauncher(dhtProgram()),
    uidOf: (socket) => {
      try {
        return peerCredentials(socket).uid;
      } catch {
        return undefined;
      }
    },
    openLinks,
    openLinkSocket,
    openRouterLink,
    openGateway: kernelGateway,
    openKernelMulticast,
    openRouterSocket,
    openRelaySocket,
    openJoins: () => {
      const own = openHostJoins();
      return { own, local: localMemberships(own) };
    },
  };
}

import { createSocket, type Socket } from "node:dgram";
import type { Endpoint } from "#ports/endpoint.ts";

/** Asked of the system, which may give less. */
const RECEIVE_BUFFER = 4 << 20;
const MAPPED = "::ffff:";

/** A UDP port for IPv6 and IPv4 in one, by plain sockets. */
export class UdpPort {
  readonly #socket: Socket;
  readonly #six: boolean;

  private constructor(socket: Socket, six: boolean) {
    this.#socket = socket;
    this.#six = six;
  }

  /** `address`: of one interface; undefined: of all. Rejects where the port cannot be had. */
  static async open(
    port: number,
    address: string | undefined,
    heard: (data: Uint8Array, from: Endpoint) => void,
  ): Promise<UdpPort> {
    if (address !== undefined) return UdpPort.#bind(port, address, address.includes(":"), heard);
    try {
      return await UdpPort.#bind(port, "::", true, heard);
    } catch (error) {
      // A system without IPv6.
      if ((error as NodeJS.ErrnoException).code !== "EAFNOSUPPORT") throw error;
      return UdpPort.#bind(port, "0.0.0.0", false, heard);
    }
  }

  static async #bind(
    port: number,
    address: string,
    six: boolean,
    heard: (data: Uint8Array, from: Endpoint) => void,
  ): Promise<UdpPort> {
    const socket = createSocket({
      type: six ? "udp6" : "udp4",
      // What we send to are addresses: nothing to look up, and nothing to wait for.
      lookup: (host, _options, found) => found(null, host, six ? 6 : 4),
    });
    await new Promise<void>((resolve, reject) => {
      socket.once("error", reject);
      socket.bind({ port, address, exclusive: true }, () => {
        socket.off("error", reject);
        resolve();
      });
    });
    socket.on("error", () => {}); // of one datagram: whoever it was for will miss it
    try {
      socket.setRecvBufferSize(RECEIVE_BUFFER);
    } catch {
      // What the system gives by itself has to do.
    }
    socket.on("message", (data, { address: from, port: fromPort }) => {
      const plain =
        from.startsWith(MAPPED) && from.includes(".") ? from.slice(MAPPED.length) : withoutZone(from);
      heard(data, { address: plain, port: fromPort });
    });
    return new UdpPort(socket, six);
  }

  send(to: Endpoint, data: Uint8Array): void {
    const address = this.#six && !to.address.includes(":") ? MAPPED + to.address : to.address;
    this.#socket.send(data, to.port, address, () => {}); // a datagram that is not sent is one that is lost
  }

  close(): void {
    this.#socket.close();
  }
}

function withoutZone(address: string): string {
  const at = address.indexOf("%");
  return at < 0 ? address : address.slice(0, at);
}

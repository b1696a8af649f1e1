// mcasttunnel without the daemon: one group by plain sockets, and a server or a client of the TCP side.
import { findGroupInterface } from "#edge/portable/group-interface.ts";
import { openGroupSocket } from "#edge/portable/socket-vif.ts";
import type { GroupInterface, GroupSocket } from "#ports/group-socket.ts";
import { tunnelCounters, type TunnelCounters } from "#protocol/mcasttunnel/counters.ts";
import { family, type Address } from "#wire/address.ts";
import { TunnelClient, TunnelServer, type EndEvent, type TunnelEnd } from "./ends.ts";

export interface TunnelOptions {
  readonly server: boolean;
  /** Server: own address, all if undefined. Client: the server's address or name. */
  readonly address: string | undefined;
  /** TCP. */
  readonly port: number;
  /** Name or own address of the group's interface; undefined: the system's choice. */
  readonly via: string | undefined;
  readonly group: Address;
  readonly groupPort: number;
  /** TTL or hop limit of what is sent to the group, 0..255. */
  readonly ttl: number;
}

export interface TunnelEvents {
  readonly said: (event: EndEvent) => void;
  /** The group's socket failed while running; it goes on. */
  readonly failed: (error: Error) => void;
}

export class Mcasttunnel {
  readonly counters: TunnelCounters;
  readonly #end: TunnelEnd;
  readonly #socket: GroupSocket;

  private constructor(counters: TunnelCounters, end: TunnelEnd, socket: GroupSocket) {
    this.counters = counters;
    this.#end = end;
    this.#socket = socket;
  }

  /** Rejects where there is no such interface, the group cannot be joined or the TCP port cannot be had. */
  static async start(options: TunnelOptions, events: TunnelEvents): Promise<Mcasttunnel> {
    const { group, groupPort: port, ttl, address, server } = options;
    const counters = tunnelCounters();
    let end: TunnelEnd | undefined;
    // What this end sent, or any other that marks its datagrams so, is not handed out: see RESENT_PORT.
    const socket = await openGroupSocket(
      { ...interfaceOf(options), groups: [{ group, port }], loop: true },
      { received: ({ payload }) => end?.offer(payload), failed: events.failed },
    );
    const heard = async (payload: Uint8Array): Promise<void> => {
      try {
        await socket.send(group, port, ttl, payload);
      } catch {
        counters.drops["not-sent"]++;
      }
    };
    const endOptions = { address, port: options.port, counters, heard, said: events.said };
    try {
      end = server ? await TunnelServer.start(endOptions) : new TunnelClient(endOptions);
    } catch (error) {
      await socket.close();
      throw error;
    }
    return new Mcasttunnel(counters, end, socket);
  }

  async close(): Promise<void> {
    this.#end.close();
    await this.#socket.close();
  }
}

function interfaceOf({ via, group }: TunnelOptions): GroupInterface {
  if (via === undefined) return {};
  const found = findGroupInterface(via);
  if (!found) throw new Error(`This computer has no interface ${via}.`);
  const of = family(group);
  if ((of === 4 ? found.interface4 : found.interface6) === undefined)
    throw new Error(`Interface ${found.name} has no IPv${of} address, which ${group} needs.`);
  return found;
}

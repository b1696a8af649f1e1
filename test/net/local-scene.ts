// A home and an away network, a daemon at each end, and programs on the two machines themselves.
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab, type LabHost, type LabOptions } from "#test/support/lab.ts";
import { Programs, type Receiving, type Sending, type SendingOptions } from "./local-programs.ts";

const PORT = 4811;
export const TUN = "castaway0";

export interface Kind {
  readonly name: string;
  readonly version: 4 | 6;
  readonly specific: boolean;
  readonly prefix: string;
}

export const KINDS: readonly Kind[] = [
  { name: "IPv4 any-source", version: 4, specific: false, prefix: "239.20.0." },
  { name: "IPv4 source-specific", version: 4, specific: true, prefix: "232.20.0." },
  { name: "IPv6 any-source", version: 6, specific: false, prefix: "ff1e::20:" },
  { name: "IPv6 source-specific", version: 6, specific: true, prefix: "ff3e::20:" },
];

/** How a program chooses its interface: the LAN's by name, none (the kernel chooses), the TUN by name. */
export type How = "lan" | "default" | "tun";
export const HOWS: readonly How[] = ["lan", "default", "tun"];
export const NAMED: Readonly<Record<How, string>> = {
  lan: "the LAN interface by name",
  default: "no interface by name",
  tun: `${TUN} by name`,
};

export interface Stream {
  readonly sender: Sending;
  receiver(host: LabHost, how: How): Receiving;
}

export class LocalScene {
  readonly lab: Lab;
  readonly home: TestDaemon;
  readonly away: TestDaemon;
  readonly programs = new Programs();
  /** In the network. */
  #addresses: Readonly<Record<string, readonly string[]>> = {};
  #groups = 0;

  private constructor(lab: Lab, home: TestDaemon, away: TestDaemon) {
    this.lab = lab;
    this.home = home;
    this.away = away;
  }

  static async start(options: LabOptions = {}, prepare?: (lab: Lab) => Promise<void>): Promise<LocalScene> {
    const lab = await Lab.create({ portForward: PORT, neighbours: true, ...options });
    try {
      await prepare?.(lab);
      const [home, away] = await Promise.all([
        TestDaemon.inLab(lab, "home", { port: PORT }),
        TestDaemon.inLab(lab, "away"),
      ]);
      const scene = new LocalScene(lab, home, away);
      const { link } = await home.invite(`${lab.homePublic.address4}:${PORT}`);
      await away.join(link);
      await scene.connected();
      return scene;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /** Both daemons have their addresses and each other. */
  async connected(): Promise<void> {
    const [atHome, atAway] = await Promise.all(
      [this.home, this.away].map((daemon) =>
        daemon.until("connected, with addresses and the other one", ({ networks: [network] }) => {
          const others = network?.members.filter((member) => !member.self && member.online) ?? [];
          return network?.state === "connected" && network.ownAddresses.length === 2 && others.length > 0;
        }),
      ),
    );
    this.#addresses = {
      home: atHome!.networks[0]!.ownAddresses,
      away: atAway!.networks[0]!.ownAddresses,
    };
  }

  host(name: string): LabHost {
    return this.lab.host(name);
  }

  /** A group and port of its own, with a sender; its receivers join as the kind says. */
  stream(kind: Kind, from: LabHost, how: How, options: SendingOptions = {}): Stream {
    const group = kind.prefix + ++this.#groups;
    const port = 20_000 + this.#groups; // sockets with IP_MULTICAST_ALL hear other programs' groups on their port
    const source = kind.specific ? { source: this.#source(from, how, kind.version) } : {};
    return {
      sender: this.programs.sender(from, group, { ...options, ...this.device(from, how), port }),
      receiver: (host, by) =>
        this.programs.receiver(host, group, { ...this.device(host, by), ...source, port }),
    };
  }

  device(host: LabHost, how: How): { device?: string } {
    if (how === "default") return {};
    return { device: how === "tun" ? TUN : host.interfaceName };
  }

  dispose(): Promise<void> {
    return this.lab.dispose();
  }

  /** The kernel's choice is the TUN away, where the shared ranges are routed into it, and the LAN at home. */
  #source(host: LabHost, how: How, version: 4 | 6): string {
    const byTunnel = how === "tun" || (how === "default" && host.name === "away");
    if (!byTunnel) return version === 4 ? host.address4 : host.address6;
    const own = this.#addresses[host.name]!;
    return own.find((address) => address.includes(":") === (version === 6))!.split("/")[0]!;
  }
}

// AMT in the lab: a studio on the internet whose multicast nobody routes, relays that have it, and a laptop behind a NAT.
//
//   internet ── studio (192.0.2.0/24, 2001:db8:91::/64): sources and relays
//      │
//   away-router (NAT) ── away: the gateway
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { AmtJoin } from "#contract/amt.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { reverseName } from "#protocol/amt/driad.ts";
import { AMTRELAY_TYPE } from "#wire/amt-relay-record.ts";
import { PythonRelay } from "./amt/python-relay.ts";
import { TestDaemon, type TestDaemonOptions } from "./daemon.ts";
import type { Child } from "./child.ts";
import { Lab, type LabHost } from "./lab.ts";
import { words } from "./machine.ts";

export const STUDIO = "studio";
export const SOURCE = { 4: "192.0.2.20", 6: "2001:db8:91::20" } as const;
const NAME_SERVER = "192.0.2.53";
export const RELAYS = {
  first: { 4: "192.0.2.91", 6: "2001:db8:91::91" },
  second: { 4: "192.0.2.92", 6: "2001:db8:91::92" },
} as const;

export class AmtScene {
  readonly lab: Lab;
  /** Where the sources are, and the relays. */
  readonly internet: LabHost;
  /** Where the gateway is. */
  readonly away: LabHost;

  private constructor(lab: Lab) {
    this.lab = lab;
    this.internet = lab.host("internet");
    this.away = lab.host("away");
  }

  static async create(): Promise<AmtScene> {
    const lab = await Lab.create();
    try {
      const scene = new AmtScene(lab);
      const addresses = [SOURCE, RELAYS.first, RELAYS.second].flatMap((of) => [
        `addr add ${of[4]}/24 dev ${STUDIO}`,
        `addr add ${of[6]}/64 dev ${STUDIO} nodad`,
      ]);
      addresses.push(`addr add ${NAME_SERVER}/24 dev ${STUDIO}`);
      const lines = [
        `link add ${STUDIO} type veth peer name ${STUDIO}-end`,
        `link set ${STUDIO} up`,
        `link set ${STUDIO}-end up`,
        ...addresses,
        `route add 224.0.0.0/4 dev ${STUDIO} src ${SOURCE[4]}`,
        `-6 route add ff00::/8 dev ${STUDIO} table local src ${SOURCE[6]} metric 10`,
      ];
      for (const line of lines) await scene.internet.exec("ip", line.split(" "));
      return scene;
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /** `words`: options of relay.py. */
  relay(address: string, ...words: readonly string[]): Promise<PythonRelay> {
    return PythonRelay.start(this.internet, address, STUDIO, ...words);
  }

  /**
   * A name server (dnsmasq) that says who relays the source, for the gateway's machine: `records` are the data of
   * AMTRELAY records, `hosts` names with their addresses.
   */
  async names(
    records: readonly Uint8Array[],
    hosts: readonly { readonly name: string; readonly address: string }[] = [],
  ): Promise<Child> {
    const names = [SOURCE[4], SOURCE[6]].map(reverseName);
    const child = this.internet.spawn("dnsmasq", [
      ...words("--keep-in-foreground --log-facility=- --no-resolv --no-hosts --bind-interfaces --user=root"),
      ...words(`--conf-file=/dev/null --pid-file= --listen-address=${NAME_SERVER}`),
      ...names.flatMap((name) =>
        records.map((data) => `--dns-rr=${name},${AMTRELAY_TYPE},${Buffer.from(data).toString("hex")}`),
      ),
      ...hosts.map(({ name, address }) => `--host-record=${name},${address}`),
    ]);
    await child.line(/started/);
    const folder = join("/etc/netns", this.away.namespace);
    mkdirSync(folder, { recursive: true });
    this.lab.beforeDispose(() => rmSync(folder, { recursive: true, force: true }));
    writeFileSync(join(folder, "resolv.conf"), `nameserver ${NAME_SERVER}\n`);
    return child;
  }

  /** Everything of AMT between the gateway and its relays, into a file until it is stopped. */
  async record(path: string): Promise<Child> {
    const child = this.internet.spawn("tcpdump", [
      ...words("--immediate-mode -U -Z root -i away -s 0 -w"),
      path,
      ...words("udp port 2268"),
    ]);
    await child.line(/listening/);
    return child;
  }

  gateway(options: TestDaemonOptions = {}): Promise<TestDaemon> {
    return TestDaemon.inLab(this.lab, "away", options);
  }

  dispose(): Promise<void> {
    return this.lab.dispose();
  }
}

/** The stream as the gateway shows it; undefined: it does not. */
export function joinOf(snapshot: Snapshot, group: string): AmtJoin | undefined {
  return snapshot.amt.joins.find((join) => join.group === group);
}

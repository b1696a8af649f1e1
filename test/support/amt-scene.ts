// AMT in the lab: a studio on the internet whose multicast nobody routes, relays that have it, and a laptop behind a NAT.
//
//   internet ── studio (192.0.2.0/24, 2001:db8:91::/64): sources and relays
//      │
//   away-router (NAT) ── away: the gateway
import type { AmtJoin } from "#contract/amt.ts";
import type { Snapshot } from "#contract/snapshot.ts";
import { PythonRelay } from "./amt/python-relay.ts";
import { TestDaemon, type TestDaemonOptions } from "./daemon.ts";
import { Lab, type LabHost } from "./lab.ts";

export const STUDIO = "studio";
export const SOURCE = { 4: "192.0.2.20", 6: "2001:db8:91::20" } as const;
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

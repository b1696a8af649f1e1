// Castaway as an AMT relay: at the router of a home, whose LAN has the streams; gateways are on the internet.
import { TestDaemon } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";

export class RelayScene {
  readonly lab: Lab;
  readonly daemon: TestDaemon;
  /** The relay's addresses. */
  readonly relay: Readonly<Record<4 | 6, string>>;
  /** On the LAN. */
  readonly source: LabHost;
  /** Gateways without a NAT. */
  readonly internet: LabHost;
  /** Behind one. */
  readonly away: LabHost;

  private constructor(lab: Lab, daemon: TestDaemon) {
    const router = lab.host("home-router");
    this.lab = lab;
    this.daemon = daemon;
    this.relay = { 4: router.address4, 6: router.address6 };
    this.source = lab.host("source");
    this.internet = lab.host("internet");
    this.away = lab.host("away");
  }

  static async create(): Promise<RelayScene> {
    const lab = await Lab.create();
    try {
      const daemon = await TestDaemon.inLab(lab, "home-router", {
        lan: ["br-lan=full", "wan=off"],
        args: ["--amt-relay"],
      });
      return new RelayScene(lab, daemon);
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  dispose(): Promise<void> {
    return this.lab.dispose();
  }
}

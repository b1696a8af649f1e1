// Castaway as an AMT relay: at the router of a home, whose LAN has the streams; gateways are on the internet.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type AmtCapture, readAmtCapture } from "#test/support/amt/capture.ts";
import type { Child } from "#test/support/child.ts";
import { TestDaemon, type TestDaemonOptions } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";

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
  #capture: { readonly file: string; readonly child: Child } | undefined;

  private constructor(lab: Lab, daemon: TestDaemon) {
    const router = lab.host("home-router");
    this.lab = lab;
    this.daemon = daemon;
    this.relay = { 4: router.address4, 6: router.address6 };
    this.source = lab.host("source");
    this.internet = lab.host("internet");
    this.away = lab.host("away");
  }

  static async create(options: TestDaemonOptions = {}): Promise<RelayScene> {
    const lab = await Lab.create();
    try {
      return new RelayScene(lab, await startRelay(lab, options));
    } catch (error) {
      await lab.dispose();
      throw error;
    }
  }

  /** Everything between the relay and the internet, for tshark. */
  async startCapture(): Promise<void> {
    const folder = mkdtempSync(join(tmpdir(), "castaway-amt-"));
    removeAtEnd(folder);
    const file = join(folder, "amt.pcap");
    // At once: what waits for a block to fill is lost when it ends.
    const words = ["-i", "home", "--immediate-mode", "-U", "-Z", "root", "-w", file, "udp port 2268"];
    const child = this.internet.spawn("tcpdump", words, { label: "tcpdump" });
    await child.line(/listening on/, 10_000);
    this.#capture = { file, child };
  }

  /** What tshark's AMT dissector says to it. */
  async stopCapture(): Promise<AmtCapture> {
    const { file, child } = this.#capture!;
    await child.stop("SIGINT");
    return readAmtCapture(this.internet, file);
  }

  dispose(): Promise<void> {
    return this.lab.dispose();
  }
}

/** At the home's router, with the public addresses of the home. */
export function startRelay(lab: Lab, { args = [], ...options }: TestDaemonOptions = {}): Promise<TestDaemon> {
  return TestDaemon.inLab(lab, "home-router", {
    lan: ["br-lan=full", "wan=off"],
    args: ["--amt-relay", ...args],
    ...options,
  });
}

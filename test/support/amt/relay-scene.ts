// Castaway as an AMT relay: at the router of a home, whose LAN has the streams; gateways are on the internet.
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Child } from "#test/support/child.ts";
import { TestDaemon, type TestDaemonOptions } from "#test/support/daemon.ts";
import { Lab, type LabHost } from "#test/support/lab.ts";
import { removeAtEnd } from "#test/support/lab/cleanup.ts";

/** What is in the streams is none of AMT's, and tshark guesses at it. */
const DECODE_AS = ["-d", "udp.port==2268,amt", "-d", "udp.port==5004,data"];

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
    const words = ["-i", "home", "-U", "-Z", "root", "-w", file, "udp port 2268"];
    const child = this.internet.spawn("tcpdump", words, { label: "tcpdump" });
    await child.line(/listening on/, 10_000);
    this.#capture = { file, child };
  }

  /** What tshark's AMT dissector says to it: how many packets, and what it finds malformed. */
  async stopCapture(): Promise<{ readonly packets: number; readonly malformed: readonly string[] }> {
    const { file, child } = this.#capture!;
    await child.stop("SIGINT");
    const tshark = async (filter: string): Promise<string[]> => {
      const words = ["-r", file, ...DECODE_AS, "-Y", filter];
      const { stdout } = await this.internet.exec("tshark", words, { timeoutMs: 40_000 });
      return stdout.split("\n").filter((line) => line !== "");
    };
    return {
      packets: (await tshark("amt")).length,
      malformed: await tshark("_ws.malformed || udp.checksum.bad || (amt.type != 6 && udp.checksum == 0)"),
    };
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

// avahi-daemon in a machine of the lab: with a message bus of its own, because namespaces do not separate sockets in
// the file system, and without chroot, drop of privileges or the system's pid file.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Child, Finished } from "#test/support/child.ts";
import type { LabHost } from "#test/support/lab.ts";

export const AVAHI_COMMANDS = ["avahi-daemon", "avahi-browse", "avahi-publish", "dbus-daemon", "unshare"];
const POLICY = `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path=SOCKET</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_destination="*"/><allow receive_sender="*"/></policy></busconfig>`;

export interface AvahiOptions {
  readonly hostName: string;
  /** Default: all that avahi chooses. */
  readonly interfaces?: readonly string[];
  /** A TUN is point-to-point, which avahi leaves alone by default. */
  readonly pointToPoint?: boolean;
}

export class Avahi {
  readonly host: LabHost;
  readonly #folder: string;
  readonly #children: Child[] = [];

  private constructor(host: LabHost) {
    this.host = host;
    this.#folder = mkdtempSync(join(tmpdir(), `castaway-avahi-`));
  }

  static async start(host: LabHost, options: AvahiOptions): Promise<Avahi> {
    const avahi = new Avahi(host);
    try {
      await avahi.#launch(options);
      return avahi;
    } catch (error) {
      await avahi.dispose();
      throw error;
    }
  }

  /** Lines of `avahi-browse -p`: one is "=;interface;protocol;name;type;domain;host;address;port;txt". */
  async browse(type: string, ...words: readonly string[]): Promise<string[][]> {
    const { stdout } = await this.run("avahi-browse", ["-p", "-t", ...words, type]);
    return stdout
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => line.split(";"));
  }

  run(command: string, args: readonly string[]): Promise<Finished> {
    const options = { anyExit: true, timeoutMs: 20_000, env: this.#environment };
    return this.host.exec(command, args, options);
  }

  /** avahi-publish: goes with the child. */
  async publish(...words: readonly string[]): Promise<Child> {
    const child = this.host.spawn("avahi-publish", words, { env: this.#environment });
    this.#children.push(child);
    await child.line(/Established/, 20_000);
    return child;
  }

  async dispose(): Promise<void> {
    for (const child of this.#children.splice(0).toReversed()) await child.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }

  get #environment(): NodeJS.ProcessEnv {
    return { DBUS_SYSTEM_BUS_ADDRESS: `unix:path=${join(this.#folder, "bus")}` };
  }

  async #launch({ hostName, interfaces, pointToPoint = false }: AvahiOptions): Promise<void> {
    const bus = join(this.#folder, "bus.conf");
    writeFileSync(bus, POLICY.replace("SOCKET", join(this.#folder, "bus")));
    const daemon = this.host.spawn("dbus-daemon", [`--config-file=${bus}`, "--nofork", "--print-address=1"]);
    this.#children.push(daemon);
    await daemon.line(/^unix:/);
    const config = join(this.#folder, "avahi.conf");
    const run = join(this.#folder, "run");
    mkdirSync(run);
    writeFileSync(
      config,
      [
        "[server]",
        `host-name=${hostName}`,
        "use-ipv4=yes",
        "use-ipv6=yes",
        ...(interfaces ? [`allow-interfaces=${interfaces.join(",")}`] : []),
        `allow-point-to-point=${pointToPoint ? "yes" : "no"}`,
        "[wide-area]",
        "enable-wide-area=no",
        "[publish]",
        "publish-workstation=no",
        "publish-hinfo=no",
        "",
      ].join("\n"),
    );
    // Its pid file and socket have fixed places: each daemon gets a /run/avahi-daemon of its own.
    const script = `mkdir -p /run/avahi-daemon && mount --bind "$0" /run/avahi-daemon && exec avahi-daemon --no-chroot --no-drop-root --no-rlimits -f "$1"`;
    const avahi = this.host.spawn("unshare", ["-m", "sh", "-c", script, run, config], {
      env: this.#environment,
    });
    this.#children.push(avahi);
    await avahi.line(/Server startup complete/, 20_000);
  }
}

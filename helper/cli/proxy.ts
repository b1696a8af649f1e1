import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Command } from "commander";
import { amountText, plainText } from "#contract/plain-text.ts";
import type { Proxy, ProxyChange } from "#contract/proxy.ts";
import { daemonSocketPath } from "#contract/socket-path.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { bitRate, limitOf, onOff, type BitRate } from "./parse-value.ts";

interface ChangeOptions {
  readonly upstream?: string;
  readonly downstream?: string[];
  readonly sources?: string[];
  readonly allow?: string[];
  readonly deny?: string[];
  readonly rateLimit?: BitRate;
  readonly quickLeave?: boolean | string;
}

interface RunOptions extends ChangeOptions {
  readonly routes?: string;
  readonly socket?: string;
  readonly json?: true;
}

const HELP = `
Alone it runs until it is ended, without a service, a tunnel or members, and takes the place of igmpproxy, mcproxy and
ecmh: what listeners on the downstream interfaces ask for by IGMP (1 to 3) and MLD (1 and 2) is joined on the upstream
(RFC 4605). "on" has the running service do the same, from now on and after each start.

  sudo castaway proxy
  sudo castaway proxy --upstream eth0 --downstream eth1 wlan0 --deny 239.255.0.0/16
  castaway proxy on --rate-limit 20M

Files with phyint lines (upstream, downstream) say the same: see castaway check-config.`;

export function addProxy(program: Command, context: CliContext): void {
  const proxy = withChanges(
    program
      .command("proxy")
      .description("be a multicast proxy between the LANs of this computer; on, off, status: the service's"),
  )
    .option("--routes <file>", "static joins and routes, and phyint lines (/etc/castaway/routes.conf)")
    .option("--socket <path>", "the control socket, by which castaway groups and dump look (CASTAWAY_SOCKET)")
    .option("--json", "print what happens as JSON, a line each")
    .addHelpText("after", HELP)
    .action((options: RunOptions) => runAlone(context, options));

  withChanges(
    clientCommand(proxy, "on", "have the service be one; what is not named stays as it was set"),
  ).action(async (options: CommonOptions & ChangeOptions) => {
    const change = { on: true, ...changeOf(options) };
    const result = await withClient(context, options, (client) => client.call("proxy.set", change));
    print(context, options, result, proxyText);
  });
  clientCommand(proxy, "off", "have the service be none").action(async (options: CommonOptions) => {
    const result = await withClient(context, options, (client) => client.call("proxy.set", { on: false }));
    print(context, options, result, proxyText);
  });
  clientCommand(proxy, "status", "which interface is what, and what may cross").action(
    async (options: CommonOptions) => {
      const result = await withClient(context, options, (client) => client.call("proxy.get", {}));
      print(context, options, result, proxyText);
    },
  );
}

function withChanges(command: Command): Command {
  return command
    .option("--upstream <interface>", "towards the sources; auto: the interface with the default route")
    .option("--downstream <interface...>", "towards the listeners; auto: all LANs but the upstream")
    .option(
      "--sources <network...>",
      "take these sources from the upstream, and those of its own networks; any: all",
    )
    .option("--allow <groups...>", "let these groups be joined alone; any: all")
    .option("--deny <groups...>", "let these groups not be joined; none: no such list")
    .option("--rate-limit <rate>", "the most on each downstream, such as 20M bit/s, or off", bitRate)
    .option("--quick-leave [on|off]", "give a group up 0.4 s after a listener has left, not 2 s", onOff);
}

/** Throws nothing: the daemon looks whether the texts are what they should be. */
function changeOf(options: ChangeOptions): ProxyChange {
  const { upstream, downstream, sources, allow, deny, rateLimit, quickLeave } = options;
  return {
    ...(upstream !== undefined && { upstream: upstream === "auto" ? null : upstream }),
    ...(downstream && { downstream: listOf(downstream, "auto") }),
    ...(sources && { sources: listOf(sources, "any") }),
    ...(allow && { allowed: listOf(allow, "any") }),
    ...(deny && { denied: listOf(deny, "none") }),
    ...(rateLimit !== undefined && { bitsPerSecond: limitOf(rateLimit) }),
    ...(quickLeave !== undefined && { quickLeave: quickLeave !== false }),
  };
}

function listOf(words: readonly string[], empty: string): string[] {
  return words.length === 1 && words[0] === empty ? [] : [...words];
}

async function runAlone(context: CliContext, options: RunOptions): Promise<void> {
  const uid = process.getuid?.() ?? 0;
  const sudoUid = context.environment["SUDO_UID"];
  // Nothing of it is to be kept, and the service's keys are none of its business.
  const folder = mkdtempSync(join(tmpdir(), "castaway-proxy-"));
  try {
    await context.runDaemon({
      stateDirectory: folder,
      socketPath: options.socket ?? daemonSocketPath(context.environment, uid),
      port: undefined,
      lans: [],
      routesFile: options.routes,
      peersFile: undefined,
      amtRelay: false,
      socketVifs: [],
      proxy: changeOf(options),
      jsonLog: options.json === true,
      tunName: undefined,
      kernelForwarding: true,
      user: undefined,
      foreground: true,
      logLevel: "info",
      newState: false,
      sudoUid: uid === 0 && sudoUid !== undefined && /^\d{1,10}$/.test(sudoUid) ? Number(sudoUid) : undefined,
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function proxyText(proxy: Proxy): string {
  const { state, detail, upstream, downstream, sources, allowed, denied, bitsPerSecond, origin } = proxy;
  const word = { off: "off", running: "on", waiting: "on, but nothing can cross" }[state];
  if (state === "off") return `The proxy is off. ${plainText(detail)}`;
  const list = (title: string, texts: readonly string[]): string[] =>
    texts.length > 0 ? [`${title}: ${plainText(texts.join(", "))}`] : [];
  return [
    `The proxy is ${word}. ${plainText(detail)}`,
    `Upstream: ${plainText(upstream ?? "none")}. Downstream: ${plainText(downstream.join(", ")) || "none"}.`,
    ...list("Sources taken from the upstream, beside those of its own networks", sources),
    ...list("Groups that may be joined", allowed),
    ...list("Groups that may not be joined", denied),
    ...(bitsPerSecond === null
      ? []
      : [`Each downstream gets ${amountText(bitsPerSecond, "bit/s")} at most.`]),
    ...(proxy.quickLeave ? ["Groups are given up quickly."] : []),
    ...list("As it stands in", origin === null ? [] : [origin]),
  ].join("\n");
}

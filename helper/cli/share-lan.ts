// `castaway share lan` and `castaway share use`: the LANs that members reach device by device.
import type { Command } from "commander";
import type { LanAccess, Share } from "#contract/lan-access.ts";
import { plainText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { onOff } from "./parse-value.ts";

interface LanOptions extends CommonOptions {
  readonly interface?: string[];
}

interface UseOptions extends CommonOptions {
  readonly network?: string;
}

interface SubnetOptions extends UseOptions {
  readonly interface?: string;
}

export function addShareLan(share: Command, context: CliContext): void {
  clientCommand(
    share,
    "lan",
    "let members of this computer's network open connections to the devices on its LANs; alone: how it is",
  )
    .argument("[on|off]", "without it: what is shared, what that opens, and which addresses to use", onOff)
    .option("--interface <name...>", "on these; default: the LANs with the way out")
    .action(async (on: boolean | undefined, options: LanOptions) => {
      const result = await withClient(context, options, (client) =>
        on === undefined
          ? client.call("share.get", {})
          : client.call("share.lan", { on, ...(options.interface && { interfaces: options.interface }) }),
      );
      print(context, options, result, (now) =>
        on === false
          ? "The LANs are not shared any more."
          : `${shareText(now)}${on ? "\nIf a device does not answer from away: castaway doctor, here." : ""}`,
      );
    });

  clientCommand(share, "subnet", "be the IPv6 router of this member's own /64 on an interface")
    .argument("<on|off>", "hosts there make themselves addresses in the network", onOff)
    .option("--interface <name>", "of a network that is yours; needed to switch it on")
    .option("--network <name>", "which network, where there are several")
    .action(async (on: boolean, options: SubnetOptions) => {
      const { network, interface: interfaceName } = options;
      const result = await withClient(context, options, (client) =>
        client.call("share.subnet", {
          on,
          ...(network !== undefined && { network }),
          ...(interfaceName !== undefined && { interface: interfaceName }),
        }),
      );
      print(context, options, result, shareText);
    });

  clientCommand(share, "use", "as a guest: reach the LANs that the host shares, or not")
    .argument("<on|off>", "default: on", onOff)
    .option("--network <name>", "of this network alone")
    .action(async (on: boolean, options: UseOptions) => {
      const { network } = options;
      const result = await withClient(context, options, (client) =>
        client.call("share.use", { on, ...(network !== undefined && { network }) }),
      );
      print(context, options, result, shareText);
    });
}

function shareText({ networks }: Share): string {
  if (networks.length === 0) return "No network yet.";
  return networks
    .map(({ name, role, lanAccess }) => {
      const lines = lanLines(lanAccess);
      const nothing =
        role === "host"
          ? "its LANs are not shared. Share them: castaway share lan on"
          : "its host shares no LAN";
      return lines.length > 0
        ? [`${plainText(name)} (${role}):`, ...lines].join("\n")
        : `${plainText(name)} (${role}): ${nothing}.`;
    })
    .join("\n");
}

/** One line a LAN, and what is to be known about them. */
export function lanLines({ lans, leftOut, subnet, opens, problem }: LanAccess): string[] {
  return [
    ...(subnet ? [`  subnet ${subnet.prefix}: ${plainText(subnet.detail)}`] : []),
    ...lans.map((lan) => `  LAN ${lan.use ?? lan.prefix}: ${plainText(lan.detail)}`),
    ...leftOut.map(
      (one) =>
        `  not shared: ${plainText(one.interface)}${one.prefix ? ` ${one.prefix}` : ""}, ${plainText(one.reason)}`,
    ),
    ...opens.map((sentence) => `  ! ${plainText(sentence)}`),
    ...(problem
      ? [
          `  ! LANs cannot be shared: ${plainText(problem.message)}`,
          ...(problem.remedy ? [`    ${plainText(problem.remedy)}`] : []),
        ]
      : []),
  ];
}

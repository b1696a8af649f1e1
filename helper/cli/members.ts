import type { Command } from "commander";
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import { agoText, amountText, plainText, ratioText } from "#contract/plain-text.ts";
import { limitText } from "#contract/sending-text.ts";
import type { Member } from "#contract/snapshot.ts";
import { bitRate, limitOf, type BitRate } from "./parse-value.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { table } from "./table.ts";

interface Options extends CommonOptions {
  readonly network?: string;
}

const NETWORK = ["--network <network>", "the network, by name or id"] as const;

export function addMembers(program: Command, context: CliContext): void {
  const list = async (options: Options): Promise<void> => {
    const result = await withClient(context, options, (client) =>
      client.call("members.list", selected(options)),
    );
    print(context, options, result, ({ members }) => membersText(members, context.wall()));
  };
  const members = clientCommand(program, "members", "who is in the network; rename and remove members")
    .option(...NETWORK)
    .action(list);
  clientCommand(members, "list", "who is in the network, and how they are reached")
    .option(...NETWORK)
    .action(list);

  clientCommand(members, "rename <member> <name>", "give a member (its number or name) another name")
    .option(...NETWORK)
    .action(async (who: string, name: string, options: Options) => {
      const member = await withClient(context, options, async (client) => {
        const found = await findMember(client, who, options);
        await client.call("members.rename", { ...selected(options), member: found.number, name });
        return found;
      });
      print(
        context,
        options,
        { member: member.number, name },
        () => `${plainText(member.name)} is ${plainText(name)} now.`,
      );
    });

  clientCommand(members, "limit", "send a member no more than so many bits a second, and drop the rest")
    .argument("<member>", "its number or name")
    .argument("<rate>", "500k, 20M, 1.5G; off: no limit", bitRate)
    .option(...NETWORK)
    .action(async (who: string, rate: BitRate, options: Options) => {
      const bitsPerSecond = limitOf(rate);
      const member = await withClient(context, options, async (client) => {
        const found = await findMember(client, who, options);
        await client.call("members.limit", { ...selected(options), member: found.number, bitsPerSecond });
        return found;
      });
      print(context, options, { member: member.number, bitsPerSecond }, () =>
        bitsPerSecond === null
          ? `Nothing limits what is sent to ${plainText(member.name)}.`
          : `${plainText(member.name)} is sent at most ${amountText(bitsPerSecond, "bit/s")}.`,
      );
    });

  clientCommand(members, "remove <member>", "remove a member (its number or name): it is out at once")
    .option(...NETWORK)
    .action(async (who: string, options: Options) => {
      const member = await withClient(context, options, async (client) => {
        const found = await findMember(client, who, options);
        await client.call("members.remove", { ...selected(options), member: found.number });
        return found;
      });
      print(context, options, { member: member.number }, () => `${plainText(member.name)} is removed.`);
    });
}

function selected(options: Options): { network?: string } {
  return options.network === undefined ? {} : { network: options.network };
}

async function findMember(client: ControlClient, who: string, options: Options): Promise<Member> {
  const { members } = await client.call("members.list", selected(options));
  const byNumber = /^\d+$/.test(who) ? members.filter((member) => member.number === Number(who)) : [];
  const found = byNumber.length > 0 ? byNumber : members.filter((member) => member.name === who);
  if (found.length > 1)
    throw new ControlError(
      "conflict",
      `${found.length} members are called "${who}"`,
      "Use the number: castaway members list",
    );
  if (!found[0]) throw new ControlError("not-found", `no member "${who}"`, "See castaway members list");
  return found[0];
}

function membersText(members: readonly Member[], now: number): string {
  if (members.length === 0) return "No members yet. Invite one: castaway invite";
  return table(members, [
    { title: "NUMBER", value: (row) => row.number, align: "right" },
    { title: "NAME", value: (row) => (row.self ? `${row.name} (this computer)` : row.name) },
    { title: "ROLE", value: (row) => row.role },
    { title: "SEEN", value: (row) => (row.online || row.self ? "online" : agoText(row.lastSeen, now)) },
    { title: "PATH", value: (row) => (row.endpoint ? `${row.path} ${row.endpoint}` : row.path) },
    {
      title: "RTT",
      value: (row) => (row.rttMs === null ? "-" : `${row.rttMs.toFixed(1)} ms`),
      align: "right",
    },
    { title: "LOSS", value: (row) => ratioText(row.lossRatio), align: "right" },
    { title: "MTU", value: (row) => row.sending?.pathMtu ?? "-", align: "right" },
    { title: "SENT AT MOST", value: (row) => limitText(row.sending) ?? "-" },
    { title: "RECEIVED", value: (row) => amountText(row.traffic.rxBytes, "B"), align: "right" },
    { title: "SENT", value: (row) => amountText(row.traffic.txBytes, "B"), align: "right" },
    { title: "ADDRESSES", value: (row) => row.addresses.join(", ") },
  ]);
}

import type { Command } from "commander";
import { durationText, plainText } from "#contract/plain-text.ts";
import type { Result } from "#contract/methods.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { addInspectInvite } from "./inspect-invite.ts";
import { durationSeconds, wholeNumber } from "./parse-value.ts";
import { terminalQr } from "./qr.ts";
import { table } from "./table.ts";

interface CreateOptions extends CommonOptions {
  readonly network?: string;
  readonly uses?: number;
  readonly expires?: number;
  readonly approve?: true;
  readonly label?: string;
  readonly qr: boolean;
  readonly endpoint: string[];
}

interface ListOptions extends CommonOptions {
  readonly network?: string;
}

export function addInvite(program: Command, context: CliContext): void {
  const invite = clientCommand(
    program,
    "invite",
    "make an invite link for another computer; inspect, list and revoke invites",
  )
    .option("--network <network>", "the network, by name or id")
    .option("--uses <number>", "how many computers may join with it", wholeNumber(1, 1000))
    .option("--expires <duration>", "how long it is good for: 90m, 24h, 7d", durationSeconds)
    .option("--approve", "ask me before anybody gets in with it")
    .option("--label <text>", "a note for yourself, such as who it is for; it is not in the link")
    .option(
      "--endpoint <host:port>",
      "where this computer can be reached, such as a forwarded port; may be repeated, and is remembered",
      (value: string, before: string[]) => [...before, value],
      [],
    )
    .option("--no-qr", "print no QR code")
    .action(async (options: CreateOptions) => {
      const created = await withClient(context, options, (client) =>
        client.call("invite.create", {
          ...(options.network !== undefined && { network: options.network }),
          ...(options.uses !== undefined && { uses: options.uses }),
          ...(options.expires !== undefined && { expiresInSeconds: options.expires }),
          ...(options.approve && { approval: true }),
          ...(options.label !== undefined && { label: options.label }),
          ...(options.endpoint.length > 0 && { endpoints: options.endpoint }),
        }),
      );
      print(context, options, created, () => createdText(context, created, options.qr));
    });
  addInspectInvite(invite, context);
  addList(invite, context);
  addAnswer(
    invite,
    context,
    "revoke <invite>",
    "make an invite worthless; who joined with it stays",
    async (client, id) => {
      await client.call("invite.revoke", { invite: id });
      return `Invite ${id} is revoked.`;
    },
  );
  addAnswer(invite, context, "approve <request>", "let a waiting guest in", async (client, id) => {
    await client.call("invite.approve", { request: id });
    return `Request ${id} is approved.`;
  });
  addAnswer(invite, context, "deny <request>", "send a waiting guest away", async (client, id) => {
    await client.call("invite.deny", { request: id });
    return `Request ${id} is denied.`;
  });
}

function addList(invite: Command, context: CliContext): void {
  clientCommand(invite, "list", "the invites that were made, without their secrets")
    .option("--network <network>", "one network alone, by name or id")
    .action(async (options: ListOptions) => {
      const params = options.network === undefined ? {} : { network: options.network };
      const result = await withClient(context, options, (client) => client.call("invite.list", params));
      const now = context.wall();
      print(context, options, result, ({ invites }) =>
        invites.length === 0
          ? "No invites. Make one: castaway invite"
          : table(invites, [
              { title: "INVITE", value: (row) => row.id },
              { title: "LABEL", value: (row) => plainText(row.label ?? "-") },
              { title: "STATE", value: (row) => row.state },
              { title: "USES LEFT", value: (row) => `${row.usesLeft} of ${row.usesTotal}` },
              { title: "APPROVAL", value: (row) => (row.approval ? "yes" : "no") },
              {
                title: "EXPIRES",
                value: (row) => (row.state === "open" ? `in ${durationText(row.expiresAt - now)}` : "-"),
              },
            ]),
      );
    });
}

type Act = (client: Parameters<Parameters<typeof withClient>[2]>[0], id: string) => Promise<string>;

function addAnswer(
  invite: Command,
  context: CliContext,
  signature: string,
  description: string,
  act: Act,
): void {
  clientCommand(invite, signature, description).action(async (id: string, options: CommonOptions) => {
    const message = await withClient(context, options, (client) => act(client, id));
    print(context, options, {}, () => message);
  });
}

function createdText(context: CliContext, created: Result<"invite.create">, withQr: boolean): string {
  const { invite, link } = created;
  const uses = invite.usesTotal === 1 ? "one computer" : `${invite.usesTotal} computers`;
  const lines = [
    plainText(link),
    "",
    ...(withQr && context.out.isTTY ? [qrText(context, link)] : []),
    `Invites ${uses} into ${plainText(created.networkName)}, for ${durationText(invite.expiresAt - context.wall())}${invite.approval ? ", and you are asked first" : ""}.`,
    `On the other computer: install Castaway, then open the link or run: castaway join '${plainText(link)}'`,
    `It lets anybody in who has it: send it as you would a key. Take it back: castaway invite revoke ${invite.id}`,
  ];
  if (created.endpoints.length === 0 && created.ways.length === 0)
    lines.push("It holds no address of this computer yet, so nobody can use it: see castaway doctor.");
  return lines.join("\n");
}

function qrText(context: CliContext, link: string): string {
  const qr = terminalQr(link, context.out.columns, context.out.color);
  return qr.kind === "qr" ? qr.text : `${qr.message}\n`;
}

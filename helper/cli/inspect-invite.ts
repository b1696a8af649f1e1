import type { Command } from "commander";
import type { Result } from "#contract/methods.ts";
import { durationText, plainText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addInspectInvite(invite: Command, context: CliContext): void {
  clientCommand(invite, "inspect <link>", "what an invite link says, without joining").action(
    async (link: string, options: CommonOptions) => {
      const found = await withClient(context, options, (client) => client.call("invite.inspect", { link }));
      print(context, options, found, () => inspectedText(found, context.wall()));
    },
  );
}

function inspectedText(found: Result<"invite.inspect">, now: number): string {
  const name = plainText(found.networkName);
  const places = [...found.endpoints, ...found.ways].map(plainText).join(", ");
  return [
    found.expired
      ? `An invite into ${name} that has expired, ${durationText(now - found.expiresAt)} ago. Ask the host for a new one.`
      : `An invite into ${name}, good for ${durationText(found.expiresAt - now)}.`,
    `  fingerprint: ${found.fingerprint} (the host's own is in its castaway status)`,
    `  the host is reached by: ${places || "nothing that the invite says"}`,
    ...(found.known ? ["This computer is in that network already."] : []),
  ].join("\n");
}

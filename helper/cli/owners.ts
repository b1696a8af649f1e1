import type { Command } from "commander";
import { ControlError } from "#contract/errors.ts";
import { accountUid } from "#contract/socket-trust.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addOwners(program: Command, context: CliContext): void {
  const list = async (options: CommonOptions): Promise<void> => {
    const result = await withClient(context, options, (client) => client.call("owners.list", {}));
    print(context, options, result, ({ uids }) => ["root", ...uids.map((uid) => `uid ${uid}`)].join("\n"));
  };
  const owners = clientCommand(program, "owners", "who may drive the daemon without sudo").action(list);
  clientCommand(owners, "list", "who may drive the daemon without sudo").action(list);
  clientCommand(owners, "add [user]", "allow a user (name or uid; who ran sudo otherwise)").action(
    async (user: string | undefined, options: CommonOptions) => {
      const uid = userId(context, user);
      const result = await withClient(context, options, (client) => client.call("owners.add", { uid }));
      print(context, options, result, () => `uid ${uid} may drive the daemon.`);
    },
  );
  clientCommand(owners, "remove <user>", "take that away again").action(
    async (user: string, options: CommonOptions) => {
      const uid = userId(context, user);
      const result = await withClient(context, options, (client) => client.call("owners.remove", { uid }));
      print(context, options, result, () => `uid ${uid} may no longer drive the daemon.`);
    },
  );
}

function userId(context: CliContext, user: string | undefined): number {
  const wanted = user ?? context.environment["SUDO_UID"];
  if (wanted === undefined)
    throw new ControlError("bad-request", "which user?", "Name one: castaway owners add alice");
  const uid = /^\d{1,10}$/.test(wanted) ? Number(wanted) : accountUid(wanted);
  if (uid === undefined)
    throw new ControlError("not-found", `no account "${wanted}" in /etc/passwd`, "Use its uid: id -u NAME");
  return uid;
}

import { randomBytes } from "node:crypto";
import type { Command } from "commander";
import type { Result } from "#contract/methods.ts";
import { plainText } from "#contract/plain-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";

export function addKey(program: Command, context: CliContext): void {
  const show = async (options: CommonOptions): Promise<void> => {
    const key = await withClient(context, options, (client) => client.call("key.show", {}));
    print(context, options, key, keyText);
  };
  const key = clientCommand(
    program,
    "key",
    "this computer's public key, as others name it in their peers files",
  ).action(show);
  clientCommand(
    key,
    "show",
    "the public key, its fingerprint, and the line that goes into others' files",
  ).action(show);
  key
    .command("psk")
    .description("print a new pre-shared key, a secret for both ends of a line; nothing is kept")
    .option("--json", "print the result as JSON")
    .action((options: { json?: true }) => {
      const psk = randomBytes(32).toString("base64");
      print(context, options, { psk }, () => psk);
    });
}

function keyText({
  publicKey,
  fingerprint,
  hostname,
  port,
  addresses,
  peersFile,
  peers,
}: Result<"key.show">): string {
  const name =
    plainText(hostname)
      .replace(/[^\w.-]/g, "-")
      .replace(/^[^a-z]+/i, "")
      .slice(0, 26) || "peer";
  const address = addresses.length > 0 ? `\naddresses    ${addresses.join(", ")}` : "";
  return [
    `public key   ${publicKey}`,
    `fingerprint  ${fingerprint}${address}`,
    `peers file   ${plainText(peersFile)}: ${peers} ${peers === 1 ? "peer" : "peers"} in force`,
    "",
    "For the others' peers files (without endpoint, where nobody reaches this computer):",
    `  peer ${name} key ${publicKey} endpoint HOST:${port}`,
  ].join("\n");
}

import type { Command } from "commander";
import { ControlError } from "#contract/errors.ts";
import type { WebEvent } from "#contract/web-shell.ts";
import type { CliContext } from "./context.ts";
import { wholeNumber } from "./parse-value.ts";

interface Options {
  readonly port?: number;
  readonly open: boolean;
  readonly idle: number;
  readonly socket?: string;
  readonly json?: true;
}

const IDLE_MINUTES = 240;

export function addWeb(program: Command, context: CliContext): void {
  program
    .command("web")
    .description("the app in a browser, served on this computer for this user alone")
    .option("--port <number>", "TCP port on loopback (42271, or another one)", wholeNumber(1, 65_535))
    .option("--no-open", "print the link, and open no browser")
    .option(
      "--idle <minutes>",
      "end after so long without anybody doing anything; 0: never",
      wholeNumber(0, 10_080),
      IDLE_MINUTES,
    )
    .option("--socket <path>", "the daemon's control socket (CASTAWAY_SOCKET)")
    .option("--json", "print what happens as JSON, a line each")
    .addHelpText("after", "\nIt is a client of the daemon like every command, and needs no privileges.")
    .action(async ({ port, open, idle, socket, json }: Options) => {
      const { version } = context;
      await context.runWeb({ port, open, idleMinutes: idle, socket, version }, (event) => {
        // How it failed is told like any other failure, once it has ended.
        if (event.type === "failed") throw new ControlError("conflict", event.message, event.remedy);
        context.out.write(json ? `${JSON.stringify(event)}\n` : `${eventText(event, context.out.isTTY)}\n`);
      });
    });
}

function eventText(event: Exclude<WebEvent, { type: "failed" }>, terminal: boolean): string {
  switch (event.type) {
    case "ready":
      return [
        `Castaway is open here: ${event.url}`,
        "The link works once, in one browser.",
        ...(terminal ? ["Enter prints another one, Ctrl-C ends."] : []),
      ].join("\n");
    case "link":
      return `Another link: ${event.url}`;
    case "note":
      return event.text;
  }
}

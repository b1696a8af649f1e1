// `castaway amt join`: asks for a stream, and waits until it is there or it is known what is missing.
import type { Command } from "commander";
import type { AmtJoin } from "#contract/amt.ts";
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import { plainText } from "#contract/plain-text.ts";
import { streamOfWords, streamText, viaText } from "./amt-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { seconds, wholeNumber } from "./parse-value.ts";

interface Options extends CommonOptions {
  readonly relay?: string;
  readonly port?: number;
  /** Seconds; false: not at all. */
  readonly wait: number | false;
}

const EXAMPLES = `
A group of 232.0.0.0/8 or ff3x::/32 needs its source. Any other one may stand alone: then a relay is
needed that carries it (--relay), since without a source there is no DNS name to ask for one.

Examples:
  castaway amt join 198.51.100.10 232.1.1.1 --port 5001
  castaway amt join amt://198.51.100.10@232.1.1.1:5001
  castaway amt join "amt://198.51.100.10@232.1.1.1:5001?relay=relay.example.net"
  castaway amt join 233.252.0.1 --relay 192.0.2.7 --no-wait`;

const SAID: Readonly<Record<Exclude<AmtJoin["state"], "receiving" | "failed">, (join: AmtJoin) => string>> = {
  looking: () => "Looking for a relay.",
  asking: (join) => `Asking ${viaText(join)}.`,
  waiting: (join) => `${viaText(join)}: it answered. Waiting for the first packet.`,
};

export function addAmtJoin(amt: Command, context: CliContext): void {
  clientCommand(amt, "join <source>", "receive a stream, from now on and after each start")
    .usage("[options] <source> <group> | <group> | <link>")
    .argument("[group]")
    .option("--relay <address|name>", "ask this relay for it, and no other")
    .option(
      "--port <port>",
      "the port that a player listens on, for the list and for players",
      wholeNumber(1, 65_535),
    )
    .option("--wait <seconds>", "how long to wait for the first packet", seconds(0.2, 3_600), 30)
    .option("--no-wait", "ask for it, and be done")
    .addHelpText("after", EXAMPLES)
    .action(async (first: string, group: string | undefined, options: Options) => {
      const { source, ...rest } = streamOfWords(first, group, options);
      const params = {
        group: rest.group,
        ...(source !== null && { source }),
        ...(rest.relay !== null && { relay: rest.relay }),
        ...(rest.port !== null && { port: rest.port }),
      };
      await withClient(context, options, async (client) => {
        const { id } = await client.call("amt.join", params);
        const name = streamText({ source, group: rest.group });
        const { wait } = options;
        if (wait === false) {
          print(context, options, { id }, () => `Joined ${name} as ${id}. How it goes: castaway amt list`);
          return;
        }
        const isIt = (one: AmtJoin): boolean => one.source === source && one.group === rest.group;
        const join = await firstPacket(client, isIt, wait, (now) => {
          if (!options.json && now.state !== "receiving" && now.state !== "failed")
            context.out.write(`${SAID[now.state](now)}\n`);
        });
        print(context, options, join, () =>
          [
            `Receiving ${name}, by ${viaText(join)}.`,
            "Programs here receive it by joining the group, as they would where it is sent.",
          ].join("\n"),
        );
      });
    });
}

/** `show` is called with each new state. Rejects with a ControlError that says what is missing; it stays joined. */
async function firstPacket(
  client: ControlClient,
  isIt: (join: AmtJoin) => boolean,
  wait: number,
  show: (join: AmtJoin) => void,
): Promise<AmtJoin> {
  let last: AmtJoin | undefined;
  let timer: NodeJS.Timeout | undefined;
  const over = new Promise<AmtJoin>((resolve, reject) => {
    client.onClose(reject);
    timer = setTimeout(() => reject(missing(last, wait)), wait * 1000);
    client
      .watch(({ amt }) => {
        const join = amt.joins.find(isIt);
        if (!join) {
          if (last) reject(new ControlError("not-found", "it was left meanwhile"));
          return;
        }
        if (join.state !== last?.state || join.via?.address !== last.via?.address) show(join);
        last = join;
        if (join.state === "receiving") resolve(join);
        else if (join.state === "failed")
          reject(new ControlError("unreachable", plainText(join.detail), STAYS));
      })
      .catch(reject);
  });
  try {
    return await over;
  } finally {
    clearTimeout(timer);
  }
}

const STAYS = "It stays joined, and is tried again. How it goes: castaway amt list";

function missing(join: AmtJoin | undefined, wait: number): ControlError {
  const relay = join ? viaText(join) : "";
  const text =
    join?.state === "waiting"
      ? `the relay (${relay}) answers, but nothing came of the stream in ${wait} s: is it being sent?`
      : join?.state === "asking"
        ? `the relay (${relay}) has not answered in ${wait} s`
        : `no relay was found in ${wait} s`;
  return new ControlError("timeout", text, STAYS);
}

import { relayChange, type RelayOptions } from "./amt-relay-options.ts";
import { Argument, type Command } from "commander";
import { MAX_AMT_GATEWAYS } from "#contract/amt.ts";
import { addAmtJoin } from "./amt-join.ts";
import { automaticText, joinsText, namedJoin, relayStateText, relaysText } from "./amt-text.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { bitRate, onOff, wholeNumber } from "./parse-value.ts";

const EXAMPLES = `
Examples:
  castaway amt join 198.51.100.10 232.1.1.1
  castaway amt join amt://198.51.100.10@232.1.1.1:5001
  castaway amt join 2001:db8::10 ff3e::8000:1 --relay relay.example.net
  castaway amt list
  castaway amt leave 198.51.100.10 232.1.1.1`;

const RELAY_ACTS = ["on", "off", "status"] as const;
type RelayAct = (typeof RELAY_ACTS)[number];

export function addAmt(program: Command, context: CliContext): void {
  const list = async (options: CommonOptions): Promise<void> => {
    const { amt } = await withClient(context, options, (client) => client.call("status", {}));
    print(context, options, { joins: amt.joins }, ({ joins }) => joinsText(joins));
  };
  const amt = clientCommand(
    program,
    "amt",
    "multicast of the Internet, through relays that speak AMT (RFC 7450); alone: what is received",
  )
    .addHelpText("after", EXAMPLES)
    .action(list);
  addAmtJoin(amt, context);
  clientCommand(amt, "list", "the streams that were asked for, by you and by programs here").action(list);

  clientCommand(amt, "leave <source>", "receive a stream no more")
    .usage("[options] <source> <group> | <group> | <link> | <id>")
    .argument("[group]")
    .action(async (first: string, group: string | undefined, options: CommonOptions) => {
      const left = await withClient(context, options, async (client) => {
        const { amt: now } = await client.call("status", {});
        const join = namedJoin(now.joins, first, group);
        await client.call("amt.leave", { id: join.id });
        return join;
      });
      print(context, options, { id: left.id }, () => `Left ${left.source ?? "any source"} ${left.group}.`);
    });

  clientCommand(amt, "relays [relay...]", "which relays are asked first, in this order; none: no such list")
    .usage("[options] [address|name...] | none")
    .action(async (words: string[], options: CommonOptions) => {
      const relays = words.length === 1 && words[0] === "none" ? [] : words;
      const result = await withClient(context, options, async (client) => {
        if (words.length > 0) await client.call("amt.relays", { relays });
        const { amt: now } = await client.call("status", {});
        return { relays: now.relays };
      });
      print(context, options, result, ({ relays: named }) => relaysText(named));
    });

  clientCommand(
    amt,
    "automatic",
    "whether what programs join is fetched from the Internet unasked; alone: how it is set",
  )
    .argument("[on|off]", "", onOff)
    .action(async (on: boolean | undefined, options: CommonOptions) => {
      const automatic = await withClient(context, options, async (client) => {
        if (on !== undefined) await client.call("amt.automatic", { on });
        return on ?? (await client.call("status", {})).amt.automatic;
      });
      print(context, options, { automatic }, () => automaticText(automatic));
    });

  clientCommand(amt, "relay", "be a relay for others, off until it is wanted; alone: how that goes")
    .addArgument(new Argument("[act]").choices(RELAY_ACTS))
    .option("--max-gateways <number>", "how many may be served at once", wholeNumber(1, MAX_AMT_GATEWAYS))
    .option("--gateway-rate <rate>", "the most for each gateway, such as 20M bit/s, or off", bitRate)
    .option("--port <number>", "UDP port (2268)", wholeNumber(1, 65_535))
    .option("--address <address...>", "of this computer, which gateways are told; auto: the daemon chooses")
    .option("--anycast <address...>", "where others are relays too: tells who asks there of itself; none")
    .option("--interface <name>", "serve gateways on this interface alone; all")
    .option("--admin-scoped <on|off>", "groups of a site or an organisation too (239/8, ff05::)", onOff)
    .option("--short-mac <on|off>", "take response MACs of which four bytes are right", onOff)
    .option("--tell-endpoint <on|off>", "tell gateways where they are seen (VLC wants it off)", onOff)
    .action(async (act: RelayAct = "status", options: CommonOptions & RelayOptions) => {
      const change = relayChange(options);
      const relay = await withClient(context, options, async (client) => {
        const before = (await client.call("status", {})).amt.relay;
        if (act === "status" && Object.keys(change).length === 0) return before;
        const enabled = act === "status" ? before.enabled : act === "on";
        await client.call("amt.relay", { ...change, enabled });
        return (await client.call("status", {})).amt.relay;
      });
      print(context, options, relay, relayStateText);
    });
}

import { InvalidArgumentError, type Command } from "commander";
import { plainText } from "#contract/plain-text.ts";
import type { Reach, ReachChange } from "#contract/reach.ts";
import { clientCommand, print, withClient, type CliContext, type CommonOptions } from "./context.ts";
import { onOff, wholeNumber } from "./parse-value.ts";
import { table } from "./table.ts";

interface Options extends CommonOptions {
  readonly port?: number | "auto";
  readonly portMapping?: boolean;
  readonly dht?: boolean;
  readonly dhtBootstrap?: string[];
  readonly dhtRelays?: string[];
  readonly meet?: string;
  readonly tcp?: boolean;
  readonly tls?: boolean;
  readonly proxy?: string;
}

export function addReach(program: Command, context: CliContext): void {
  clientCommand(
    program,
    "reach",
    "how this computer may be found and reached; each way is a switch, which stays as it is set",
  )
    .option(
      "--port <number|auto>",
      "UDP and TCP port for the other members, from the daemon's next start on",
      portOrAuto,
    )
    .option("--port-mapping <on|off>", "ask the router for a port while this computer hosts a network", onOff)
    .option("--dht <on|off>", "find each other by the public DHT, when a known address does not do", onOff)
    .option(
      "--dht-bootstrap <host:port,...>",
      "the nodes by which the DHT is entered; default: the ones of its library",
      places,
    )
    .option(
      "--dht-relays <key,...|none>",
      "nodes of the DHT that relay for the network of this computer, by their public keys",
      dhtKeys,
    )
    .option(
      "--meet <host:port|auto|off>",
      "a meeting point of your own (castaway meet); auto: those alone that invites name",
      placeOr("auto", "off"),
    )
    .option("--tcp <on|off>", "TCP where UDP does not answer", onOff)
    .option(
      "--tls <on|off>",
      "serve TLS on port 443 too, for guests whose network lets nothing else pass",
      onOff,
    )
    .option("--proxy <auto|off|host:port>", "HTTP CONNECT proxy for TCP and TLS", placeOr("auto", "off"))
    .action(async (options: Options) => {
      const { json: _json, socket: _socket, port, ...others } = options;
      const change = { ...others, ...(port !== undefined && { port: port === "auto" ? null : port }) };
      const reach = await withClient(context, options, (client) =>
        Object.keys(change).length === 0
          ? client.call("reach.get", {})
          : client.call("reach.set", change satisfies ReachChange),
      );
      print(context, options, reach, reachText);
    });
}

function reachText(reach: Reach): string {
  const word = (on: boolean): string => (on ? "on" : "off");
  const nodes = reach.dhtBootstrap.join(", ") || "default";
  const rows = [
    { way: "port", setting: portText(reach) },
    { way: "port-mapping", setting: word(reach.portMapping) },
    { way: "dht", setting: word(reach.dht) },
    { way: "dht-bootstrap", setting: nodes },
    ...reach.dhtRelays.map((setting) => ({ way: "dht-relay", setting })),
    { way: "meet", setting: reach.meet },
    { way: "tcp", setting: word(reach.tcp) },
    { way: "tls", setting: word(reach.tls) },
    { way: "proxy", setting: reach.proxy },
  ];
  const settings = table(rows, [
    { title: "WAY", value: (row) => row.way },
    { title: "SETTING", value: (row) => plainText(row.setting) },
  ]);
  return [
    settings,
    `Port mapping: ${plainText(reach.mapping.detail)}`,
    `DHT: ${plainText(reach.dhtState.detail)}`,
  ].join("\n");
}

function portText({ port, portPending }: Reach): string {
  return `${port ?? "auto"}${portPending ? " from the next start on: sudo systemctl restart castaway" : ""}`;
}

function portOrAuto(text: string): number | "auto" {
  return text === "auto" ? text : wholeNumber(1, 65_535)(text);
}

function placeOr(...words: string[]): (text: string) => string {
  return (text) => {
    if (words.includes(text)) return text;
    if (!/^(\[[\da-fA-F:.]+\]|[\w.-]+):\d{1,5}$/.test(text))
      throw new InvalidArgumentError(
        `It is ${[...words, "HOST:PORT"].join(" or ")}, such as home.example:4000.`,
      );
    return text;
  };
}

function places(text: string): string[] {
  return text === "default" ? [] : text.split(",").map(placeOr());
}

function dhtKeys(text: string): string[] {
  if (text === "none") return [];
  const keys = text.split(",");
  if (!keys.every((key) => /^[\da-fA-F]{64}$/.test(key)))
    throw new InvalidArgumentError("It is keys of 64 hexadecimal digits with commas between them, or none.");
  return keys;
}

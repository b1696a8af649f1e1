// What `castaway amt` prints, and how it finds what somebody named.
import type { AmtJoin, AmtRelayState } from "#contract/amt.ts";
import { amtFaultText, AMT_LINK_FORM } from "#contract/amt-fault-text.ts";
import {
  type AmtFields,
  type AmtReading,
  type AmtStream,
  amtStreamOf,
  isAmtLink,
  parseAmtLink,
} from "#contract/amt-link.ts";
import { ControlError } from "#contract/errors.ts";
import { amountText, plainText } from "#contract/plain-text.ts";
import { table } from "./table.ts";

const HOW: Readonly<Record<NonNullable<AmtJoin["via"]>["how"], string>> = {
  driad: "found through the source's DNS",
  given: "as you said",
  anycast: "the nearest one",
};

/** "amt://...", "SOURCE GROUP" or "GROUP", with options that stand above what a link says. Throws a ControlError. */
export function streamOfWords(
  first: string,
  second: string | undefined,
  options: { readonly relay?: string | undefined; readonly port?: number | undefined },
): AmtStream {
  if (isAmtLink(first)) {
    if (second !== undefined)
      throw new ControlError("bad-request", "A link names its group already.", AMT_LINK_FORM);
    const linked = good(parseAmtLink(first));
    const { source, group } = linked;
    return good(
      amtStreamOf({
        source: source ?? "",
        group,
        port: `${options.port ?? linked.port ?? ""}`,
        relay: options.relay ?? linked.relay ?? "",
      }),
    );
  }
  const fields: AmtFields = {
    source: second === undefined ? "" : first,
    group: second ?? first,
    port: `${options.port ?? ""}`,
    relay: options.relay ?? "",
  };
  return good(amtStreamOf(fields));
}

/** Of those that there are. Throws a ControlError. */
export function namedJoin(joins: readonly AmtJoin[], first: string, second: string | undefined): AmtJoin {
  const byId = second === undefined ? joins.find(({ id }) => id === first) : undefined;
  if (byId) return byId;
  const wanted = streamOfWords(first, second, {});
  const found = joins.filter(({ source, group }) => source === wanted.source && group === wanted.group);
  const join = found.find(({ kept }) => kept) ?? found[0];
  if (!join)
    throw new ControlError("not-found", `${streamText(wanted)} was not joined`, "See castaway amt list");
  return join;
}

export function streamText({ source, group }: Pick<AmtStream, "source" | "group">): string {
  return `${group} from ${source ?? "any source"}`;
}

/** "198.51.100.7, found through the source's DNS". */
export function viaText({ via }: Pick<AmtJoin, "via">): string {
  return via === null ? "-" : plainText(`${via.address}, ${HOW[via.how]}`);
}

export function joinsText(joins: readonly AmtJoin[]): string {
  if (joins.length === 0)
    return `No streams of the Internet's are joined. Join one: castaway amt join SOURCE GROUP`;
  const rows = table(joins, [
    { title: "ID", value: (row) => row.id },
    { title: "SOURCE", value: (row) => row.source ?? "any" },
    { title: "GROUP", value: (row) => (row.port === null ? row.group : `${row.group} port ${row.port}`) },
    { title: "STATE", value: (row) => row.state },
    { title: "RELAY", value: viaText },
    {
      title: "ROUND TRIP",
      value: (row) => (row.roundTripMs === null ? "-" : `${row.roundTripMs.toFixed(1)} ms`),
      align: "right",
    },
    { title: "RATE", value: (row) => amountText(row.rateBps, "bit/s"), align: "right" },
    { title: "PACKETS", value: (row) => row.packets, align: "right" },
    { title: "ASKED BY", value: (row) => (row.kept ? "you" : "a program") },
  ]);
  const troubles = joins
    .filter(({ state, detail }) => state === "failed" && detail !== "")
    .map((join) => `${streamText(join)}: ${plainText(join.detail)}\n`);
  return troubles.length === 0 ? rows : `${rows}\n${troubles.join("")}`;
}

export function relaysText(relays: readonly string[]): string {
  if (relays.length === 0)
    return "No relays are preferred: the source's DNS is asked, then the nearest relay of all.";
  return `Asked first, in this order: ${plainText(relays.join(", "))}`;
}

export function automaticText(on: boolean): string {
  return on
    ? "What programs join is fetched from the Internet, where its source is there and nothing else brings it."
    : "Only what was asked for with castaway amt join is fetched from the Internet.";
}

export function relayStateText(relay: AmtRelayState): string {
  const { state, detail, addresses, gateways, maxGateways, gatewayBitsPerSecond, groups, packets, bytes } =
    relay;
  const word = { off: "no relay for others", up: "a relay for others", failed: "to be a relay, but failed" }[
    state
  ];
  const head = `This computer is ${word}.${detail === "" ? "" : ` ${plainText(detail)}`}`;
  if (state === "off") return `${head}\nMake it one: castaway amt relay on`;
  return [
    head,
    `Addresses  ${addresses.length > 0 ? plainText(addresses.join(", ")) : "-"}`,
    `Gateways   ${gateways} of at most ${maxGateways}${
      gatewayBitsPerSecond === null ? "" : `, each at most ${amountText(gatewayBitsPerSecond, "bit/s")}`
    }`,
    `Groups     ${groups}`,
    `Delivered  ${packets} packets, ${amountText(bytes, "B")}`,
  ].join("\n");
}

function good(reading: AmtReading): AmtStream {
  if (reading.ok) return reading.stream;
  const { fault } = reading;
  const form =
    fault === "not-a-link" || fault === "link-too-long" ? AMT_LINK_FORM : "See castaway amt join --help";
  throw new ControlError("bad-request", amtFaultText(fault), form);
}

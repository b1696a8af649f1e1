// Tunnels of other programs' kinds, as people set them.
import * as v from "valibot";
import { MAX_TUNNELS, tunnelToAddSchema, type TunnelToAdd } from "#contract/tunnels.ts";
import { groupRefusal, scopePolicy } from "#protocol/forwarding/scope.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { canonicalAddress, isMulticast, prefixText } from "#wire/address.ts";
import { globalPrefix } from "../sixtunnel/greetings.ts";

export type TunnelSetting = TunnelToAdd & { readonly id: string };

/** As it is kept, addresses in their canonical form; a text says what is wrong with it. */
export function checkedTunnel(tunnel: TunnelToAdd): TunnelToAdd | string {
  if (tunnel.address !== null && !isCandidateHost(tunnel.address))
    return `${tunnel.address} is no address and no name`;
  if (tunnel.kind === "mcasttunnel") {
    if (tunnel.role === "client" && tunnel.address === null) return "a client needs the server's address";
    const group = canonicalAddress(tunnel.group);
    if (group === undefined || !isMulticast(group)) return `${tunnel.group} is no multicast group`;
    if (groupRefusal(scopePolicy(), group) === "never-routed")
      return `${group} belongs to one link and is never carried to another`;
    return { ...tunnel, group };
  }
  if (tunnel.role === "server") {
    const range = globalPrefix(tunnel.range);
    if (!range || range.length > 64)
      return `${tunnel.range} is no prefix of /64 or shorter, of global or unique local addresses`;
    return { ...tunnel, range: prefixText(range) };
  }
  if (tunnel.address.includes(":"))
    return `${tunnel.address} is an IPv6 address: the tunnel is there to bring IPv6 over IPv4`;
  return { ...tunnel, clientId: tunnel.clientId?.toLowerCase() ?? null };
}

const settingSchema = v.pipe(
  v.looseObject({ id: v.pipe(v.string(), v.regex(/^[\da-f]{8}$/, "is no tunnel's id")) }),
  v.rawTransform(({ dataset, addIssue, NEVER }): TunnelSetting => {
    const { id, ...rest } = dataset.value;
    const parsed = v.safeParse(tunnelToAddSchema, rest);
    const checked = parsed.success ? checkedTunnel(parsed.output) : "is no tunnel";
    if (typeof checked !== "string") return { id, ...checked };
    addIssue({ message: checked });
    return NEVER;
  }),
);

export const tunnelsSchema: v.GenericSchema<unknown, readonly TunnelSetting[]> = v.pipe(
  v.array(settingSchema),
  v.maxLength(MAX_TUNNELS),
  v.check((all) => new Set(all.map(({ id }) => id)).size === all.length, "has one tunnel twice"),
);

// Who reaches whose LANs, in words.
import type { LanAccess, SharedLan } from "#contract/lan-access.ts";
import { addressBytes, addressText, prefixText, type Prefix } from "#wire/address.ts";
import type { LanWay } from "#protocol/addressing/shared-lans.ts";
import type { LanSharing } from "../gateway/lan-sharing.ts";
import type { HostedNetworkRuntime } from "../hosted-network.ts";
import type { RoutedSubnet } from "../network-context.ts";
import type { JoinedNetworkRuntime } from "../joined-network.ts";

/** Of a network without LANs by unicast. */
export const NO_LAN_ACCESS: LanAccess = {
  on: false,
  lans: [],
  leftOut: [],
  subnet: null,
  opens: [],
  problem: null,
};

export function hostedLanAccess(network: HostedNetworkRuntime, sharing: LanSharing): LanAccess {
  const on = network.record.shareLan;
  const { problem } = sharing;
  const lans = sharing.forwarded().map(({ interfaceName, prefix, mapped }): SharedLan => {
    const other = mapped ? `, or as ${example(prefix, mapped)} from a network with the same addresses` : "";
    return {
      prefix: prefixText(prefix),
      mapped: mapped ? prefixText(mapped) : null,
      interface: interfaceName,
      use: prefixText(prefix),
      clash: null,
      detail: `Members reach the devices on ${interfaceName} by their own addresses${other}.`,
    };
  });
  return {
    on,
    lans,
    leftOut: on
      ? sharing.leftOut.map(({ interfaceName, prefix, reason }) => ({
          interface: interfaceName,
          prefix: prefix ? prefixText(prefix) : null,
          reason,
        }))
      : [],
    subnet: subnetOf(network.routedSubnet, sharing),
    opens: [...(lans.length > 0 ? opens(lans) : []), ...subnetOpens(network.routedSubnet)],
    problem: problem ? { message: problem.message, remedy: problem.remedy } : null,
  };
}

function subnetOf(subnet: RoutedSubnet | undefined, sharing: LanSharing): LanAccess["subnet"] {
  if (!subnet) return null;
  const problem = sharing.subnetProblem(subnet);
  const { interfaceName } = subnet;
  return {
    prefix: prefixText(subnet.subnet),
    interface: interfaceName,
    active: problem === undefined,
    detail: problem
      ? `This computer is no router on ${interfaceName}: ${problem}.`
      : `This computer is the IPv6 router of ${prefixText(subnet.subnet)} on ${interfaceName}: hosts there make themselves addresses of it.`,
  };
}

function subnetOpens(subnet: RoutedSubnet | undefined): string[] {
  if (!subnet) return [];
  const { interfaceName, reach } = subnet;
  return [
    `Every host on ${interfaceName} gets an address in the network and reaches ${reach.map(prefixText).join(" and ")} through this computer; members reach these hosts, on every port.`,
    "Only switch it on where the network is yours: hosts take this computer for a router.",
  ];
}

function opens(lans: readonly SharedLan[]): string[] {
  const where = lans.map((lan) => `${lan.prefix} (${lan.interface})`).join(" and ");
  return [
    `Every member can open connections to every device in ${where}, on every port: the router's settings too.`,
    "The devices see this computer's address as the sender.",
    "Devices cannot open connections to members. Members reach no other network of this computer, and not the internet through it.",
    "This computer itself answers members at its address in each of these networks, as it does at its address in the tunnel.",
  ];
}

export function joinedLanAccess(network: JoinedNetworkRuntime, sharing: LanSharing): LanAccess {
  const { sharedLans = [], useLans = true, networkName } = network.record;
  const ways = useLans ? network.lanWays() : [];
  return {
    on: useLans,
    lans: useLans
      ? ways.map((way) => lanWay(way, networkName))
      : sharedLans.map(({ prefix, mapped }) => ({
          prefix: prefixText(prefix),
          mapped: mapped ? prefixText(mapped) : null,
          interface: null,
          use: null,
          clash: null,
          detail: `Not used here. Use it: castaway share use on`,
        })),
    leftOut: [],
    subnet: subnetOf(network.routedSubnet, sharing),
    opens: subnetOpens(network.routedSubnet),
    problem: null,
  };
}

function lanWay({ prefix, mapped, via, clash }: LanWay, networkName: string): SharedLan {
  const own = clash ? `this computer is on ${prefixText(clash)} itself` : "";
  return {
    prefix: prefixText(prefix),
    mapped: mapped ? prefixText(mapped) : null,
    interface: null,
    use: via ? prefixText(via) : null,
    clash: clash ? prefixText(clash) : null,
    detail: !via
      ? `The devices of ${networkName} in ${prefixText(prefix)} cannot be reached: ${own}.`
      : via === prefix
        ? `The devices of ${networkName} are reached by their own addresses.`
        : `Because ${own}, the devices of ${networkName} are reached as ${example(prefix, via)}.`,
  };
}

/** "100.72.3.x for 192.168.1.x", by an address in each. */
function example(own: Prefix, mapped: Prefix): string {
  return `${addressIn(mapped)} for ${addressIn(own)}`;
}

function addressIn({ address }: Prefix): string {
  const bytes = addressBytes(address);
  bytes[bytes.length - 1]! |= bytes.length === 4 ? 20 : 0x20;
  return addressText(bytes);
}

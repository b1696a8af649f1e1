// What has to get through this computer's firewall, as packets that do not exist.
import { HOST_NUMBER, memberAddresses } from "#protocol/addressing/member-addresses.ts";
import { family, type Prefix } from "#wire/address.ts";
import type { Subject } from "../topic.ts";
import type { ImaginedPacket } from "./packet.ts";

/** A packet that has to get through, what is lost without it, and how a rule that lets it in is written. */
export interface Need {
  readonly packet: ImaginedPacket;
  readonly what: string;
  readonly consequence: string;
  /** In the words of nft; of ufw and firewalld where they have words for it. */
  readonly rule: string;
  readonly ufw?: string;
  readonly firewalld?: string;
  /** Without it there is no connection at all. */
  readonly vital?: true;
}

export function* needs(subject: Subject): Generator<Need> {
  const { engine } = subject;
  for (const link of engine.lans.links())
    if (link.defaultRoute)
      for (const of of familiesOf(link.addresses)) yield* outerNeeds(subject, of, link.name);
  for (const { name, link } of engine.lans.vifs()) yield* membershipNeeds(name, familiesOf(link.addresses));
  const tun = engine.tun.name;
  if (tun !== undefined && (engine.networks.joined.size > 0 || engine.networks.byFile.active))
    yield* tunnelNeeds(tun);
  if (tun !== undefined)
    for (const { interfaceName, prefix } of engine.lanSharing.forwarded())
      yield* forwardNeeds(subject, tun, interfaceName, prefix);
}

/** The tunnel's own packets. */
function* outerNeeds({ engine, keeper }: Subject, family: 4 | 6, name: string): Generator<Need> {
  const { port } = engine.datagrams;
  const hosting = engine.networks.isCalled;
  const joined = engine.networks.joined.size > 0;
  const outer = { family, interface: name, protocol: "udp" } as const;
  const letIn = (protocol: "udp" | "tcp"): Pick<Need, "rule" | "ufw" | "firewalld"> => ({
    rule: `${protocol} dport ${port}`,
    ufw: `ufw allow ${port}/${protocol}`,
    firewalld: `firewall-cmd --add-port=${port}/${protocol}`,
  });
  if (hosting)
    yield {
      packet: { ...outer, hook: "input", state: "new", destinationPort: port },
      what: `IPv${family} calls to UDP port ${port} on ${name}`,
      consequence: "members cannot reach this computer",
      ...letIn("udp"),
      vital: true,
    };
  else if (joined)
    yield {
      packet: { ...outer, hook: "input", state: "established", destinationPort: port },
      what: `IPv${family} answers to UDP port ${port} on ${name}`,
      consequence: "no host can be reached over UDP",
      ...letIn("udp"),
      vital: true,
    };
  if (hosting && keeper.state.settings.reach.tcp)
    yield {
      packet: { ...outer, protocol: "tcp", hook: "input", state: "new", destinationPort: port },
      what: `IPv${family} connections to TCP port ${port} on ${name}`,
      consequence: "members cannot come from networks without UDP",
      ...letIn("tcp"),
    };
  if (hosting || joined)
    yield {
      packet: { ...outer, hook: "output", state: "new", sourcePort: port },
      what: `IPv${family} packets from UDP port ${port} on ${name}`,
      consequence: "nobody can be called",
      rule: `udp sport ${port}`,
      vital: true,
    };
}

/** What this computer's programs are to receive. */
function* tunnelNeeds(tun: string): Generator<Need> {
  for (const [family, destination] of [
    [4, "239.1.2.3"],
    [6, "ff18::123"],
  ] as const)
    yield {
      packet: { hook: "input", family, interface: tun, protocol: "udp", state: "new", destination },
      what: `IPv${family} multicast that comes by ${tun}`,
      consequence: "programs on this computer hear nothing of it",
      rule: `iifname ${tun}`,
      ufw: `ufw allow in on ${tun}`,
      firewalld: `firewall-cmd --zone=trusted --add-interface=${tun}`,
    };
}

const FIRST_GUEST = HOST_NUMBER + 1;

/** Members' ways to the devices of a LAN that is shared: there, and the answers. Docker's rules drop both. */
function* forwardNeeds({ engine }: Subject, tun: string, lan: string, prefix: Prefix): Generator<Need> {
  const { hosted } = engine.networks;
  if (!hosted) return;
  const of = family(prefix.address);
  const forwarded = { hook: "forward", family: of, protocol: "tcp" } as const;
  const { address4, address6 } = memberAddresses(hosted.record.plan, FIRST_GUEST);
  const member = of === 4 ? address4 : address6;
  const device = prefix.address;
  const consequence = `members do not reach the devices on ${lan}`;
  yield {
    packet: {
      ...forwarded,
      interface: tun,
      leavesBy: lan,
      state: "new",
      source: member,
      destination: device,
    },
    what: `IPv${of} connections from ${tun} to ${lan}`,
    consequence,
    rule: `iifname ${tun} oifname ${lan}`,
    ufw: `ufw route allow in on ${tun} out on ${lan}`,
    firewalld: `firewall-cmd --zone=trusted --add-interface=${tun}`,
  };
  yield {
    packet: {
      ...forwarded,
      interface: lan,
      leavesBy: tun,
      state: "established",
      source: device,
      destination: member,
    },
    what: `IPv${of} answers from ${lan} to ${tun}`,
    consequence,
    rule: `iifname ${lan} oifname ${tun}`,
    ufw: `ufw route allow in on ${lan} out on ${tun}`,
    firewalld: `firewall-cmd --zone=trusted --add-interface=${tun}`,
  };
}

/** The kernel has to hear questions, and to answer them, or switches end its streams after some minutes. */
function* membershipNeeds(name: string, families: readonly (4 | 6)[]): Generator<Need> {
  const consequence = `streams from ${name} end after some minutes, where a switch looks at joins`;
  for (const family of families) {
    const protocol = family === 4 ? "igmp" : "icmpv6";
    const base = { family, interface: name, protocol, state: family === 4 ? "new" : "untracked" } as const;
    const rule =
      family === 4 ? "ip protocol igmp" : "icmpv6 type { mld-listener-query, mld2-listener-report }";
    const what = family === 4 ? "IGMP" : "MLD";
    yield {
      packet: {
        ...base,
        hook: "input",
        destination: family === 4 ? "224.0.0.1" : "ff02::1",
        type: ["mld-listener-query", 130],
      },
      what: `${what} queries on ${name}`,
      consequence,
      rule,
    };
    yield {
      packet: {
        ...base,
        hook: "output",
        destination: family === 4 ? "224.0.0.22" : "ff02::16",
        type: ["mld2-listener-report", 143],
      },
      what: `${what} reports on ${name}`,
      consequence,
      rule,
    };
  }
}

function familiesOf(addresses: readonly { readonly address: string }[]): (4 | 6)[] {
  return ([4, 6] as const).filter((family) =>
    addresses.some(({ address }) => address.includes(":") === (family === 6)),
  );
}

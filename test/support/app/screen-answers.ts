// What the daemon would say to the screens Invite, Join, Sharing and Doctor, for looking at them without one.
import type { Preset } from "#contract/sharing.ts";
import type { Check, DoctorTopic, Fix, Invite, Network, Snapshot } from "#contract/snapshot.ts";
import type { PendingInvite } from "#main/contract/state.ts";
import type { FakeShell } from "./fake-shell.ts";
import { fakeMember, fakeNetwork, fakeSnapshot } from "./fake-state.ts";

const NOW = Date.UTC(2026, 5, 1, 20, 15);
const DAY_MS = 86_400_000;
const LINK = `castaway://join/${"aebagbafaydqqcikbmga2dqpcaireeyuculbogazdinryhi6d4qcc".repeat(2)}`;

export function fakeInvite(id: string, changes: Partial<Invite> = {}): Invite {
  return {
    id,
    label: null,
    createdAt: NOW,
    expiresAt: NOW + 7 * DAY_MS,
    usesLeft: 1,
    usesTotal: 1,
    approval: false,
    state: "open",
    ...changes,
  };
}

export function fakePreset(name: string, changes: Partial<Preset> = {}): Preset {
  return {
    name,
    summary: "What it opens, in the daemon's words.",
    ranges: [],
    proxies: [],
    lanAccess: false,
    on: false,
    ...changes,
  };
}

export const PENDING_INVITE: PendingInvite = {
  link: LINK,
  networkName: "Beach house",
  fingerprint: "K7QM 2F5D 9XAH",
  expiresAt: NOW + 7 * DAY_MS,
  expired: false,
  endpoints: ["203.0.113.5:42268", "[2001:db8::5]:42268"],
  ways: ["the DHT"],
  known: false,
};

/** A host with everything on its screens. */
export function busyHost(): Network {
  return fakeNetwork({
    id: "aaaabbbbccccddddeeeeffff00001111",
    name: "Studio",
    role: "host",
    ownNumber: 0,
    members: [
      fakeMember(0, { name: "laptop", self: true, path: "none" }),
      fakeMember(1, { name: "mixer", path: "punched", rttMs: 24 }),
    ],
    invites: [
      fakeInvite("a1", { label: "for Anna and her band", usesLeft: 3, usesTotal: 5, approval: true }),
      fakeInvite("b2", { state: "used-up", usesLeft: 0, createdAt: NOW - 2 * DAY_MS }),
      fakeInvite("c3", { state: "revoked", createdAt: NOW - 9 * DAY_MS }),
    ],
    requests: [
      { id: "member-4", inviteId: "a1", name: "Anna's laptop", endpoint: "198.51.100.7:5000", since: NOW },
    ],
    lanAccess: {
      on: true,
      lans: [
        {
          prefix: "192.168.1.0/24",
          mapped: "100.72.3.0/24",
          interface: "eth0",
          use: "192.168.1.0/24",
          clash: null,
          detail: "Members reach the devices on eth0 by their own addresses.",
        },
      ],
      leftOut: [{ interface: "docker0", prefix: "172.17.0.0/16", reason: "it leads to no other computer" }],
      subnet: null,
      opens: [
        "Every member can open connections to every device in 192.168.1.0/24 (eth0), on every port: the router's settings too.",
      ],
      problem: null,
    },
  });
}

/** A guest whose own LAN has the addresses of the host's. */
export function clashingGuest(): Network {
  const lan = {
    prefix: "192.168.1.0/24",
    mapped: "100.72.3.0/24",
    interface: null,
    use: "100.72.3.0/24",
    clash: "192.168.1.0/24",
    detail:
      "Because this computer is on 192.168.1.0/24 itself, the devices of Home are reached as 100.72.3.20 for 192.168.1.20.",
  };
  return fakeNetwork({
    lanAccess: { on: true, lans: [lan], leftOut: [], subnet: null, opens: [], problem: null },
  });
}

/** Something on each of the screens. */
export function busySnapshot(): Snapshot {
  return fakeSnapshot({
    networks: [busyHost(), clashingGuest()],
    lans: [
      { name: "eth0", index: 2, up: true, addresses: ["192.168.1.7/24"], mode: "full", pinned: false },
      { name: "wlan0", index: 3, up: false, addresses: [], mode: "off", pinned: true },
    ],
    routes: [
      { id: "r1", group: "239.1.2.3", source: null, fromVif: "eth0", toVifs: ["castaway0"], active: false },
    ],
    sharing: { presets: ["dlna", "iptv"], proxies: ["ssdp"], raisedTtl: ["239.255.255.250"] },
  });
}

const TOPICS: readonly (DoctorTopic & { readonly check: Check })[] = [
  topic("service", "the service", "ok", "it has the privileges that it needs"),
  topic("tun", "the tunnel's interface", "ok", "castaway0 is up"),
  topic("lans", "the LAN interfaces", "ok", "eth0 is shared as a whole"),
  topic(
    "rp_filter",
    "the reverse path filter",
    "warn",
    "eth0 drops multicast from other networks (net.ipv4.conf.eth0.rp_filter is 1)",
    "sudo sysctl -w net.ipv4.conf.eth0.rp_filter=2",
    { id: "rp-filter:eth0", label: "Let eth0 take packets of senders elsewhere (rp_filter loose)." },
  ),
  topic(
    "firewall",
    "the firewall",
    "fail",
    "the firewall drops UDP packets to port 42268",
    "Let UDP port 42268 in, where your firewall is set up.",
  ),
  topic("nat", "the NAT", "ok", "one port towards everybody"),
];

function topic(
  id: string,
  title: string,
  status: Check["status"],
  message: string,
  remedy: string | null = null,
  fix: Fix | null = null,
): DoctorTopic & { readonly check: Check } {
  return { id, title, check: { name: id, status, message, remedy, fix } };
}

const PRESETS = [
  fakePreset("iptv"),
  fakePreset("dlna", { lanAccess: true, proxies: ["ssdp"] }),
  fakePreset("cast", { lanAccess: true, proxies: ["mdns", "ssdp"] }),
  fakePreset("ros2", { lanAccess: true }),
  fakePreset("minecraft", { lanAccess: true }),
  fakePreset("librecast"),
  fakePreset("mdns", { lanAccess: true }),
  fakePreset("ssdp", { lanAccess: true }),
  fakePreset("everything", { lanAccess: true }),
];

/** `patience`: how long an answer takes that comes from far away, in ms. */
export function answerScreens(shell: FakeShell, patience = 400): void {
  const later = <T>(value: T): Promise<T> =>
    new Promise((resolve) => {
      setTimeout(resolve, patience, value);
    });
  const { handlers } = shell;
  handlers["daemon:invite.create"] = ({ uses, approval }) =>
    later({
      link: LINK,
      networkName: "Studio",
      invite: fakeInvite("d4", {
        usesTotal: Number(uses),
        usesLeft: Number(uses),
        approval: approval === true,
      }),
      endpoints: ["203.0.113.5:42268"],
      ways: ["the DHT"],
    });
  handlers["invite.open"] = () => {
    shell.change({ pendingInvite: PENDING_INVITE });
    return PENDING_INVITE;
  };
  handlers["invite.dismiss"] = () => {
    shell.change({ pendingInvite: null });
    return {};
  };
  handlers["daemon:join"] = () =>
    later({ networkId: "n9", networkName: "Beach house", addresses: ["fd12:3456:789a:2::1", "100.72.0.2"] });
  handlers["daemon:presets.list"] = () => ({ presets: PRESETS });
  handlers["daemon:presets.set"] = ({ preset, on }) => {
    const sharing = shell.state.snapshot?.sharing ?? { presets: [], proxies: [], raisedTtl: [] };
    const others = sharing.presets.filter((one) => one !== preset);
    shell.change({
      snapshot: { sharing: { ...sharing, presets: on ? [...others, String(preset)] : others } },
    });
    return fakePreset(String(preset), { on: on === true });
  };
  handlers["daemon:doctor.topics"] = () => ({ topics: TOPICS.map(({ id, title }) => ({ id, title })) });
  handlers["daemon:doctor"] = ({ topic: asked }) =>
    later({ checks: TOPICS.filter(({ id }) => id === asked).map(({ check }) => check) });
  handlers["daemon:doctor.fix"] = () => ({
    label: "Let eth0 take packets of senders elsewhere (rp_filter loose).",
    undo: "sudo sysctl -w net.ipv4.conf.eth0.rp_filter=1",
  });
  handlers["daemon:ping"] = () => later({ rttMs: 20 + Math.random() * 5, by: "session" });
  handlers["report.make"] = () => later({ fileName: "castaway-report.txt", text: REPORT });
}

const REPORT = `Castaway report, 2026-06-01T20:15:00.000Z. It holds no key and no invite link.

*** Versions
program: 0.1.0
daemon: 0.1.0
*** Versions (end)

*** Doctor
ok   service: it has the privileges that it needs
fail firewall: the firewall drops UDP packets to port 42268
*** Doctor (end)
`;

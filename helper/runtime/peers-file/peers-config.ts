// What a peers file says as a whole: whose statements fit together, with keys and addresses worked out. Pure.
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { staticAddresses, type StaticAddresses } from "#protocol/addressing/static-addresses.ts";
import { prefixesOverlap } from "#protocol/addressing/prefixes.ts";
import { canonicalAddress, prefixContains, prefixText, type Prefix } from "#wire/address.ts";
import type { Place, Problem } from "../routes-file/grammar.ts";
import type { PeersStatement, PeerStatement } from "./grammar.ts";
import type { PskText } from "./values.ts";

/** A full mesh of so many computers, and one session to each. */
export const MAX_PEERS = 64;
export const DEFAULT_NETWORK = "static";
/** WireGuard's way: who has no secret beside the keys has 32 zeros. */
export const NO_PSK = new Uint8Array(32);

export interface StaticPeer {
  readonly at: Place;
  readonly name: string;
  readonly publicKey: Uint8Array; // 32 bytes
  readonly psk: Uint8Array; // 32 bytes
  readonly endpoints: readonly Candidate[];
  readonly addresses: StaticAddresses;
  readonly ranges: readonly Prefix[];
  readonly hub: boolean;
  readonly maximumBps: number | undefined;
}

export interface PeersConfig {
  readonly network: string;
  /** What computers of this network alone know, for beacons on a LAN; zeros: nothing but its name. */
  readonly networkPsk: Uint8Array;
  /** What this computer was given. */
  readonly addresses: readonly string[];
  /** Undefined: what is shared by default, and by presets. */
  readonly share: readonly Prefix[] | undefined;
  /** This computer passes on what one peer sends to the others. */
  readonly forward: boolean;
  readonly peers: readonly StaticPeer[];
}

export interface AssembleOptions {
  readonly statements: readonly PeersStatement[];
  /** Of this computer; undefined: not known, and not compared with. */
  readonly ownKey: Uint8Array | undefined;
  /** The key of a psk or psk-file; undefined: it could not be had, which has been told already. */
  readonly keyOf: (psk: PskText) => Uint8Array | undefined;
}

export function assemble({ statements, ownKey, keyOf }: AssembleOptions): {
  readonly config: PeersConfig;
  readonly problems: readonly Problem[];
} {
  const problems: Problem[] = [];
  const error = (at: Place, message: string): void =>
    void problems.push({ file: at.file, line: at.line, severity: "error", message });
  const once = <Kind extends PeersStatement["kind"]>(
    kind: Kind,
  ): Extract<PeersStatement, { kind: Kind }> | undefined => {
    const [first, ...rest] = statements.filter(
      (one): one is Extract<PeersStatement, { kind: Kind }> => one.kind === kind,
    );
    for (const { at } of rest) error(at, `${kind} stands in line ${first!.at.line} already`);
    return first;
  };
  const networkPsk = pskOrNone(once("psk")?.psk, keyOf);
  const own = once("address");
  const said = statements.filter((one) => one.kind === "peer");
  if (said.length > MAX_PEERS) error(said[MAX_PEERS]!.at, `these are more than ${MAX_PEERS} peers`);
  const peers = said.slice(0, MAX_PEERS).map((one): StaticPeer => {
    const { at, name, publicKey, endpoints, ranges, hub, maximumBps } = one;
    const psk = one.psk ? (keyOf(one.psk) ?? NO_PSK) : networkPsk;
    const addresses = staticAddresses(publicKey, one.addresses);
    return { at, name, publicKey, psk, endpoints, ranges, hub, maximumBps, addresses };
  });
  checkKeys(said, ownKey, error);
  // Who has another's key has its addresses, which has been told.
  const different = peers.filter(
    ({ publicKey }, i) =>
      publicKey.toHex() !== ownKey?.toHex() &&
      peers.findIndex((one) => one.publicKey.toHex() === publicKey.toHex()) === i,
  );
  checkAddresses(different, ownKey && staticAddresses(ownKey, own?.addresses), error);
  const config = {
    network: once("network")?.name ?? DEFAULT_NETWORK,
    networkPsk,
    addresses: own?.addresses ?? [],
    share: once("share")?.ranges,
    forward: once("forward") !== undefined,
    peers,
  };
  if (own && own.addresses.length > new Set(own.addresses.map((address) => address.includes(":"))).size)
    error(own.at, "address takes one address of each family");
  return { config, problems };
}

function pskOrNone(psk: PskText | undefined, keyOf: AssembleOptions["keyOf"]): Uint8Array {
  return (psk && keyOf(psk)) ?? NO_PSK;
}

type Tell = (at: Place, message: string) => void;

function checkKeys(peers: readonly PeerStatement[], ownKey: Uint8Array | undefined, error: Tell): void {
  const keys = new Map<string, PeerStatement>();
  const names = new Map<string, PeerStatement>();
  for (const peer of peers) {
    const key = peer.publicKey.toHex();
    const name = peer.name.toLowerCase();
    const [sameKey, sameName] = [keys.get(key), names.get(name)];
    if (key === ownKey?.toHex())
      error(
        peer.at,
        `peer ${peer.name} has this computer's own key: take the line out here, it belongs into the others' files`,
      );
    if (sameKey)
      error(peer.at, `peer ${peer.name} has the key of peer ${sameKey.name} in line ${sameKey.at.line}`);
    if (sameName) error(peer.at, `a peer is called ${peer.name} in line ${sameName.at.line} already`);
    const families = new Set(peer.addresses.map((address) => address.includes(":")));
    if (peer.addresses.length > families.size)
      error(peer.at, `peer ${peer.name} takes one address of each family`);
    keys.set(key, sameKey ?? peer);
    names.set(name, sameName ?? peer);
  }
}

/** Who has which address: two with the same would take each other's packets. */
function checkAddresses(peers: readonly StaticPeer[], own: StaticAddresses | undefined, error: Tell): void {
  const taken = own ? [{ name: "this computer", prefixes: own.prefixes }] : [];
  for (const { at, name, addresses } of peers) {
    const clash = taken.find((other) =>
      other.prefixes.some((prefix) => addresses.prefixes.some((one) => prefixesOverlap(one, prefix))),
    );
    if (clash) {
      const both = addresses.prefixes.find((one) =>
        clash.prefixes.some((prefix) => prefixesOverlap(one, prefix)),
      )!;
      error(
        at,
        `peer ${name} would have an address in ${prefixText(both)}, as ${clash.name} has: give it another one with address`,
      );
    }
    taken.push({ name: `peer ${name}`, prefixes: addresses.prefixes });
  }
  const inside = peers.flatMap(({ addresses, ranges }) => [...addresses.prefixes, ...ranges]);
  for (const { at, name, endpoints } of peers)
    for (const { host } of endpoints) {
      const address = canonicalAddress(host);
      const range = address && inside.find((prefix) => prefixContains(prefix, address));
      if (range)
        error(
          at,
          `the endpoint ${host} of peer ${name} lies inside of the tunnel, in ${prefixText(range)}: name its outer address, or narrow the range`,
        );
    }
}

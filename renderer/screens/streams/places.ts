// Where packets come from and go to, in a person's words: the vifs' names are the daemon's own.
import type { Group, Listener, Snapshot, Vif } from "#contract/snapshot.ts";
import { plainText } from "#contract/plain-text.ts";

export type Place =
  | { readonly kind: "here" }
  | { readonly kind: "member"; readonly network: string; readonly number: number; readonly name: string }
  | { readonly kind: "lan"; readonly name: string }
  /** By whatever AMT relay it comes. */
  | { readonly kind: "internet" }
  /** Another multicast network: those whom this AMT relay serves, a tunnel of another system. */
  | { readonly kind: "site"; readonly name: string };

export const HERE: Place = { kind: "here" };
export const INTERNET: Place = { kind: "internet" };

/** By the vif's name. */
export type Places = ReadonlyMap<string, Place>;

export function placesOf({ vifs, networks }: Pick<Snapshot, "vifs" | "networks">): Places {
  return new Map(vifs.map((vif) => [vif.name, placeOf(vif, networks)]));
}

function placeOf(vif: Vif, networks: Snapshot["networks"]): Place {
  switch (vif.kind) {
    case "tun":
      return HERE;
    case "amt-gateway":
      return INTERNET;
    case "lan":
    case "socket":
      return { kind: "lan", name: vif.name };
    case "peer": {
      const network = networks.find(({ id }) => id === vif.networkId);
      const member = network?.members.find(({ number }) => number === vif.memberNumber);
      if (!network || !member) return { kind: "site", name: vif.name };
      const name = plainText(member.name) || `${member.number}`;
      return { kind: "member", network: network.id, number: member.number, name };
    }
    default:
      return { kind: "site", name: vif.name };
  }
}

export function listenerPlace(listener: Listener, places: Places): Place {
  if (listener.local) return HERE;
  return places.get(listener.vif) ?? { kind: "site", name: listener.vif };
}

/** Who listens, each place once, this computer first. */
export function listenerPlaces(group: Group, places: Places): Place[] {
  const found = new Map(
    group.listeners.map((one) => {
      const place = listenerPlace(one, places);
      return [placeId(place), place];
    }),
  );
  return [...found.values()].sort((a, b) => Number(b.kind === "here") - Number(a.kind === "here"));
}

/** Where its packets enter; null while none came. `own`: this computer's addresses. */
export function sourcePlace(group: Group, places: Places, own: ReadonlySet<string>): Place | null {
  if (group.inVif === null) return null;
  if (group.source !== null && own.has(group.source)) return HERE;
  return places.get(group.inVif) ?? { kind: "site", name: group.inVif };
}

export function ownAddresses({ networks, lans }: Pick<Snapshot, "networks" | "lans">): Set<string> {
  const all = [...networks.flatMap((one) => one.ownAddresses), ...lans.flatMap((lan) => lan.addresses)];
  return new Set(all.map((address) => address.replace(/[/%].*$/, "")));
}

export function placeId(place: Place): string {
  switch (place.kind) {
    case "here":
    case "internet":
      return place.kind;
    case "member":
      return `member ${place.network} ${place.number}`;
    default:
      return `${place.kind} ${place.name}`;
  }
}

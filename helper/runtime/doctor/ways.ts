// The ways by which computers find each other that no address leads to: meeting points, the DHT.
import type { Check } from "#contract/snapshot.ts";
import type { Rendezvous } from "#ports/rendezvous.ts";
import { DhtRendezvous } from "../dht/dht-rendezvous.ts";
import { ok, warn, type Subject, type Topic } from "./topic.ts";

export const ways: Topic = {
  id: "ways",
  title: "the ways of finding each other",
  examine: (subject) => {
    const { engine, keeper } = subject;
    const all = engine.ways.reach.ways();
    const checks = all.flatMap((way) => wayCheck(way, subject));
    const { dht, meet } = keeper.state.settings.reach;
    const found = all.find((way) => way instanceof DhtRendezvous);
    if (dht && isNeeded(subject) && (!found || found.state === "off")) checks.push(restingDht(found));
    if (!dht && (meet === null || meet === "off"))
      checks.push(
        ok(
          "rendezvous",
          "The DHT is off and there is no meeting point: computers find each other by known addresses alone.",
        ),
      );
    return checks;
  },
};

function isNeeded({ engine: { networks } }: Subject): boolean {
  return networks.hosted?.enabled === true || networks.joined.size > 0;
}

function restingDht(dht: DhtRendezvous | undefined): Check {
  if (dht) return ok("dht", "The DHT is switched on, and rests: nobody has to be found by it now.");
  return warn(
    "dht",
    "The DHT is switched on, but cannot be used by this service: it cannot start its process.",
    "Start it by its systemd unit, or as root: sudo castaway daemon. Without the DHT: castaway reach --dht off",
  );
}

function wayCheck(way: Rendezvous, subject: Subject): Check[] {
  const name = way instanceof DhtRendezvous ? "dht" : `meet ${way.name}`;
  switch (way.state) {
    case "off":
      return [];
    case "ready":
      return [ok(name, `${capital(way.name)} answers${way instanceof DhtRendezvous ? nodesText(way) : ""}.`)];
    case "connecting":
      return [
        warn(name, `${capital(way.name)} is being asked.`, "Ask again in some seconds: castaway doctor"),
      ];
    case "failed": {
      const remedy =
        name === "dht"
          ? "Does this network let UDP out? Without it: castaway reach --dht off"
          : "Is it switched on, and does its UDP port answer? Another one: castaway reach --meet HOST:PORT, or off";
      const then = isNeeded(subject) ? " Who is reached already stays so." : "";
      return [
        warn(
          name,
          `${capital(way.name)} does not answer${way.problem ? `: ${way.problem}` : ""}.${then}`,
          remedy,
        ),
      ];
    }
  }
}

function nodesText({ view: { nodes, announced } }: DhtRendezvous): string {
  return `, with ${nodes} nodes known${announced > 0 ? ` and this network announced at ${announced}` : ""}`;
}

function capital(text: string): string {
  return text.startsWith("the ") ? `T${text.slice(1)}` : text;
}

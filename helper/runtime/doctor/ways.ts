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
    const all = engine.reach.ways();
    const checks = all.flatMap((way) => wayCheck(way, subject));
    const { dht, meet } = keeper.state.settings.reach;
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

function wayCheck(way: Rendezvous, { engine }: Subject): Check[] {
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
      const needed = engine.networks.hosted?.enabled || engine.networks.joined.size > 0;
      const remedy =
        name === "dht"
          ? "Does this network let UDP out? Without it: castaway reach --dht off"
          : "Is it switched on, and does its UDP port answer? Another one: castaway reach --meet HOST:PORT, or off";
      const then = needed ? " Who is reached already stays so." : "";
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

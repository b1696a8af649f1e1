import { expect, test } from "vitest";
import { decodeInvite } from "#protocol/invite/invite-link.ts";
import { dhtIdentity } from "#protocol/reach/dht-identity.ts";
import { Computer } from "./computer.ts";
import { World } from "./world.ts";

/** One that starts nothing: what is said of the DHT does not depend on its process. */
const launcher = { uid: 7, start: () => {}, end: () => {} };

test("the host's key in the DHT is in its invites, and members are told when it is another, or none", async () => {
  const world = new World(1);
  const home = await Computer.start(world, {
    name: "home",
    endpoint: { address: "198.51.100.1", port: 42268 },
    dhtLauncher: launcher,
  });
  const away = await Computer.start(world, {
    name: "away",
    endpoint: { address: "192.0.2.2", port: 42268 },
  });
  const recordOf = () => [...away.engine.networks.joined.values()][0]!.record;
  const { publicKey } = dhtIdentity(home.keeper.state.machine.privateKey);

  await home.call("reach.set", { tcp: false, dht: false });
  await home.call("up", { name: "home" });
  const without = await home.call("invite.create", { endpoints: ["198.51.100.1:42268"] });
  expect(without.ways).toEqual([]);
  expect(decodeInvite(without.link, home.engine.core.clock.wall())).not.toHaveProperty("dhtKey");
  await away.call("join", { link: without.link });
  expect(recordOf()).not.toHaveProperty("dhtKey");

  await home.call("reach.set", { dht: true });
  await world.run(1_000);
  expect(recordOf().dhtKey).toEqual(publicKey);
  const invite = await home.call("invite.create", {});
  expect(invite.ways).toEqual(["the DHT"]);
  expect(decodeInvite(invite.link, home.engine.core.clock.wall()).dhtKey).toEqual(publicKey);

  await home.call("reach.set", { dht: false });
  await world.run(1_000);
  expect(recordOf()).not.toHaveProperty("dhtKey");
});

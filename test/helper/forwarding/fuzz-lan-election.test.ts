import { hmac } from "#noise/hash.ts";
import { LanElection, type LanRole } from "#protocol/forwarding/lan-election.ts";
import { beaconMacInput, decodeBeacon, encodeBeacon, type Beacon } from "#wire/beacon.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const KEY = new Uint8Array(32).fill(7);
const TAGS = [1, 2].map((value) => new Uint8Array(8).fill(value));

/** A LAN on which members of two networks, one of them with a secret, and others send beacons. */
class Lan implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #election = new LanElection({
    priority: 150,
    memberId: new Uint8Array(8).fill(0x80),
    interfaceMac: new Uint8Array(6).fill(0x80),
    epoch: 1_800_000_000,
    mac: hmac,
  });
  readonly #roles = new Map<string, LanRole>();
  #now = 0;
  #beacons = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    this.#election.addNetwork({ name: "secret", tag: TAGS[0]!, key: KEY }, 0);
    this.#election.addNetwork({ name: "open", tag: TAGS[1]!, key: undefined }, 0);
  }

  step(): boolean {
    const random = this.#random;
    const signed = this.#signed(this.#beacon());
    const payload = random.oneIn(2) ? mutate(random, [signed]) : signed;
    const { malformed } = this.#election.drops;
    this.#election.handleBeacon(payload, random.bytes(6), this.#now);
    this.#now += random.oneIn(300) ? 20_000 : random.below(50);
    const before = this.#beacons;
    serveDeadlines(this.#election, this.#now);
    this.#drain();
    if (this.#beacons - before > 1 + 20_000 / 100) throw new Error("a storm of beacons");
    return this.#election.drops.malformed === malformed;
  }

  held() {
    return {
      "rivals with the secret": [this.#election.rivals("secret"), 64],
      "rivals without": [this.#election.rivals("open"), 64],
    } as const;
  }

  settle(): void {
    for (let i = 0; i < 20; i++) {
      this.#now += 5_000;
      serveDeadlines(this.#election, this.#now);
      this.#drain();
    }
  }

  left() {
    const passive = [...this.#roles.values()].filter((role) => role === "passive");
    return {
      rivals: this.#election.rivals("secret") + this.#election.rivals("open"),
      "passive networks": passive.length,
    };
  }

  #beacon(): Beacon {
    const random = this.#random;
    const member = random.below(200);
    return {
      priority: random.below(300),
      memberId: new Uint8Array(8).fill(member),
      interface: new Uint8Array(6).fill(random.below(3)),
      sequence: BigInt(this.#now) * 100n + BigInt(random.below(100)),
      networks: TAGS.filter(() => !random.oneIn(3)).map((tag) => ({
        tag,
        forwarding: random.oneIn(2),
        leaving: random.oneIn(4),
        mac: new Uint8Array(16),
      })),
    };
  }

  #signed(beacon: Beacon): Uint8Array {
    const networks = beacon.networks.map((entry) => ({
      ...entry,
      mac: hmac(KEY, beaconMacInput(beacon, entry)).slice(0, 16),
    }));
    return encodeBeacon({ ...beacon, networks });
  }

  #drain(): void {
    for (let command; (command = this.#election.nextCommand());)
      if (command.type === "role") this.#roles.set(command.network, command.role);
      else {
        this.#beacons++;
        decodeBeacon(command.payload);
      }
  }
}

fuzzMachines([{ name: "the election on a LAN", start: (random) => new Lan(random) }]);

import { MdnsProxy } from "#protocol/discovery/mdns-proxy.ts";
import type { ProxyOptions } from "#protocol/discovery/proxy-options.ts";
import { SsdpProxy } from "#protocol/discovery/ssdp-proxy.ts";
import { decodeMdns, encodeMdns } from "#runtime/discovery/dns-codec.ts";
import { type SsdpDevice } from "#wire/control-discovery.ts";
import { encodeServiceChange, type ServiceData } from "#wire/control-services.ts";
import { encodeControl } from "#wire/control.ts";
import { encodeSsdp } from "#wire/ssdp-message.ts";
import { fuzzMachines, serveDeadlines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";

const OPTIONS: ProxyOptions = {
  origin: 1,
  exportAddress: (_network, address) => (address.startsWith("192.168.") ? address : undefined),
  importAddress: (_network, address) => address,
};
const [LINKS, PEERS] = [
  [1, 2],
  [11, 12, 13],
];
const NETWORKS = ["a", "b"];

/** Links and peers that come and go, and say anything. */
class Services implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #proxy = new MdnsProxy(OPTIONS);
  #now = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    this.#now += random.oneIn(200) ? 200_000 : random.below(60);
    let understood = true;
    switch (random.below(12)) {
      case 0:
        this.#proxy.setLink(
          random.pick(LINKS!),
          { whole: random.oneIn(2), passiveFor: new Set(random.oneIn(4) ? ["a"] : []) },
          this.#now,
        );
        break;
      case 1:
        this.#proxy.setPeer(
          random.pick(PEERS!),
          { network: random.pick(NETWORKS), tells: !random.oneIn(3) },
          this.#now,
        );
        break;
      case 2:
        if (random.oneIn(10)) this.#proxy.removeLink(random.pick(LINKS!), this.#now);
        if (random.oneIn(5)) this.#proxy.removePeer(random.pick(PEERS!), random.oneIn(2), this.#now);
        break;
      case 3:
        this.#proxy.handleQuestions(random.pick(PEERS!), [{ type: "ANY", name: this.#name() }], this.#now);
        break;
      case 4:
        this.#proxy.setPeerRecords(
          random.pick(PEERS!),
          Array.from({ length: random.below(40) }, () => ({ ...this.#record(), origin: random.below(4) })),
          this.#now,
        );
        break;
      default: {
        const records = Array.from({ length: 1 + random.below(6) }, () => this.#record());
        const response = !random.oneIn(4);
        const questions = response ? [] : [{ type: "PTR" as const, name: this.#name() }];
        const [bytes] = encodeMdns({ id: 0, response, questions, records });
        const message = decodeMdns(random.oneIn(3) ? mutate(random, [bytes!]) : bytes!);
        understood = message !== undefined;
        const source = {
          address: `192.168.1.${random.below(8)}`,
          port: random.oneIn(5) ? 4000 : 5353,
          own: random.oneIn(3),
        };
        if (message) this.#proxy.handleMessage(random.pick(LINKS!), message, source, this.#now);
      }
    }
    serveDeadlines(this.#proxy, this.#now);
    this.#drain();
    return understood;
  }

  held() {
    const { heard, shown, told } = this.#proxy.sizes;
    return {
      "records heard": [heard, 2 * 1_024],
      "records shown": [shown, 2 * 2_048],
      "records told": [told, 3 * 1_024],
    } as const;
  }

  settle(): void {
    for (const id of PEERS!) this.#proxy.removePeer(id, true, this.#now);
    for (let i = 0; i < 100; i++) {
      this.#now += 60_000;
      serveDeadlines(this.#proxy, this.#now);
      this.#drain();
    }
  }

  left() {
    return { ...this.#proxy.sizes };
  }

  #name(): string {
    const random = this.#random;
    return random.pick([
      "tv.local",
      `x${random.below(300)}.local`,
      "_http._tcp.local",
      "A. B._http._tcp.local",
      "www.example.com",
    ]);
  }

  #record(): { name: string; ttl: number; data: ServiceData } {
    const random = this.#random;
    const data = random.pick<ServiceData>([
      { type: "A", address: `192.168.1.${random.below(5)}` },
      { type: "AAAA", address: `2001:db8::${random.below(5)}` },
      { type: "PTR", target: this.#name() },
      { type: "SRV", priority: 0, weight: 0, port: random.below(3), target: this.#name() },
      { type: "TXT", text: Uint8Array.of(1, random.below(256)) },
    ]);
    return { name: this.#name(), ttl: random.pick([0, 1, 10, 120, 4_500, 0xffffffff]), data };
  }

  /** Everything that is said can be written down. */
  #drain(): void {
    for (let command; (command = this.#proxy.nextCommand());) {
      if (command.type === "send") for (const bytes of encodeMdns(command.message)) decodeMdns(bytes);
      if (command.type === "ask-peer")
        encodeControl({ type: "mdns-questions", questions: command.questions });
      if (command.type === "tell-peer")
        for (const [key, entry] of command.entries) encodeServiceChange(key, entry);
    }
  }
}

class Devices implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #proxy = new SsdpProxy(OPTIONS);
  #now = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
  }

  step(): boolean {
    const random = this.#random;
    this.#now += random.oneIn(200) ? 60_000 : random.below(60);
    const source = {
      address: `192.168.1.${random.below(8)}`,
      port: 4000 + random.below(3),
      own: random.oneIn(3),
    };
    const peer = random.pick(PEERS!);
    const link = random.pick(LINKS!);
    const relayed = random.oneIn(8);
    switch (random.below(9)) {
      case 0:
        this.#proxy.setLink(link, {
          whole: random.oneIn(2),
          passiveFor: new Set(random.oneIn(4) ? ["a"] : []),
        });
        this.#proxy.setPeer(peer, { network: random.pick(NETWORKS), tells: !random.oneIn(3) });
        break;
      case 1:
        if (random.oneIn(10)) this.#proxy.removeLink(link);
        if (random.oneIn(5)) this.#proxy.removePeer(peer, random.oneIn(2), this.#now);
        break;
      case 2:
      case 3:
        this.#proxy.handleMessage(
          link,
          { relayed, kind: "search", target: this.#target(), mx: 1 + random.below(5) },
          source,
          this.#now,
        );
        break;
      case 4:
        this.#proxy.handleMessage(link, { relayed, kind: "notify", ...this.#device() }, source, this.#now);
        break;
      case 5:
        this.#proxy.handleAnswer(link, { relayed, kind: "found", ...this.#device() }, source);
        break;
      case 6:
        this.#proxy.handlePeerMessage(
          peer,
          { type: "ssdp-search", id: random.below(50), mx: random.below(256), target: this.#target() },
          this.#now,
        );
        break;
      case 7:
        this.#proxy.handlePeerMessage(
          peer,
          { type: "ssdp-found", id: random.below(500), ...this.#device() },
          this.#now,
        );
        break;
      default:
        this.#proxy.handlePeerMessage(
          peer,
          { type: "ssdp-notify", origin: random.below(3), ...this.#device() },
          this.#now,
        );
    }
    serveDeadlines(this.#proxy, this.#now);
    this.#drain();
    return true;
  }

  held() {
    const { searches, devices } = this.#proxy.sizes;
    return { searches: [searches, 256], devices: [devices, 3 * 512] } as const;
  }

  settle(): void {
    for (const id of PEERS!) this.#proxy.removePeer(id, true, this.#now);
    for (let i = 0; i < 20; i++) {
      this.#now += 10_000;
      serveDeadlines(this.#proxy, this.#now);
      this.#drain();
    }
  }

  left() {
    return { ...this.#proxy.sizes };
  }

  #target(): string {
    return this.#random.pick([
      "ssdp:all",
      "",
      "urn:a:device:B:1",
      "urn:a:device:B:2",
      `uuid:${this.#random.below(1_000)}`,
    ]);
  }

  #device(): SsdpDevice {
    const random = this.#random;
    const gone = random.oneIn(4);
    const place = random.pick([
      "http://192.168.1.20:80/",
      "http://10.0.0.1/",
      "http://[2001:db8::1]/x",
      "nonsense",
    ]);
    return {
      target: this.#target(),
      usn: `uuid:${random.below(2_000)}`,
      location: gone ? "" : place,
      server: "",
      maxAge: gone ? 0 : 1800,
    };
  }

  #drain(): void {
    for (let command; (command = this.#proxy.nextCommand());)
      switch (command.type) {
        case "search":
          encodeSsdp({ relayed: true, kind: "search", target: command.target, mx: command.mx }, "");
          break;
        case "notify":
        case "answer":
          encodeSsdp({ relayed: true, kind: "notify", ...command.device }, "");
          break;
        case "tell-peer":
          encodeControl(command.message);
      }
  }
}

fuzzMachines([
  { name: "the mDNS proxy", start: (random) => new Services(random), understood: 0.5 },
  { name: "the SSDP proxy", start: (random) => new Devices(random) },
]);

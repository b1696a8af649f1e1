import { HandshakeState } from "#noise/handshake-state.ts";
import { IKPSK2 } from "#noise/pattern.ts";
import { keyPair } from "#noise/x25519.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import { PROLOGUE } from "#protocol/session/constants.ts";
import { CookieIssuer, mac1Key, signFrame } from "#protocol/session/macs.ts";
import {
  decodeInitiation,
  encodeInitiation,
  encodeResponse,
  MAC_LENGTH,
  MAX_INITIATION_LENGTH,
  MAX_RESPONSE_LENGTH,
} from "#wire/frame-handshake.ts";
import { encodeInitiationPayload, encodeResponsePayload } from "#wire/frame-handshake-payload.ts";
import { frameType, FRAME_HANDSHAKE_INITIATION } from "#wire/frame.ts";
import { fuzzMachines, type FuzzedMachine } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { CONTROL_FRAMES } from "#test/helper/wire/fuzz-control-targets.ts";
import { SimNetwork } from "./sim-network.ts";
import { pair, PSK, type Peer, type SimNode } from "./sim-node.ts";

const PROLOGUE_BYTES = new TextEncoder().encode(PROLOGUE);
const INITIATION_PAYLOAD = encodeInitiationPayload({
  timestamp: Uint8Array.of(0x40, 0, 0, 0, 0x60, 0, 0, 0, 0, 0, 0, 0),
  minor: 0,
  caller: "guest",
  ciphers: [2, 1],
  inviteId: new Uint8Array(8).fill(1),
});
const RESPONSE_PAYLOADS = (["ok", "pending-approval", "used-up"] as const).map((status) =>
  encodeResponsePayload({ status, cipher: 2, minor: 0, wallMs: 1_800_000_000_000 }),
);
/** Keys and indices of one session: four that live, six handshakes under way. */
const INDICES_OF_A_SESSION = 10;

/**
 * A host and a member with a session between them, and in their midst somebody who repeats, changes and makes up
 * what they say: datagrams, handshakes with right MACs and seals, control messages under the keys.
 */
class Sessions implements FuzzedMachine {
  readonly #random: SeededRandom;
  readonly #network = new SimNetwork(1);
  readonly #host: SimNode;
  readonly #member: SimNode;
  readonly #toHost: Peer;
  readonly #toMember: Peer;
  /** A member that the attacker plays. */
  readonly #guest = keyPair(new Uint8Array(32).fill(3));
  readonly #toGuest: Peer;
  readonly #corpus: Uint8Array[] = [];
  #initiation: Uint8Array | undefined;
  #ephemeral = 0;
  #lost = 0;

  constructor(random: SeededRandom) {
    this.#random = random;
    const { host, member, toHost, toMember } = pair(this.#network);
    [this.#host, this.#member, this.#toHost, this.#toMember] = [host, member, toHost, toMember];
    this.#toGuest = host.addPeer(this.#guest.publicKey, [], { mayInitiate: false });
    member.connect(toHost);
    this.#network.runFor(3_000);
    this.#look();
  }

  step(): boolean {
    const random = this.#random;
    const before = this.#dropped();
    const node = random.oneIn(2) ? this.#host : this.#member;
    const peers = [this.#toHost, this.#toMember, this.#toGuest];
    switch (random.below(16)) {
      case 0:
        this.#sealedInitiation();
        break;
      case 1:
        this.#sealedResponse();
        break;
      case 2:
        this.#cookieReply();
        break;
      case 3:
      case 4:
      case 5:
      case 6: {
        const peer = random.pick(peers);
        peer.session.handleControl(mutate(random, CONTROL_FRAMES), this.#network.now, peer.fast.traffic);
        this.#ownerOf(peer).drain(peer);
        break;
      }
      case 7:
        this.#disturb(random.pick(peers));
        break;
      default: {
        const datagram = mutate(random, this.#corpus);
        if (random.oneIn(2) && datagram.length >= 2 * MAC_LENGTH)
          signFrame(datagram, mac1Key(node.keys.publicKey), undefined);
        node.handleDatagram(datagram, this.#from());
      }
    }
    this.#network.runFor(random.oneIn(200) ? random.below(60_000) : random.below(40));
    this.#look();
    return this.#dropped() === before;
  }

  held() {
    const sessions = this.#host.peers.size;
    return {
      "indices of the host": [this.#host.indices.size, sessions * INDICES_OF_A_SESSION],
      "indices of the member": [this.#member.indices.size, INDICES_OF_A_SESSION],
      "peers of the host": [sessions, 2],
      "reasons for dropping": [this.#host.drops.size + this.#member.drops.size, 20],
    } as const;
  }

  settle(): void {
    this.#network.runFor(200_000); // whatever keys the attacker had are over
    this.#member.connect(this.#toHost); // a removal or a refusal is believed: somebody asks again
    this.#network.runFor(40_000, () => this.#toHost.session.up && this.#toMember.session.up);
    this.#network.runFor(1_000);
    const before = this.#toHost.fast.delivered;
    for (let i = 0; i < 100; i++) this.#host.sendMulticast(this.#toMember);
    this.#network.runFor(1_000);
    this.#lost = 100 - (this.#toHost.fast.delivered - before);
    this.#look();
  }

  left() {
    const down = [this.#toHost, this.#toMember].filter(({ session }) => !session.up).length;
    return { "packets that were lost": this.#lost, "sessions that are down": down };
  }

  #from(): Endpoint {
    const random = this.#random;
    if (random.oneIn(2)) return random.oneIn(2) ? this.#host.endpoint : this.#member.endpoint;
    return random.oneIn(2)
      ? { address: `203.0.113.${random.below(256)}`, port: 1 + random.below(65_535) }
      : { address: `2001:db8::${random.below(65_536).toString(16)}`, port: 1 };
  }

  /** The newest initiation of the member is what answers must fit to; all frames are worth repeating. */
  #look(): void {
    for (const { data, from } of this.#network.sent) {
      if (from.startsWith(this.#member.endpoint.address) && frameType(data) === FRAME_HANDSHAKE_INITIATION)
        this.#initiation = data;
      if (this.#corpus.length < 64) this.#corpus.push(data);
      else if (this.#random.oneIn(20)) this.#corpus[this.#random.below(64)] = data;
    }
    this.#network.sent.length = 0;
    for (const node of [this.#host, this.#member])
      for (const { events } of node.peers.values()) events.length = 0;
  }

  #freshEphemeral() {
    const seed = new Uint8Array(32).fill(0x77);
    new DataView(seed.buffer).setUint32(0, this.#ephemeral++);
    return keyPair(seed);
  }

  /** What only a member can send: the seal is right, the payload may be anything. */
  #sealedInitiation(): void {
    const state = new HandshakeState({
      pattern: IKPSK2,
      initiator: true,
      prologue: PROLOGUE_BYTES,
      localStatic: this.#random.oneIn(8) ? this.#freshEphemeral() : this.#guest,
      localEphemeral: this.#freshEphemeral(),
      remoteStatic: this.#host.keys.publicKey,
      psk: PSK,
    });
    const payload = mutate(this.#random, [INITIATION_PAYLOAD]).subarray(0, 156);
    if (payload.length > 12 && !this.#random.oneIn(4))
      new DataView(payload.buffer).setUint32(4, 0x6000_0000 + this.#ephemeral); // newer than the last one
    const frame = encodeInitiation({ senderIndex: this.#ephemeral, noise: state.writeMessage(payload) });
    if (frame.length > MAX_INITIATION_LENGTH) return;
    signFrame(frame, mac1Key(this.#host.keys.publicKey), undefined);
    this.#host.handleDatagram(frame, this.#from());
  }

  /** The host's answer to the member's handshake, with a payload that may be anything. */
  #sealedResponse(): void {
    const asked = this.#initiation && decodeInitiation(this.#initiation);
    if (!asked) return;
    const state = new HandshakeState({
      pattern: IKPSK2,
      initiator: false,
      prologue: PROLOGUE_BYTES,
      localStatic: this.#host.keys,
      localEphemeral: this.#freshEphemeral(),
      psk: PSK,
    });
    state.readMessage(asked.noise);
    const payload = mutate(this.#random, RESPONSE_PAYLOADS).subarray(0, 60);
    const frame = encodeResponse({
      senderIndex: this.#ephemeral,
      receiverIndex: asked.senderIndex,
      noise: state.writeMessage(payload),
    });
    if (frame.length > MAX_RESPONSE_LENGTH) return;
    signFrame(frame, mac1Key(this.#member.keys.publicKey), undefined);
    this.#member.handleDatagram(frame, this.#host.endpoint);
  }

  /** Whoever sees an initiation and knows the host's public key can make a cookie for it. */
  #cookieReply(): void {
    const asked = this.#initiation && decodeInitiation(this.#initiation);
    if (!asked) return;
    const issuer = new CookieIssuer(this.#host.keys.publicKey, this.#random.bytes(32), 0);
    const reply = issuer.reply(
      this.#initiation!,
      asked.senderIndex,
      this.#member.endpoint,
      this.#random.bytes(24),
    );
    this.#member.handleDatagram(this.#random.oneIn(2) ? reply : mutate(this.#random, [reply]), this.#from());
  }

  #disturb(peer: Peer): void {
    const random = this.#random;
    const node = this.#ownerOf(peer);
    const { session } = peer;
    const { now } = this.#network;
    if (random.oneIn(3)) session.handleNetworkChanged(now);
    else if (random.oneIn(2)) session.handleKeysConfirmed(random.below(2 ** 32), now);
    else session.connect(now);
    node.drain(peer);
  }

  #dropped(): number {
    const drops = [...this.#host.drops.values(), ...this.#member.drops.values()];
    return drops.reduce((sum, count) => sum + count, 0);
  }

  #ownerOf(peer: Peer): SimNode {
    return peer === this.#toHost ? this.#member : this.#host;
  }
}

fuzzMachines([{ name: "a session", runs: 5_000, start: (random) => new Sessions(random) }]);

import { labelledHash } from "#protocol/addressing/network-id.ts";
import { decodeBase32, encodeBase32 } from "#protocol/invite/base32.ts";
import { InviteError } from "#protocol/invite/invite-error.ts";
import {
  decodeInvite,
  encodeInvite,
  INVITE_SCHEME,
  LINK_LENGTH,
  type Invite,
} from "#protocol/invite/invite-link.ts";
import { mutateText } from "#test/support/fuzz/json.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";

const NOW = 1_795_000_000_000;
const INVITE: Invite = {
  hostPublicKey: new Uint8Array(32).fill(0xaa),
  secret: new Uint8Array(16).fill(0xbb),
  expiresAt: NOW + 3_600_000,
  uses: 5,
  requireApproval: true,
  candidates: [
    { host: "192.0.2.1", port: 4000 },
    { host: "2001:db8::1", port: 4000 },
    { host: "home.example.net", port: 1 },
  ],
  networkName: "Zuhause 🏝",
};
const LINKS = [
  INVITE,
  { ...INVITE, candidates: [], uses: 1, requireApproval: false, networkName: "" },
  { ...INVITE, meet: { host: "meet.example", port: 4443 }, dhtKey: new Uint8Array(32).fill(0xdd) },
].map(encodeInvite);
const BODIES = LINKS.map((link) => decodeBase32(link.slice(INVITE_SCHEME.length))!.slice(0, -4));

const text = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);
const bytes = (link: string): Uint8Array => new TextEncoder().encode(link);

/** Encoded again a link may be longer: what a name was cleaned of made room for nothing. */
function again(invite: Invite): Invite {
  return decodeInvite(encodeInvite(invite), NOW);
}

fuzzParsers([
  parser({
    name: "an invite's link, as a chat or a mail spoils it",
    refuses: InviteError,
    corpus: LINKS.map(bytes),
    input: (random) => {
      let link = random.pick(LINKS);
      if (random.oneIn(8)) return mutate(random, LINKS.map(bytes));
      if (random.oneIn(4)) link = ` <${link.slice(0, 30)}\r\n ${link.slice(30).toUpperCase()}>`;
      else for (let changes = random.below(3); changes > 0; changes--) link = mutateText(random, link);
      return bytes(link);
    },
    decode: (input) => decodeInvite(text(input), NOW),
    again,
  }),
  parser({
    name: "an invite's body behind a right checksum",
    refuses: InviteError,
    corpus: BODIES,
    decode: (body) => {
      const checksum = labelledHash("castaway invite", body).subarray(0, 4);
      return decodeInvite(INVITE_SCHEME + encodeBase32(new Uint8Array([...body, ...checksum])), NOW);
    },
    again,
  }),
  parser({
    name: "base32",
    refuses: undefined,
    corpus: LINKS.map((link) => bytes(link.slice(INVITE_SCHEME.length))),
    decode: (input) => decodeBase32(text(input).slice(0, LINK_LENGTH)),
    again: (decoded) => decodeBase32(encodeBase32(decoded)),
  }),
]);

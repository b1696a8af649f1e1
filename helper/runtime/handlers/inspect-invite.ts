import { networkFingerprint } from "#contract/fingerprint.ts";
import type { Result } from "#contract/methods.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { networkId, networkIdText } from "#protocol/addressing/network-id.ts";
import { InviteError } from "#protocol/invite/invite-error.ts";
import { readInvite, type Invite } from "#protocol/invite/invite-link.ts";
import { candidateTexts } from "../networks.ts";
import type { HandlerParts } from "./handler-parts.ts";
import { inviteProblem } from "./invite-problem.ts";

/** What a link says: nothing is called, and nothing kept. Throws ControlError for one that cannot be read. */
export function inspectInvite({ engine }: HandlerParts, link: string): Result<"invite.inspect"> {
  const invite = read(link);
  const id = networkIdText(networkId(invite.hostPublicKey));
  const { hosted, joined } = engine.networks;
  return {
    networkName: invite.networkName,
    fingerprint: networkFingerprint(id),
    expiresAt: invite.expiresAt,
    expired: invite.expiresAt <= engine.core.clock.wall(),
    endpoints: candidateTexts(invite.candidates),
    ways: waysText(invite),
    known: hosted?.id === id || joined.has(id),
  };
}

/** Who introduces those whom no address leads to the host: "the DHT", a meeting point. */
export function waysText({
  dhtKey,
  meet,
}: {
  readonly dhtKey?: Uint8Array | undefined;
  readonly meet?: Candidate | undefined;
}): string[] {
  return [...(dhtKey ? ["the DHT"] : []), ...(meet ? candidateTexts([meet]) : [])];
}

function read(link: string): Invite {
  try {
    return readInvite(link);
  } catch (error) {
    if (error instanceof InviteError) throw inviteProblem(error.code, error.message);
    throw error;
  }
}

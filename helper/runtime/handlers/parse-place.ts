import { ControlError } from "#contract/errors.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { isCandidateHost } from "#protocol/invite/candidate-codec.ts";
import { canonicalAddress } from "#wire/address.ts";

/** "home.example:42268", "192.0.2.1:4000", "[2001:db8::1]:4000". Throws ControlError. */
export function parsePlace(text: string): Candidate {
  const at = text.lastIndexOf(":");
  const host = text.slice(0, at).replace(/^\[(.*)\]$/, "$1");
  const port = Number(text.slice(at + 1));
  if (port < 1 || port > 65_535)
    throw new ControlError("bad-request", `"${text}" has no port between 1 and 65535`);
  if (!isCandidateHost(host))
    throw new ControlError("bad-request", `"${host}" is neither an address nor a host name`);
  return { host: canonicalAddress(host) ?? host, port };
}

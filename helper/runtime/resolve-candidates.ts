import { lookup } from "node:dns/promises";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Log } from "#ports/log.ts";
import type { Candidate } from "#protocol/addressing/joined-network.ts";
import { canonicalAddress } from "#wire/address.ts";

/** Addresses of a host name that are tried. */
const MAX_ADDRESSES = 4;

/** Looks up the host names among the candidates, all at once; one that is not found gives nothing. */
export async function resolveCandidates(candidates: readonly Candidate[], log: Log): Promise<Endpoint[]> {
  const found = await Promise.all(
    candidates.map(async ({ host, port }): Promise<Endpoint[]> => {
      const address = canonicalAddress(host);
      if (address) return [{ address, port }];
      try {
        const answers = await lookup(host, { all: true });
        return answers
          .slice(0, MAX_ADDRESSES)
          .map((answer) => ({ address: canonicalAddress(answer.address)!, port }));
      } catch (error) {
        log.write("warn", "a host name was not found", { host, error: String(error) });
        return [];
      }
    }),
  );
  return found.flat();
}

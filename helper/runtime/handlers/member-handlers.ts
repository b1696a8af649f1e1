// Who comes in, and who is there: invites, requests, members.
import { randomBytes } from "node:crypto";
import { ControlError, type ErrorCode } from "#contract/errors.ts";
import { HOST_NUMBER } from "#protocol/addressing/member-addresses.ts";
import { MAX_CANDIDATES } from "#protocol/invite/invite-link.ts";
import { SECRET_LENGTH } from "#protocol/invite/invite-secret.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import { candidateTexts } from "../networks.ts";
import type { StateKeeper } from "../state-keeper.ts";
import { inviteOf } from "../view/network-view.ts";
import { saved, type HandlerParts, type Named } from "./handler-parts.ts";
import { inspectInvite, waysText } from "./inspect-invite.ts";
import { ofFile } from "./network-handlers.ts";
import { parsePlace } from "./parse-place.ts";

type MemberMethod =
  | `invite.${"create" | "inspect" | "list" | "revoke" | "approve" | "deny"}`
  | `members.${"list" | "rename" | "limit" | "remove"}`;

export function memberHandlers(parts: HandlerParts, named: Named): Pick<DaemonApi, MemberMethod> {
  const { engine, keeper, snapshots } = parts;
  const { networks, core } = engine;
  const answer = (problem: string | undefined): Promise<Record<string, never>> => {
    if (problem === undefined) return saved(parts);
    const [code, message] = MEMBER_PROBLEMS[problem] ?? ["bad-request", problem];
    throw new ControlError(code, message);
  };
  /** The number of the member that waits. */
  const requested = (request: string): number => {
    const number = Number(/^member-(\d+)$/.exec(request)?.[1]);
    const member = Number.isInteger(number) ? named.hosted().members.byNumber(number) : undefined;
    if (!member || member.approved || member.removed)
      throw new ControlError("not-found", `there is no request "${request}"`, "List them: castaway status");
    return number;
  };
  /** Members of the peers file are changed there. */
  const notOfFile = (network: string | undefined): void => {
    const { hosted, joined, byFile } = networks;
    const only = network === undefined && !hosted && joined.size === 0 && byFile.config !== undefined;
    if (only || (network !== undefined && named.isByFile(network))) throw ofFile(byFile.config!.network);
  };
  return {
    "invite.create": async ({ network, uses, expiresInSeconds, approval, label, endpoints }) => {
      if (endpoints) rememberEndpoints(keeper, endpoints);
      const host = network === undefined ? named.hostIfNew(undefined) : named.hosted(network);
      // Whoever says where this computer is reached need not wait for a router that may not answer.
      if (!endpoints) await engine.ways.mapping.settled();
      const candidates = networks.candidates();
      host.setCandidates(candidates);
      if (host.invites.isFull(core.clock.wall()))
        throw new ControlError(
          "conflict",
          "there are as many open invites as there can be",
          "Close some: castaway invite revoke",
        );
      const meet = networks.meetPlace();
      const { invite, link } = host.createInvite({
        secret: randomBytes(SECRET_LENGTH),
        candidates,
        meet,
        dhtKey: engine.ways.dht.invitedTo,
        ...(uses !== undefined && { uses }),
        ...(expiresInSeconds !== undefined && { expiresInS: expiresInSeconds }),
        ...(approval !== undefined && { requireApproval: approval }),
        ...(label !== undefined && { label }),
      });
      engine.ways.reach.refresh(); // from the first invite on there is somebody who may call
      await saved(parts);
      return {
        link,
        networkName: host.name,
        invite: inviteOf(invite),
        endpoints: candidateTexts(candidates),
        ways: waysText({ dhtKey: engine.ways.dht.invitedTo, meet }),
      };
    },
    "invite.inspect": async ({ link }) => inspectInvite(parts, link),
    "invite.list": async ({ network }) => ({ invites: snapshots.networks.invites(named.hosted(network)) }),
    "invite.revoke": ({ invite }) => {
      if (!named.hosted().invites.revoke(invite, core.clock.wall()))
        throw new ControlError(
          "not-found",
          `there is no invite "${invite}"`,
          "List them: castaway invite list",
        );
      core.changed();
      return saved(parts);
    },
    "invite.approve": async ({ request }) => answer(named.hosted().approve(requested(request))),
    "invite.deny": async ({ request }) => answer(named.hosted().remove(requested(request))),
    "members.list": async ({ network }) => {
      const all = snapshots.networks.networks();
      const chosen =
        network === undefined ? all : all.filter((one) => one.id === network || one.name === network);
      if (chosen.length === 0)
        throw new ControlError("not-found", "there is no such network", "castaway status");
      return { members: chosen.flatMap((one) => one.members) };
    },
    "members.rename": async ({ network, member, name }) => {
      notOfFile(network);
      return answer(named.hosted(network).rename(member, name));
    },
    "members.limit": async ({ network, member, bitsPerSecond }) => {
      notOfFile(network);
      const rate = bitsPerSecond ?? undefined;
      const joined = named.joinedUnlessHosted(network);
      if (!joined) return answer(named.hosted(network).limit(member, rate));
      if (member !== HOST_NUMBER)
        throw new ControlError(
          "conflict",
          "everything that this computer sends goes to the network's host first",
          `Limit that: castaway members limit ${HOST_NUMBER} RATE`,
        );
      joined.limit(rate);
      return answer(undefined);
    },
    "members.remove": async ({ network, member }) => {
      notOfFile(network);
      return answer(named.hosted(network).remove(member));
    },
  };
}

const MEMBER_PROBLEMS: Readonly<Record<string, readonly [ErrorCode, string]>> = {
  "no-such-member": ["not-found", "there is no such member"],
  "is-host": ["conflict", `member ${HOST_NUMBER} is the host itself`],
  "name-empty": ["bad-request", "a name needs a visible character"],
  "name-taken": ["conflict", "another member has that name"],
};

function rememberEndpoints(keeper: StateKeeper, texts: readonly string[]): void {
  const said = texts.map(parsePlace);
  const before = keeper.state.settings.endpoints.filter(
    (known) => !said.some((one) => one.host === known.host && one.port === known.port),
  );
  keeper.setSettings({ endpoints: [...said, ...before].slice(0, MAX_CANDIDATES) });
}

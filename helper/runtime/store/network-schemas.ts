import * as v from "valibot";
import type { JoinedNetwork } from "#protocol/addressing/joined-network.ts";
import { highestNumber } from "#protocol/addressing/member-addresses.ts";
import type { AddressPlan } from "#protocol/addressing/member-addresses.ts";
import { membersProblem } from "#protocol/addressing/member.ts";
import type { MembersState } from "#protocol/addressing/member.ts";
import { isLanPrefix, type ChosenInterface } from "#protocol/addressing/shared-lans.ts";
import { MAX_USES, networkName } from "#protocol/invite/invite-link.ts";
import { invitesProblem } from "#protocol/invite/invite-record.ts";
import type { InvitesState } from "#protocol/invite/invite-record.ts";
import { MAX_INVITES } from "#protocol/invite/invites.ts";
import type { Prefix } from "#wire/address.ts";
import { family } from "#wire/address.ts";
import { MAX_SHARED_LANS, type SharedLan } from "#wire/control-network.ts";
import {
  candidate,
  candidates,
  integer,
  inviteId,
  key,
  name,
  prefix,
  prefixes,
  time,
  vifName,
} from "./field-schemas.ts";

const number = integer(1, 0xffff);

/** The network that this computer hosts; its key is the machine's. */
export interface HostedNetwork {
  readonly name: string;
  readonly createdAt: number;
  readonly plan: AddressPlan;
  /** Multicast ranges that members get routes for. */
  readonly sharedRanges: readonly Prefix[];
  /** Members may reach the host's LAN by unicast. */
  readonly shareLan: boolean;
  /** On these interfaces. */
  readonly shareLanOn?: readonly ChosenInterface[];
  /** This computer is the router of its own /64 on this interface. */
  readonly routeOn?: ChosenInterface;
  /** false: the user took it `down`. */
  readonly enabled: boolean;
  readonly members: MembersState;
  readonly invites: InvitesState;
}

const networkNameSchema = v.pipe(
  v.string(),
  v.maxLength(40),
  v.check((text) => networkName(text) === text, "is not a clean name of 40 bytes"),
);

const planSchema: v.GenericSchema<unknown, AddressPlan> = v.pipe(
  v.strictObject({ prefix6: prefix, prefix4: prefix }),
  v.check(({ prefix6, prefix4 }) => {
    const is6 = family(prefix6.address) === 6 && prefix6.length >= 48 && prefix6.length <= 63;
    return is6 && family(prefix4.address) === 4 && prefix4.length <= 30;
  }, "has prefixes that members cannot get addresses from"),
);

const maximumBps = v.exactOptional(integer(1, 1e12));

const memberSchema = v.strictObject({
  number,
  publicKey: key,
  name,
  joinedAt: time,
  approved: v.boolean(),
  joinedBy: v.exactOptional(v.strictObject({ inviteId, psk: key })),
  maximumBps,
  removed: v.exactOptional(v.strictObject({ at: time, lastInvite: integer(0, 2 ** 48) })),
});

const membersSchema: v.GenericSchema<unknown, MembersState> = v.pipe(
  v.strictObject({
    nextNumber: integer(2, 0xffff),
    members: v.pipe(v.array(memberSchema), v.maxLength(0xffff)),
  }),
  v.check(
    (state) => membersProblem(state) === undefined,
    (issue) => membersProblem(issue.input) ?? "is unsound",
  ),
);

const inviteSchema = v.strictObject({
  id: inviteId,
  psk: key,
  serial: integer(1, 2 ** 48),
  label: v.union([v.literal(""), name]),
  createdAt: time,
  expiresAt: time,
  uses: integer(1, MAX_USES),
  requireApproval: v.boolean(),
  usedBy: v.pipe(v.array(key), v.maxLength(MAX_USES)),
  lastUsedAt: v.exactOptional(time),
  revokedAt: v.exactOptional(time),
});

const invitesSchema: v.GenericSchema<unknown, InvitesState> = v.pipe(
  v.strictObject({
    nextSerial: integer(1, 2 ** 48),
    invites: v.pipe(v.array(inviteSchema), v.maxLength(MAX_INVITES)),
  }),
  v.check(
    (state) => invitesProblem(state) === undefined,
    (issue) => invitesProblem(issue.input) ?? "is unsound",
  ),
);

const chosenInterface: v.GenericSchema<unknown, ChosenInterface> = v.strictObject({
  name: vifName,
  networks: prefixes,
});

export const hostedSchema: v.GenericSchema<unknown, HostedNetwork> = v.pipe(
  v.strictObject({
    name: networkNameSchema,
    createdAt: time,
    plan: planSchema,
    sharedRanges: prefixes,
    shareLan: v.boolean(),
    shareLanOn: v.exactOptional(v.pipe(v.array(chosenInterface), v.maxLength(MAX_SHARED_LANS))),
    routeOn: v.exactOptional(chosenInterface),
    enabled: v.boolean(),
    members: membersSchema,
    invites: invitesSchema,
  }),
  v.check(
    ({ plan, members }) => members.nextNumber <= highestNumber(plan) + 1,
    "has more members than addresses",
  ),
);

const sharedLanSchema: v.GenericSchema<unknown, SharedLan> = v.pipe(
  v.strictObject({ prefix, mapped: v.optional(prefix) }),
  v.transform(({ prefix: own, mapped }) => ({ prefix: own, mapped })),
  v.check(
    (lan) => !lan.mapped || (isLanPrefix(lan.prefix) && lan.mapped.length === lan.prefix.length),
    "is not a LAN",
  ),
);

export const joinedSchema: v.GenericSchema<unknown, JoinedNetwork> = v.strictObject({
  hostPublicKey: key,
  psk: key,
  inviteId,
  networkName: networkNameSchema,
  ownName: name,
  joinedAt: time,
  candidates,
  meet: v.exactOptional(candidate),
  dhtKey: v.exactOptional(key),
  assigned: v.exactOptional(v.strictObject({ number, plan: planSchema })),
  sharedRanges: prefixes,
  maximumBps,
  sharedLans: v.exactOptional(v.pipe(v.array(sharedLanSchema), v.maxLength(MAX_SHARED_LANS))),
  useLans: v.exactOptional(v.boolean()),
  routeOn: v.exactOptional(chosenInterface),
  enabled: v.boolean(),
});

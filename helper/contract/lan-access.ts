// Reaching a host's LANs by unicast: what is shared, what that opens, and which addresses to use.
import * as v from "valibot";

const text = v.string();

/** A LAN of the network's host. */
export const sharedLanSchema = v.object({
  /** The devices' own addresses, "192.168.1.0/24". */
  prefix: text,
  /** The same devices under addresses that clash with nothing: 100.72.3.20 for 192.168.1.20. */
  mapped: v.nullable(text),
  /** The host's interface; null where this computer is not the host. */
  interface: v.nullable(text),
  /** What this computer uses of the two; null: neither can be. A host uses its LAN as ever. */
  use: v.nullable(text),
  /** What this computer uses itself that has the same addresses. */
  clash: v.nullable(text),
  /** One sentence for people. */
  detail: text,
});
export type SharedLan = v.InferOutput<typeof sharedLanSchema>;

export const lanAccessSchema = v.object({
  /** At the host: it is switched on. At a guest: what the host shares is used. */
  on: v.boolean(),
  lans: v.array(sharedLanSchema),
  /** What was chosen and is not shared. */
  leftOut: v.array(v.object({ interface: text, prefix: v.nullable(text), reason: text })),
  /** Where this computer is the router of its own /64 in the network. */
  subnet: v.nullable(
    v.object({
      prefix: text,
      interface: text,
      active: v.boolean(),
      /** One sentence for people. */
      detail: text,
    }),
  ),
  /** Sentences: what others can do that they could not otherwise. */
  opens: v.array(text),
  problem: v.nullable(v.object({ message: text, remedy: v.nullable(text) })),
});
export type LanAccess = v.InferOutput<typeof lanAccessSchema>;

/** By network. */
export const shareSchema = v.object({
  networks: v.array(
    v.object({
      id: text,
      name: text,
      role: v.picklist(["host", "guest", "static"]),
      lanAccess: lanAccessSchema,
    }),
  ),
});
export type Share = v.InferOutput<typeof shareSchema>;

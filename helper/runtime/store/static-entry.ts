// Static joins and routes as people set them and as the store keeps them.
import * as v from "valibot";
import { groupRefusal, isForwardableSource, type ScopePolicy } from "#protocol/forwarding/scope.ts";
import { checkStaticRoute } from "#protocol/forwarding/static-routes.ts";
import { AddressError, family, parsePrefix, prefixText, type Prefix } from "#wire/address.ts";
import { prefix, vifName } from "./field-schemas.ts";

/** smcroute's mgroup (no `toVifs`) or mroute; it takes effect while the interfaces are there. */
export interface StaticEntry {
  readonly id: string;
  /** Of a join: one group. */
  readonly group: Prefix;
  /** null: any source. Of a join: one address. */
  readonly source: Prefix | null;
  readonly fromVif: string;
  readonly toVifs: readonly string[];
}

export const staticEntrySchema = v.pipe(
  v.strictObject({
    id: v.pipe(v.string(), v.minLength(1), v.maxLength(64)),
    group: prefix,
    source: v.nullable(prefix),
    fromVif: vifName,
    toVifs: v.pipe(v.array(vifName), v.maxLength(64)),
  }),
  v.rawCheck(({ dataset, addIssue }) => {
    if (!dataset.typed) return;
    const message = fault(dataset.value);
    if (message !== undefined) addIssue({ message });
  }),
);

/** What people ask for. Throws AddressError where it could have no effect. */
export function parseStaticEntry(
  text: { readonly group: string; readonly source: string | undefined },
  vifs: Pick<StaticEntry, "id" | "fromVif" | "toVifs">,
  scope: ScopePolicy,
): StaticEntry {
  const group = parsePrefix(text.group);
  const source = text.source === undefined ? null : parsePrefix(text.source);
  const entry = { ...vifs, group, source };
  const message = fault(entry);
  if (message !== undefined) throw new AddressError(message);
  if (isWhole(group) && groupRefusal(scope, group.address) !== undefined)
    throw new AddressError(`${group.address} stays on its link: it is none of the shared groups`);
  if (source && isWhole(source) && !isForwardableSource(source.address, group.address))
    throw new AddressError(`${source.address} cannot be the source of a packet that crosses`);
  return entry;
}

/** Is the prefix one address? */
export function isWhole({ address, length }: Prefix): boolean {
  return length === (family(address) === 4 ? 32 : 128);
}

/** As people write it: an address, or a prefix where it is one of many. */
export function addressOrPrefix(value: Prefix): string {
  return isWhole(value) ? value.address : prefixText(value);
}

function fault({ group, source, toVifs }: StaticEntry): string | undefined {
  try {
    checkStaticRoute({ inVif: "any", group, source: source ?? undefined, outVifs: [] });
  } catch (error) {
    if (error instanceof RangeError) return error.message;
    throw error;
  }
  if (toVifs.length > 0) return undefined;
  if (!isWhole(group)) return "a join names one group, not a range of groups";
  return source && !isWhole(source) ? "a join names one source, not a range of sources" : undefined;
}

// What people say of a socket vif: "239.1.2.3:5004", "[ff1e::1]:5004@2001:db8::7%eth0".
import type { GroupPort } from "#ports/group-socket.ts";
import { groupRefusal, isForwardableSource, scopePolicy } from "#protocol/forwarding/scope.ts";
import { AddressError, canonicalAddress, isMulticast, type Address } from "#wire/address.ts";

export interface SocketChoice extends GroupPort {
  /** Name or own address of the interface; undefined: the system's choice. */
  readonly via: string | undefined;
}

const FORM = /^(?:\[([^\]]*)\]|([^:@%[\]]*)):(\d{1,5})(?:@([^@%]+))?(?:%([^%\s]{1,45}))?$/;

/** GROUP:PORT, [GROUP]:PORT over IPv6; @SOURCE,SOURCE and %INTERFACE may follow. Throws AddressError. */
export function parseSocketChoice(text: string): SocketChoice {
  const [, six, four, portText, sourcesText, via] = FORM.exec(text) ?? [];
  const group = canonicalAddress(six ?? four ?? "");
  const port = Number(portText);
  if (group === undefined || (six !== undefined) !== group.includes(":") || !(port >= 1 && port <= 65_535))
    throw new AddressError("It is GROUP:PORT or [IPv6 GROUP]:PORT, perhaps with @SOURCE and %INTERFACE.");
  if (!isMulticast(group)) throw new AddressError(`${group} is no multicast group.`);
  if (groupRefusal(scopePolicy(), group) !== undefined)
    throw new AddressError(`${group} belongs to one link and is never carried to another.`);
  const sources = sourcesText?.split(",").map((source) => sourceOf(source, group));
  return { group, port, via, ...(sources && { sources }) };
}

/** As parseSocketChoice() reads it. */
export function groupPortText({ group, port, sources }: GroupPort): string {
  const where = group.includes(":") ? `[${group}]:${port}` : `${group}:${port}`;
  return sources ? `${where}@${sources.join()}` : where;
}

function sourceOf(text: string, group: Address): Address {
  const source = canonicalAddress(text);
  if (source === undefined || !isForwardableSource(source, group))
    throw new AddressError(
      `${text} cannot send to ${group} from afar: it must be a unicast address of the same family.`,
    );
  return source;
}

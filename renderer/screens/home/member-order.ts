import type { Member } from "#contract/snapshot.ts";

/** The host, this computer, who is there, who is not; by number among equals. */
export function inOrder(members: readonly Member[]): readonly Member[] {
  return members.toSorted((a, b) => rank(a) - rank(b) || a.number - b.number);
}

function rank(member: Member): number {
  if (member.role === "host") return 0;
  if (member.self) return 1;
  return member.online ? 2 : 3;
}

/** Those whose name or one of whose addresses contains the text. */
export function matching(members: readonly Member[], text: string): readonly Member[] {
  const wanted = text.trim().toLocaleLowerCase();
  if (wanted === "") return members;
  return members.filter((member) =>
    [member.name, ...member.addresses].some((value) => value.toLocaleLowerCase().includes(wanted)),
  );
}

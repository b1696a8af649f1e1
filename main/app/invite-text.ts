// The invite link in what a person pasted, dropped or opened: a link alone, a message around it, a QR code's capitals.
// It is found, or refused with one sentence that says why; what the link holds is the daemon's to read.
import { ControlError } from "#contract/errors.ts";
import { MAX_PASTED_CHARACTERS } from "#main/contract/calls.ts";

/** More than any link of ours has (the daemon's own limit is 2,048 characters), less than would be worth reading. */
const MAX_LINK_CHARACTERS = 4_096;
const LINK = /castaway:[^\s<>"'`()[\]{}|\\^]*/gi;
/** The base32 of RFC 4648 without padding, in either case. Nothing that a path, a query or a script needs is in it. */
const WHOLE_LINK = /^castaway:\/\/join\/[a-z2-7]+$/i;
const OTHER_SCHEME = /^\s*([a-z][a-z\d+.-]{1,30}):/i;
/** Full stops and commas of the sentence that a link stands in. */
const TRAILING = ".,;:!?";

/** What chat programs and mail programs put into long words, unseen. */
const UNSEEN = /[\u00ad\u200b-\u200d\u2060]/g;

/**
 * The link, as it was written, and where lines follow it that it may go on in (a mail program wrapped it), that too.
 * Throws a ControlError: "invite-damaged" or "bad-request".
 */
export function inviteLinksIn(text: string): [string, ...string[]] {
  const link = linkIn(text);
  const wrapped = unwrapped(text.replaceAll(UNSEEN, ""), link);
  return wrapped === link || wrapped.length > MAX_LINK_CHARACTERS ? [link] : [link, wrapped];
}

/** With the lines behind it that hold nothing but characters of a link. */
function unwrapped(text: string, link: string): string {
  const rest = text.slice(text.indexOf(link) + link.length).split(/\r?\n/);
  if (rest[0]?.trim() !== "") return link; // something else follows in the same line
  const lines = rest.slice(1).map((line) => line.trim());
  const end = lines.findIndex((line) => !/^[a-z2-7]+>?$/i.test(line));
  return (
    link +
    lines
      .slice(0, end < 0 ? undefined : end)
      .join("")
      .replace(/>$/, "")
  );
}

function linkIn(given: string): string {
  const text = given.length > MAX_PASTED_CHARACTERS ? given : given.replaceAll(UNSEEN, "");
  if (text.length > MAX_PASTED_CHARACTERS)
    throw refuse("That is far too long for an invite link.", "Paste the link alone.");
  if (text.trim() === "") throw refuse("There is no text in it.", "Copy the invite link, and paste it here.");
  const found = new Set((text.match(LINK) ?? []).map(withoutTrailing));
  const [link, another] = found;
  if (link === undefined) throw noLink(text);
  if (another !== undefined)
    throw refuse("There are several invite links in it.", "Paste the one that you want to use, alone.");
  if (link.length > MAX_LINK_CHARACTERS) throw damaged("This invite link is far too long to be a real one.");
  if (!/^castaway:\/\/join\//i.test(link))
    throw damaged("This is a castaway link, but not an invite: an invite begins with castaway://join/.");
  if (!WHOLE_LINK.test(link))
    throw damaged("This invite link has characters in it that no real one has: it is damaged, or made up.");
  return link;
}

/** By hand: a pattern that ends in "$" begins anew at each full stop of thousands. */
function withoutTrailing(link: string): string {
  let end = link.length;
  while (end > 0 && TRAILING.includes(link.charAt(end - 1))) end--;
  return link.slice(0, end);
}

function noLink(text: string): ControlError {
  const scheme = OTHER_SCHEME.exec(text)?.[1]?.toLowerCase();
  return scheme === undefined
    ? refuse("There is no invite link in it.", "An invite link begins with castaway://join/.")
    : refuse(
        `This is a link of another kind (${scheme}:), not an invite.`,
        "An invite link begins with castaway://join/.",
      );
}

function refuse(message: string, remedy: string): ControlError {
  return new ControlError("bad-request", message, remedy);
}

function damaged(message: string): ControlError {
  return new ControlError("invite-damaged", message, "Ask for the link once more, and copy it whole.");
}

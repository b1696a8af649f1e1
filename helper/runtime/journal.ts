import { fstatSync } from "node:fs";

/**
 * Whether the descriptor leads to the journal: `stream`, JOURNAL_STREAM, then names its device and inode
 * (systemd.exec(5)). The variable alone says nothing, since children whose output goes elsewhere inherit it.
 */
export function isJournal(
  stream: string | undefined,
  fd: number,
  stat: (fd: number) => { readonly dev: bigint; readonly ino: bigint } = (of) =>
    fstatSync(of, { bigint: true }),
): boolean {
  if (stream === undefined || !/^\d+:\d+$/.test(stream)) return false;
  try {
    const { dev, ino } = stat(fd);
    return stream === `${dev}:${ino}`;
  } catch {
    return false; // it is closed
  }
}

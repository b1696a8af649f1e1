import type { Group, Snapshot, SnapshotChanges, Warning } from "#contract/snapshot.ts";
import { MAX_LINE_BYTES } from "#contract/messages.ts";

/** What stays free for the message around the snapshot, and for the warning that tells of the cut. */
const RESERVE_BYTES = 4_096;

/**
 * A snapshot, or the changes of one, that fits into one line. Where it would not, the busiest groups stay and
 * a warning says how many are left out: `castaway groups` and the app must not look complete when they are not.
 * Throws where everything but the groups is too large by itself.
 */
export function fitSnapshot<S extends Snapshot | SnapshotChanges>(snapshot: S, wall: number): S {
  const limit = MAX_LINE_BYTES - RESERVE_BYTES;
  if (size(snapshot) <= limit) return snapshot;
  const groups = [...(snapshot.groups ?? [])].sort((a, b) => b.rateBps - a.rateBps || b.bytes - a.bytes);
  let room = limit - size({ ...snapshot, groups: [] });
  const kept: Group[] = [];
  for (const group of groups) {
    room -= size(group) + 1;
    if (room < 0) break;
    kept.push(group);
  }
  if (room >= 0) throw new RangeError("a snapshot without its groups is larger than a line may be");
  const warning: Warning = {
    code: "groups-left-out",
    message: `${groups.length} groups are known; only the ${kept.length} busiest are shown`,
    remedy: null,
    since: wall,
  };
  return {
    ...snapshot,
    groups: kept,
    ...(snapshot.warnings && { warnings: [...snapshot.warnings, warning] }),
  };
}

function size(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

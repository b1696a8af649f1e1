import type { Check, Fix } from "#contract/snapshot.ts";
import type { SystemProbe } from "#ports/system-probe.ts";
import type { Engine } from "../engine.ts";
import type { StateKeeper } from "../state-keeper.ts";
import type { SnapshotBuilder } from "../view/snapshot-builder.ts";

/** What is examined. */
export interface Subject {
  readonly engine: Engine;
  readonly keeper: StateKeeper;
  readonly snapshots: SnapshotBuilder;
  readonly probe: SystemProbe;
}

/** One thing that a person would look at, in a file of its own; topics.ts lists them. */
export interface Topic {
  readonly id: string;
  /** What is looked at, as in "looking at ...". */
  readonly title: string;
  /** Seconds are what a person waits; a topic that asks the network may want more than the usual. */
  readonly limitMs?: number;
  /** Changes nothing that lasts. May throw: that is a finding too. */
  examine(subject: Subject): readonly Check[] | Promise<readonly Check[]>;
}

export function ok(name: string, message: string): Check {
  return { name, status: "ok", message, remedy: null };
}

export function warn(name: string, message: string, remedy: string, fix?: Fix): Check {
  return { name, status: "warn", message, remedy, ...(fix && { fix }) };
}

export function fail(name: string, message: string, remedy: string, fix?: Fix): Check {
  return { name, status: "fail", message, remedy, ...(fix && { fix }) };
}

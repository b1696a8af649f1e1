// What an examination found, in the order in which people want to read it.
import type { Check, DoctorTopic, Fix } from "#contract/snapshot.ts";
import type { TopicResult } from "./examination.svelte.ts";

export interface Finding {
  /** Stays the same while others are found. */
  readonly key: string;
  readonly topic: DoctorTopic;
  /** unknown: the topic could not be looked at. */
  readonly status: Check["status"] | "unknown";
  readonly name: string;
  readonly message: string;
  readonly remedy: string | null;
  /** What the daemon can do about it; null: nothing. */
  readonly fix: Fix | null;
}

const RANK: Readonly<Record<Finding["status"], number>> = { fail: 0, unknown: 1, warn: 1, ok: 2 };

/** The bad first, then what is to be looked at, then the good; each in the daemon's order. */
export function findingsOf(results: readonly TopicResult[]): Finding[] {
  const found = results.flatMap(({ topic, checks, error }): Finding[] => [
    ...checks.map((check, i): Finding => ({
      key: `${topic.id} ${i}`,
      topic,
      ...check,
      fix: check.fix ?? null,
    })),
    ...(error
      ? [
          {
            key: topic.id,
            topic,
            status: "unknown" as const,
            name: topic.title,
            message: error.message,
            remedy: error.remedy,
            fix: null,
          },
        ]
      : []),
  ]);
  return found.sort((a, b) => RANK[a.status] - RANK[b.status]);
}

export function countOf(findings: readonly Finding[], ...statuses: readonly Finding["status"][]): number {
  return findings.filter(({ status }) => statuses.includes(status)).length;
}

import { MAX_QUESTIONS } from "#wire/control-discovery.ts";
import type { ServiceRecord } from "#wire/control-services.ts";
import { answers, recordKey, type MdnsMessage } from "./mdns.ts";

/**
 * What is answered of `shown` (by recordKey): what was asked for, without what the asker knows (RFC 6762 section 7.1) or
 * `saidLately`, and what belongs to it.
 */
export function answersTo(
  message: Pick<MdnsMessage, "questions" | "records">,
  shown: ReadonlyMap<string, ServiceRecord>,
  saidLately: (key: string) => boolean,
): Map<string, ServiceRecord> {
  const known = new Map(message.records.map((record) => [recordKey(record), record.ttl]));
  const found = new Map<string, ServiceRecord>();
  for (const question of message.questions.slice(0, MAX_QUESTIONS))
    for (const [key, record] of shown) {
      if (!answers(question, record) || saidLately(key)) continue;
      if ((known.get(key) ?? 0) * 2 < record.ttl) found.set(key, record);
    }
  for (const [key, record] of further(shown, found)) found.set(key, record);
  return found;
}

/** RFC 6763 section 12: with a service its place, with a place its addresses. */
function further(
  shown: ReadonlyMap<string, ServiceRecord>,
  found: ReadonlyMap<string, ServiceRecord>,
): [string, ServiceRecord][] {
  const names = new Set<string>();
  for (const { data } of found.values()) if (data.type === "PTR") names.add(data.target.toLowerCase());
  for (const [key, { name, data }] of shown)
    if (data.type === "SRV" && (names.has(name.toLowerCase()) || found.has(key)))
      names.add(data.target.toLowerCase());
  if (names.size === 0) return [];
  return [...shown].filter(([, { name, data }]) => data.type !== "PTR" && names.has(name.toLowerCase()));
}

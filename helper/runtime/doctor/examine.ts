// Runs the examination: every topic for itself, all at once, none for longer than its time.
import type { Check } from "#contract/snapshot.ts";
import { warn, type Subject, type Topic } from "./topic.ts";

export const USUAL_LIMIT_MS = 5_000;

/** Never rejects. In the order of the topics. */
export async function examine(topics: readonly Topic[], subject: Subject): Promise<Check[]> {
  const found = await Promise.all(topics.map((topic) => examineOne(topic, subject)));
  return found.flat();
}

async function examineOne(topic: Topic, subject: Subject): Promise<readonly Check[]> {
  const limit = topic.limitMs ?? USUAL_LIMIT_MS;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<readonly Check[]>((resolve) => {
    timer = setTimeout(
      () => resolve([unknown(topic, `there was no answer within ${limit / 1000} s`)]),
      limit,
    );
  });
  try {
    // In a promise of its own, so that what throws at once is caught with what throws later.
    const found = (async () => topic.examine(subject))();
    return await Promise.race([found, late]);
  } catch (error) {
    return [unknown(topic, error instanceof Error ? error.message : String(error))];
  } finally {
    clearTimeout(timer);
  }
}

function unknown(topic: Topic, reason: string): Check {
  return warn(
    topic.id,
    `It could not be seen how it is with ${topic.title}: ${reason}.`,
    "Try again; if it stays so, castaway report shows more.",
  );
}

// What the doctor asks of a daemon, for whoever shows it: topic after topic, so that a slow one does not hide the rest.
import type { ControlClient } from "#contract/control-client.ts";
import type { ControlError } from "#contract/errors.ts";
import type { Check } from "#contract/snapshot.ts";

/** Calls under way: the daemon takes 16 of one client. */
const AT_ONCE = 8;

export interface Examination {
  /** Of the program that asks. */
  readonly version: string;
  /** Each finding, in the order of the topics, as soon as those before it are there. */
  readonly found: (check: Check) => void;
  /** What is waited for, "the TUN device"; undefined: nothing any more. */
  readonly waiting?: (title: string | undefined) => void;
}

/** Everything. Rejects with the ControlError of a daemon that stops answering: what was found until then is told. */
export async function examineDaemon(
  client: Pick<ControlClient, "call" | "hello">,
  { version, found, waiting = () => {} }: Examination,
): Promise<void> {
  found(versions(version, client.hello.buildVersion));
  const { topics } = await client.call("doctor.topics", {});
  const toAsk = [...topics];
  const answers = new Map<string, readonly Check[]>();
  let shown = 0;
  const progress = (): void => {
    while (shown < topics.length && answers.has(topics[shown]!.id)) {
      waiting(undefined);
      for (const check of answers.get(topics[shown++]!.id)!) found(check);
    }
    if (shown < topics.length) waiting(topics[shown]!.title);
  };
  progress();
  const askNext = async (): Promise<void> => {
    for (let topic; (topic = toAsk.shift()); progress())
      answers.set(topic.id, (await client.call("doctor", { topic: topic.id })).checks);
  };
  try {
    await Promise.all(Array.from({ length: AT_ONCE }, askNext));
  } finally {
    waiting(undefined);
  }
}

/** A daemon that cannot be asked is a finding, not an end of the examination. */
export function unreachableCheck({ message, remedy }: ControlError): Check {
  return { name: "daemon", status: "fail", message, remedy };
}

function versions(program: string, daemon: string): Check {
  if (daemon === program || daemon.startsWith(`${program}-`))
    return { name: "daemon", status: "ok", message: "it runs and answers", remedy: null };
  return {
    name: "daemon",
    status: "warn",
    message: `it runs and answers, but is version ${daemon}; this program is ${program}`,
    remedy: "Restart it: sudo systemctl restart castaway",
  };
}

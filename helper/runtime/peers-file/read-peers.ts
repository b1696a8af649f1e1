import type { Place, Problem } from "../routes-file/grammar.ts";
import { UnreadableError, readText } from "../routes-file/trusted-text.ts";
import { parsePeersText } from "./grammar.ts";
import { pskOfFile, type PskText } from "./values.ts";
import { assemble, type PeersConfig } from "./peers-config.ts";

export interface PeersRead {
  readonly config: PeersConfig;
  readonly problems: readonly Problem[];
  /** There is no such file. */
  readonly missing: boolean;
}

export interface ReadPeersOptions {
  /** Whose the files may be. */
  readonly uids: readonly number[];
  /** What a file that others could have written is. A secret that all may read is an error in any case. */
  readonly untrusted: Problem["severity"];
  /** This computer's public key, where it is known. */
  readonly ownKey: Uint8Array | undefined;
}

/** As many are told: a file that is none of peers at all has one on each line. */
const MAX_PROBLEMS = 100;

/** Reads a peers file with the files of its keys. Never throws for what is in them. */
export async function readPeers(path: string, options: ReadPeersOptions): Promise<PeersRead> {
  const problems: Problem[] = [];
  const whole: Place = { file: path, line: 0 };
  const main = await readOne(path, whole, options, problems);
  const { statements, problems: mistakes } = parsePeersText(main.text ?? "", path);
  problems.push(...mistakes);
  const keys = new Map<PskText, Uint8Array>();
  for (const statement of statements) {
    const psk = statement.kind === "peer" || statement.kind === "psk" ? statement.psk : undefined;
    if (!psk) continue;
    if (psk.kind === "key") {
      if (main.isPublic) problems.push(publicSecret(path, statement.at));
      keys.set(psk, psk.key);
      continue;
    }
    const { text, isPublic } = await readOne(psk.path, statement.at, options, problems);
    if (text === undefined) continue;
    if (isPublic) problems.push(publicSecret(psk.path, statement.at));
    const key = pskOfFile(text);
    if (key) keys.set(psk, key);
    else
      problems.push({
        ...statement.at,
        severity: "error",
        message: `${psk.path} does not hold one key of 32 bytes in base64: castaway key psk makes one`,
      });
  }
  const { config, problems: unfit } = assemble({
    statements,
    ownKey: options.ownKey,
    keyOf: (psk) => keys.get(psk),
  });
  problems.push(...unfit);
  problems.sort((a, b) => a.line - b.line);
  return { config, problems: problems.slice(0, MAX_PROBLEMS), missing: main.missing };
}

interface One {
  readonly text: string | undefined;
  readonly isPublic: boolean;
  readonly missing: boolean;
}

async function readOne(
  path: string,
  from: Place,
  { uids, untrusted: severity }: ReadPeersOptions,
  problems: Problem[],
): Promise<One> {
  try {
    const { text, untrusted, isPublic } = await readText(path, uids);
    if (untrusted !== undefined)
      problems.push({
        ...from,
        severity,
        message:
          `${path} ${untrusted}, so the service does not use it: ` +
          `chown root ${path} && chmod go-w ${path}, and the same for folders that others may write`,
      });
    return { text, isPublic, missing: false };
  } catch (error) {
    if (!(error instanceof UnreadableError)) throw error;
    problems.push({ ...from, severity: "error", message: `${path} ${error.message}` });
    return { text: undefined, isPublic: false, missing: error.missing };
  }
}

function publicSecret(path: string, at: Place): Problem {
  const message =
    `a psk is a secret, and everybody on this computer may read ${path}: ` +
    `chown root:castaway ${path} && chmod 640 ${path}, and use a new psk`;
  return { ...at, severity: "error", message };
}

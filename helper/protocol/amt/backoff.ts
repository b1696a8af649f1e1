/** RFC 7450 sections 5.2.3.4.3 and 5.2.3.5.3: 1 s, doubled with each try, up to 2 minutes. */
const FIRST_MS = 1_000;
const LAST_MS = 120_000;

/** How long to wait for an answer to the try of this number (0: the first). `random`: 0 up to 1, a tenth more at most. */
export function answerWaitMs(tries: number, random: number): number {
  return Math.min(FIRST_MS * 2 ** Math.min(tries, 7), LAST_MS) * (1 + random / 10);
}

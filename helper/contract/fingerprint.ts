const GROUPS = 5;
const DIGITS = 4;

/**
 * The beginning of a network's id, which is a hash of its host's key, as people read it out to each other:
 * "1f3a 90bc 5d2e 77a1 04c8". 80 bits: nobody finds another key for them.
 */
export function networkFingerprint(networkId: string): string {
  return Array.from({ length: GROUPS }, (_, i) => networkId.slice(i * DIGITS, (i + 1) * DIGITS)).join(" ");
}

// A group to try a network with.

const USUAL = "239.1.2.3";
const OTHERS: readonly (readonly [RegExp, string])[] = [
  [/^239\.255\.\d+\.\d+\/16$/, "239.255.1.2"],
  [/^ff15:.*\/16$/i, "[ff15::1:2:3]"],
  [/^ff18:.*\/16$/i, "[ff18::1:2:3]"],
];

/** As it stands in a URL; one that the network carries, where one of the usual ranges is shared. */
export function testGroup(sharedRanges: readonly string[]): string {
  if (sharedRanges.some((range) => /^(239\.0\.0\.0\/8|224\.0\.0\.0\/4)$/.test(range))) return USUAL;
  return OTHERS.find(([pattern]) => sharedRanges.some((range) => pattern.test(range)))?.[1] ?? USUAL;
}

import { Announcements, MAX_ANNOUNCEMENTS, STREAM_NAME_LENGTH } from "#protocol/discovery/announcements.ts";
import { MAX_STREAMS } from "#protocol/discovery/announced-streams.ts";
import { fuzzMachines } from "#test/support/fuzz/machines.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import { encodeSap } from "#wire/sap.ts";

const DAY = 24 * 3_600_000;

function announcement(random: SeededRandom): Uint8Array {
  const group = (): string => `239.1.${random.below(8)}.${random.below(4)}`;
  const lines = [
    "v=0",
    `o=- ${random.below(100)} ${random.below(4)} IN IP4 192.0.2.1`,
    `s=${"name \u202e".repeat(random.below(30))}`,
    `c=IN IP4 ${group()}/1/${1 + random.below(16)}`,
    "t=0 0",
    ...(random.below(4) === 0 ? [`a=source-filter: incl IN IP4 * 10.0.0.${random.below(99)}`] : []),
    ...Array.from({ length: random.below(32) }, () => `m=video ${random.below(65_536)} RTP/AVP 33`),
    "",
  ];
  return encodeSap({
    deletion: random.below(8) === 0,
    hash: random.below(4),
    source: "192.0.2.1",
    authentication: new Uint8Array(0),
    payloadType: undefined,
    payload: new TextEncoder().encode(lines.join("\n")),
  });
}

fuzzMachines([
  {
    name: "announcements",
    understood: 0.2,
    start: (random) => {
      const announcements = new Announcements();
      let now = 1_000;
      return {
        step() {
          now += random.below(10_000);
          if (random.below(50) === 0) announcements.handleTimeout(now);
          const bytes = announcement(random);
          const { malformed } = announcements.counters;
          const from = `10.0.${random.below(2)}.${random.below(99)}`;
          announcements.handleDatagram(random.below(2) === 0 ? bytes : mutate(random, [bytes]), from, now);
          const name = announcements.nameOf(`239.1.${random.below(8)}.1`, from, random.below(65_536));
          if (
            name !== undefined &&
            (name === "" || [...name].length > STREAM_NAME_LENGTH || /\p{C}/u.test(name))
          )
            throw new Error(`a name that is none: ${JSON.stringify(name)}`);
          return announcements.counters.malformed === malformed;
        },
        held: () => ({
          known: [announcements.sizes.known, MAX_ANNOUNCEMENTS],
          senders: [announcements.sizes.senders, MAX_ANNOUNCEMENTS],
          groups: [announcements.sizes.groups, MAX_ANNOUNCEMENTS * MAX_STREAMS],
        }),
        settle() {
          now += DAY;
          announcements.handleTimeout(now);
        },
        left: () => ({ ...announcements.sizes }),
      };
    },
  },
]);

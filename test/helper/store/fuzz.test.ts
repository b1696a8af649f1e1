import { CACHE_FORMAT } from "#runtime/store/cache-store.ts";
import {
  decodeDocument,
  DocumentError,
  encodeDocument,
  type DocumentFormat,
} from "#runtime/store/document.ts";
import { STATE_FORMAT } from "#runtime/store/state.ts";
import { mutatedJson } from "#test/support/fuzz/json.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";
import { fullState, NOW } from "./state-fixture.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

/** Some files are cut or have bytes changed, some are JSON that means something else. */
function document<T>(name: string, runs: number, format: DocumentFormat<T>, value: T) {
  const text = encodeDocument(format, value);
  const json: unknown = JSON.parse(text);
  return parser({
    name,
    runs,
    refuses: DocumentError,
    corpus: [bytes(text)],
    input: (random) => (random.oneIn(3) ? mutate(random, [bytes(text)]) : mutatedJson(random, json, 1 << 20)),
    // Whatever version it was in: written again it is in the latest.
    decode: (input) => decodeDocument(format, input).value,
    again: (value) => decodeDocument(format, bytes(encodeDocument(format, value))).value,
  });
}

fuzzParsers([
  document("the state", 1_000, STATE_FORMAT, fullState()),
  document("the cache", 5_000, CACHE_FORMAT, {
    peers: [
      { publicKey: new Uint8Array(32).fill(1), endpoint: { address: "192.0.2.1", port: 4000 }, seenAt: NOW },
      { publicKey: new Uint8Array(32).fill(2), endpoint: { address: "2001:db8::1", port: 1 }, seenAt: 0 },
    ],
  }),
]);

// What comes from a page, from the clipboard, from a browser's headers, and from files.
import { ControlError } from "#contract/errors.ts";
import { inviteLinksIn } from "#main/app/invite-text.ts";
import { isCall, CALLS } from "#main/contract/calls.ts";
import {
  decodeRequest,
  decodeShellMessage,
  encodeMessage,
  MAX_REQUEST_CHARACTERS,
  type ShellMessage,
} from "#main/contract/messages.ts";
import { parseSystemctlShow } from "#main/helper-link/service-facts.ts";
import { acceptedLanguages } from "#main/web/languages.ts";
import { cookieValue, isOwnHost, isOwnOrigin } from "#main/web/origin-check.ts";
import { uidInTable } from "#main/web/peer-uid.ts";
import { mutatedJson } from "#test/support/fuzz/json.ts";
import { mutate } from "#test/support/fuzz/mutator.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";
import type { SeededRandom } from "#test/support/fuzz/seeded-random.ts";
import * as v from "valibot";
import { fakeState } from "../support/app/fake-state.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (input: Uint8Array): string => new TextDecoder().decode(input);

const LINK = `castaway://join/${"abcdefgh".repeat(12)}`;
const REQUESTS = [
  { call: "watch", params: {} },
  { call: "daemon", params: { method: "up", params: { name: "Home" } } },
  { call: "settings.set", params: { theme: "dark", welcomed: true } },
  { call: "invite.open", params: { text: `Come: ${LINK}.` } },
  { call: "service.act", params: { action: "restart" } },
  { call: "play", params: { playlist: "#EXTM3U\nudp://@239.1.2.3:5004\n" } },
].map((request, id) => ({ id, ...request }));

const state = fakeState();
const MESSAGES: readonly ShellMessage[] = [
  { type: "response", id: 1, ok: true, result: { seq: 1, state } },
  { type: "response", id: 2, ok: false, error: new ControlError("conflict", "no").body() },
  { type: "changes", seq: 3, changes: { snapshot: { groups: state.snapshot!.groups } } },
  { type: "changes", seq: 4, changes: { snapshot: null, service: state.service } },
];

function json(values: readonly unknown[], limit: number) {
  const corpus = values.map((value) => bytes(JSON.stringify(value)));
  const input = (random: SeededRandom): Uint8Array =>
    random.oneIn(4) ? mutate(random, corpus) : mutatedJson(random, random.pick(values), limit);
  return { corpus, input };
}

const HOST = "127.0.0.1:42271";
const HEADERS = ["127.0.0.1:42271", "localhost", "[::1]:80", "LOCALHOST:1"].map(bytes);

fuzzParsers([
  parser({
    name: "a page's requests and their parameters",
    refuses: undefined,
    ...json(REQUESTS, MAX_REQUEST_CHARACTERS),
    decode: (input) => {
      const request = decodeRequest(text(input));
      if (!request || !isCall(request.call)) return undefined;
      const params = v.safeParse(CALLS[request.call].params, request.params);
      return params.success ? { ...request, params: params.output as Record<string, unknown> } : undefined;
    },
    again: (request) => decodeRequest(encodeMessage(request)),
  }),
  parser({
    name: "what the shell says to a page",
    runs: 3_000,
    refuses: undefined,
    ...json(MESSAGES, 1_000_000),
    decode: (input) => decodeShellMessage(text(input)),
    again: (message) => decodeShellMessage(encodeMessage(message)),
  }),
  parser({
    name: "an invite link in text",
    refuses: ControlError,
    corpus: [LINK, `Come: ${LINK}.`, `<${LINK.slice(0, 60)}\n${LINK.slice(60)}>`, LINK.toUpperCase()].map(
      bytes,
    ),
    decode: (input) => {
      const links = inviteLinksIn(text(input));
      for (const link of links)
        if (!/^castaway:\/\/join\/[a-z2-7]+$/i.test(link) || link.length > 4_096)
          throw new Error(`let through: ${link}`);
      return links;
    },
  }),
  parser({
    name: "a Host header",
    refuses: undefined,
    corpus: HEADERS,
    decode: (input) => {
      const host = text(input);
      if (!isOwnHost(host)) return undefined;
      // Whatever is let through is loopback to a browser too.
      const { hostname } = new URL(`http://${host.replace(/:\d+$/, "")}/`);
      if (!["127.0.0.1", "localhost", "[::1]"].includes(hostname)) throw new Error(`let through: ${host}`);
      return host;
    },
  }),
  parser({
    name: "an Origin header",
    refuses: undefined,
    corpus: [bytes(`http://${HOST}`)],
    input: (random) =>
      random.oneIn(4) ? bytes(`http://${HOST}`) : mutate(random, [bytes(`http://${HOST}`)]),
    decode: (input) => (isOwnOrigin(text(input), HOST) ? text(input).toLowerCase() : undefined),
    again: (origin) => (origin === `http://${HOST}` ? origin : undefined),
  }),
  parser({
    name: "a Cookie header",
    refuses: undefined,
    corpus: ["castaway_1=abc", "a=b; castaway_1=abc; c=d", ";castaway_1=abc"].map(bytes),
    decode: (input) => cookieValue(text(input), "castaway_1"),
  }),
  parser({
    name: "an Accept-Language header",
    refuses: undefined,
    corpus: ["de-AT,de;q=0.9,en;q=0.8", "ar", "en;q=0.5, de;q=0.7"].map(bytes),
    input: (random) =>
      random.oneIn(2) ? random.bytes(random.below(20)) : mutate(random, [bytes("de-AT,de;q=0.9,en;q=0.8")]),
    decode: (input) => {
      const languages = acceptedLanguages(text(input));
      for (const language of languages) Intl.getCanonicalLocales(language); // throws where it is none
      return languages.length > 0 ? languages : undefined;
    },
  }),
  parser({
    name: "what systemctl says",
    refuses: undefined,
    corpus: ["LoadState=loaded\nActiveState=active\n", "LoadState=not-found\nActiveState=inactive\n"].map(
      bytes,
    ),
    decode: (input) => {
      const facts = parseSystemctlShow(text(input));
      return facts.installed === null ? undefined : facts;
    },
  }),
  parser({
    name: "the kernel's list of connections",
    refuses: undefined,
    corpus: [
      bytes(
        "   2: 0100007F:C001 0100007F:A51F 01 00000000:00000000 00:00000000 00000000  1001 0 3 1 0000 20",
      ),
    ],
    decode: (input) => uidInTable(text(input), 0xc001, 0xa51f),
  }),
]);

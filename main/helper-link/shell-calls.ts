// Answers the calls of the interface, but "watch", which belongs to a session. What differs between Electron and the
// web shell is in `ShellParts`.
import { amtFaultText, AMT_LINK_FORM } from "#contract/amt-fault-text.ts";
import { isAmtLink, parseAmtLink } from "#contract/amt-link.ts";
import { ControlError } from "#contract/errors.ts";
import type { AppCore } from "#main/app/app-core.ts";
import { inviteLinksIn } from "#main/app/invite-text.ts";
import { type CallName, type CallParams, type CallResult, CALLS, isCall } from "#main/contract/calls.ts";
import type { Settings } from "#main/contract/settings.ts";
import type { PendingInvite, PendingStream, ServiceAction } from "#main/contract/state.ts";
import * as v from "valibot";
import { makeReport } from "#report/make-report.ts";
import { reportText } from "#report/report-text.ts";
import { badParameters, type HelperLink } from "./helper-link.ts";

export interface TextFile {
  readonly fileName: string;
  readonly text: string;
}

/** What a shell can do, each in its own way. All reject with a ControlError. */
export interface ShellParts {
  readonly core: AppCore;
  readonly link: HelperLink;
  readonly saveSettings: (settings: Settings) => Promise<void>;
  readonly actOnService: (action: ServiceAction) => Promise<"done" | "cancelled">;
  readonly play: (playlist: string) => Promise<void>;
  /** The path; null where the person changed their mind. */
  readonly saveReport: (report: TextFile) => Promise<string | null>;
}

/** Of the daemon's log. */
const REPORT_LINES = 300;

type Answered = Exclude<CallName, "watch">;
type Handlers = { [C in Answered]: (params: CallParams<C>) => Promise<CallResult<C>> };

export class ShellCalls {
  readonly core: AppCore;
  readonly #handlers: Handlers;

  constructor(parts: ShellParts) {
    this.core = parts.core;
    this.#handlers = handlers(parts);
  }

  /** Rejects with a ControlError: "unknown-method", "bad-request", or what the call itself says. */
  async answer(name: string, params: Record<string, unknown>): Promise<unknown> {
    if (!isCall(name) || name === "watch")
      throw new ControlError("unknown-method", `There is no call "${name}".`);
    const parsed = v.safeParse(CALLS[name].params, params);
    if (!parsed.success) throw new ControlError("bad-request", badParameters(parsed.issues));
    const handler = this.#handlers[name] as (params: unknown) => Promise<unknown>;
    return handler(parsed.output);
  }

  /** A link that the system hands over: kept as the pending one. Rejects with a ControlError. */
  async openLink(text: string): Promise<void> {
    if (isAmtLink(text)) this.core.dispatch({ pendingStream: amtStreamIn(text) });
    else await this.#handlers["invite.open"]({ text });
  }
}

function handlers(parts: ShellParts): Handlers {
  const { core, link } = parts;
  let report: TextFile | undefined;
  return {
    daemon: async ({ method, params }) => {
      const result = await link.call(method, params);
      // The link was used, so nobody needs to be asked about it again.
      if (method === "join" && core.state.pendingInvite?.link === params["link"])
        core.dispatch({ pendingInvite: null });
      if (method === "amt.join" && isAbout(params, core.state.pendingStream))
        core.dispatch({ pendingStream: null });
      return result;
    },
    history: async () => link.history.read(),
    "settings.set": async (changes) => {
      const given = Object.entries(changes).filter(([, value]) => value !== undefined);
      const settings = { ...core.state.settings, ...Object.fromEntries(given) };
      await parts.saveSettings(settings);
      core.dispatch({ settings });
      return settings;
    },
    "invite.open": async ({ text }) => {
      const invite = await readInvite(link, inviteLinksIn(text));
      core.dispatch({ pendingInvite: invite });
      return invite;
    },
    "invite.dismiss": async () => {
      core.dispatch({ pendingInvite: null });
      return {};
    },
    "stream.dismiss": async () => {
      core.dispatch({ pendingStream: null });
      return {};
    },
    "service.act": async ({ action }) => {
      const outcome = await parts.actOnService(action);
      link.hurry();
      return { outcome };
    },
    play: async ({ playlist }) => {
      await parts.play(playlist);
      return {};
    },
    "report.make": async () => {
      report = await redactedReport(parts);
      return report;
    },
    "report.save": async () => {
      if (!report) throw new ControlError("not-found", "There is no report yet: it must be made first.");
      return { path: await parts.saveReport(report) };
    },
  };
}

function isAbout({ group, source = null }: Record<string, unknown>, stream: PendingStream | null): boolean {
  return stream !== null && stream.group === group && stream.source === source;
}

function amtStreamIn(text: string): PendingStream {
  const reading = parseAmtLink(text);
  if (!reading.ok) throw new ControlError("bad-request", amtFaultText(reading.fault), AMT_LINK_FORM);
  return reading.stream;
}

/** The daemon knows which of them is whole. Rejects with what it says about the first. */
async function readInvite(link: HelperLink, candidates: [string, ...string[]]): Promise<PendingInvite> {
  const [first, ...others] = candidates;
  try {
    return await inspect(link, first);
  } catch (error) {
    const [next, ...rest] = others;
    if (next === undefined || !(error instanceof ControlError) || error.code !== "invite-damaged")
      throw error;
    return readInvite(link, [next, ...rest]).catch(() => Promise.reject(error));
  }
}

async function inspect({ client }: HelperLink, link: string): Promise<PendingInvite> {
  return { link, ...(await client.call("invite.inspect", { link })) };
}

/** Without keys, links, names and public addresses. Without a daemon it says that there is none. */
async function redactedReport({ core, link }: ShellParts): Promise<TextFile> {
  const { version } = core.state.shell;
  const wall = Date.now();
  const connect = (): ReturnType<HelperLink["connect"]> => link.connect();
  const report = await makeReport({ version, wall, lines: REPORT_LINES, full: false, connect });
  const time = new Date(wall).toISOString().slice(0, 16).replace(/[T:]/g, "-");
  return { fileName: `castaway-report-${time}.txt`, text: `${reportText(report, false)}\n` };
}

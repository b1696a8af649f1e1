// A screen of the interface on a page, with a shell that has no daemon behind it.
import { ERROR_CODES, type ErrorBody } from "#contract/errors.ts";
import type { AppState } from "#main/contract/state.ts";
import type { Channel, ChannelHandlers } from "#renderer/api/bridge.ts";
import { ShellClient } from "#renderer/api/shell-client.ts";
import { AppModel } from "#renderer/state/app-state.svelte.ts";
import { FakeShell } from "#test/support/app/fake-shell.ts";
import { fakeState } from "#test/support/app/fake-state.ts";

export interface FakeApp {
  readonly shell: FakeShell;
  readonly model: AppModel;
  /** The link to the shell breaks. What was asked and is not answered fails. */
  lose(): void;
  /** It is back. */
  regain(): void;
  /** It ends, and does not come back. */
  end(reason: string): void;
  /** The parameters of each call of the daemon's method so far. */
  called(method: string): unknown[];
}

export async function fakeApp(changes: Partial<AppState> = {}): Promise<FakeApp> {
  const shell = new FakeShell(fakeState(changes));
  let handlers: ChannelHandlers | undefined;
  let input = (_text: string): void => {};
  const channel: Channel = {
    send: (text) => input(text),
    listen: (given) => {
      handlers = given;
      input = shell.attach(given.message);
      given.opened();
    },
  };
  const model = new AppModel(new ShellClient(channel));
  await Promise.resolve(); // the whole state is answered
  return {
    shell,
    model,
    lose: () => handlers?.closed(null),
    regain: () => handlers?.opened(),
    end: (reason) => handlers?.closed(reason),
    called: (method) =>
      shell.calls
        .filter(({ call, params }) => call === "daemon" && params["method"] === method)
        .map(({ params }) => params["params"]),
  };
}

/** What a handler throws. */
export function refusal(
  code: ErrorBody["code"],
  message = "the daemon's words",
  remedy: string | null = null,
) {
  if (!ERROR_CODES.includes(code)) throw new Error(`no such code: ${code}`);
  return { code, message, remedy };
}

/** Names that want to be more than a name. */
export const HOSTILE_NAMES = [
  "<img src=x onerror=alert(1)>",
  "\u202Egnp.exe",
  "{{when}} $t(common:close)",
  "W".repeat(64),
] as const;

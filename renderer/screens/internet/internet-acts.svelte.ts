// What can be done with streams of the Internet's: ask for one, leave it, take that back, try again.
import type { AmtJoin } from "#contract/amt.ts";
import type { AmtStream } from "#contract/amt-link.ts";
import type { Params } from "#contract/methods.ts";
import { codeText } from "#renderer/i18n/formats.ts";
import { t } from "#renderer/i18n/i18n.svelte.ts";
import { CallError } from "#renderer/api/call-error.ts";
import { Action } from "#renderer/state/action.svelte.ts";
import type { AppModel } from "#renderer/state/app-state.svelte.ts";

export class InternetActs {
  readonly #model: AppModel;
  /** true: it was asked for. */
  readonly join: Action<[AmtStream], true>;
  readonly leave: Action<[AmtJoin], void>;
  readonly again: Action<[AmtJoin], void>;

  /** No to a link that was opened. */
  readonly dismiss: Action<[], void>;

  constructor(model: AppModel) {
    this.#model = model;
    this.join = new Action(async (stream) => {
      await model.bridge.daemon("amt.join", joinParams(stream));
      model.toasts.show(t("internet:requested", { group: codeText(stream.group) }));
      return true as const;
    });
    this.leave = new Action(async (join) => {
      await model.bridge.daemon("amt.leave", { id: join.id });
      model.toasts.show(t("internet:left", { group: codeText(join.group) }), () => void this.#takeBack(join));
    });
    this.dismiss = new Action(async () => void (await model.bridge.call("stream.dismiss", {})));
    this.again = new Action(async (join) => {
      await model.bridge.daemon("amt.leave", { id: join.id });
      await model.bridge.daemon("amt.join", joinParams(join));
    });
  }

  /** By then the page may show something else: what went wrong is said where the question was. */
  async #takeBack(join: AmtJoin): Promise<void> {
    try {
      await this.#model.bridge.daemon("amt.join", joinParams(join));
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.#model.toasts.show(error.message);
    }
  }
}

function joinParams({ source, group, relay, port }: AmtStream): Params<"amt.join"> {
  return {
    group,
    ...(source !== null && { source }),
    ...(relay !== null && { relay }),
    ...(port !== null && { port }),
  };
}

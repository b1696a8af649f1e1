// What the app says outside of its window: notifications, and what went wrong with something that was not done there.
import { ControlError } from "#contract/errors.ts";
import type { AppCore } from "#main/app/app-core.ts";
import { type Words, wordsOf } from "#main/app/words.ts";
import { chosenLanguage } from "#main/contract/settings.ts";
import type { ElectronParts } from "./electron-parts.ts";

export class Announcer {
  readonly #electron: Pick<ElectronParts, "Notification" | "dialog">;
  readonly #core: AppCore;
  readonly #clicked: () => void;

  constructor(electron: Pick<ElectronParts, "Notification" | "dialog">, core: AppCore, clicked: () => void) {
    this.#electron = electron;
    this.#core = core;
    this.#clicked = clicked;
  }

  get words(): Words {
    const { settings, shell } = this.#core.state;
    return wordsOf(chosenLanguage(settings.language, shell.languages));
  }

  notify(title: string, body: string): void {
    const { Notification } = this.#electron;
    if (!Notification.isSupported()) return;
    const notification = new Notification({ title, body });
    notification.on("click", this.#clicked);
    notification.show();
  }

  tell(error: unknown): void {
    const remedy = error instanceof ControlError ? error.remedy : null;
    const detail = [messageOf(error), ...(remedy === null ? [] : [remedy])].join("\n\n");
    void this.#electron.dialog
      .showMessageBox({ type: "warning", title: "Castaway", message: this.words.notice.failed, detail })
      .catch(() => {});
  }
}

export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

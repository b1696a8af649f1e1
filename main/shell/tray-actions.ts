// What the tray's items do. Quitting leaves the tunnel as it is: the service carries it, not the app.
import type { TrayAction } from "#main/app/tray-model.ts";
import { shortName } from "#main/app/tray-model.ts";
import { fill, type Words } from "#main/app/words.ts";
import { METHODS } from "#contract/methods.ts";
import * as v from "valibot";
import type { ElectronParts } from "./electron-parts.ts";

export interface TrayActionParts {
  readonly electron: Pick<ElectronParts, "app" | "clipboard">;
  /** One call of the shell's. Rejects with a ControlError. */
  readonly call: (name: string, params: Record<string, unknown>) => Promise<unknown>;
  readonly words: () => Words;
  readonly showWindow: () => void;
  readonly notify: (title: string, body: string) => void;
}

/** Rejects with a ControlError, and has done nothing then: above all, the app has not quit. */
export async function actOnTray(action: TrayAction, parts: TrayActionParts): Promise<void> {
  const { electron, call, words } = parts;
  const daemon = (method: string, params: Record<string, unknown>): Promise<unknown> =>
    call("daemon", { method, params });
  switch (action.type) {
    case "open":
      parts.showWindow();
      return;
    case "connect":
      await daemon("up", { network: action.network });
      return;
    case "disconnect":
      await daemon("down", { network: action.network });
      return;
    case "copy-invite": {
      const made = v.parse(
        METHODS["invite.create"].result,
        await daemon("invite.create", { network: action.network }),
      );
      await electron.clipboard.writeText(made.link);
      const { linkCopied, linkCopiedHint } = words().notice;
      parts.notify(linkCopied, fill(linkCopiedHint, { network: shortName(made.networkName) }));
      return;
    }
    case "service":
      await call("service.act", { action: action.action });
      return;
    case "disconnect-and-quit":
      await daemon("down", {});
      electron.app.quit();
      return;
    case "quit":
      electron.app.quit();
  }
}

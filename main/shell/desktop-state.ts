import { firstState } from "#main/app/first-state.ts";
import type { AppState } from "#main/contract/state.ts";
import type { ElectronParts } from "./electron-parts.ts";

export interface Beginning {
  readonly platform: NodeJS.Platform;
  readonly user: string;
  /** The shell can manage the service here. */
  readonly manages: boolean;
  readonly settings: AppState["settings"];
}

/** The app's state before anything is known of the daemon, with what Electron can do here. */
export function desktopState(
  { app, Notification }: Pick<ElectronParts, "app" | "Notification">,
  { platform, user, manages, settings }: Beginning,
): AppState {
  const shell = {
    kind: "electron",
    version: app.getVersion(),
    platform: platform === "darwin" || platform === "win32" ? platform : "linux",
    languages: app.getPreferredSystemLanguages(),
    can: {
      autoStart: true,
      notify: Notification.isSupported(),
      manageService: manages,
      play: true,
      save: true,
    },
  } as const;
  return firstState(shell, settings, user);
}

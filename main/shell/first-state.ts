import { NO_FACTS, serviceState } from "#main/app/service-state.ts";
import type { AppState } from "#main/contract/state.ts";
import type { ElectronParts } from "./electron-parts.ts";

export interface Beginning {
  readonly platform: NodeJS.Platform;
  readonly user: string;
  /** The shell can manage the service here. */
  readonly manages: boolean;
  readonly settings: AppState["settings"];
}

/** The app's state before anything is known of the daemon. */
export function firstState(
  { app, Notification }: Pick<ElectronParts, "app" | "Notification">,
  { platform, user, manages, settings }: Beginning,
): AppState {
  const version = app.getVersion();
  const connection = { state: "opening" } as const;
  return {
    shell: {
      kind: "electron",
      version,
      platform: platform === "darwin" || platform === "win32" ? platform : "linux",
      languages: app.getPreferredSystemLanguages(),
      can: {
        autoStart: true,
        notify: Notification.isSupported(),
        manageService: manages,
        play: true,
        save: true,
      },
    },
    service: serviceState({ connection, facts: NO_FACTS, version, manages, user, now: 0 }),
    settings,
    pendingInvite: null,
    snapshot: null,
  };
}

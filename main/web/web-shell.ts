// Puts the web shell together: a client of the daemon's, the app's state, and a server for browsers on loopback.
import { connect } from "#contract/client.ts";
import { ControlError } from "#contract/errors.ts";
import { clientSocketPath } from "#contract/socket-path.ts";
import { AppCore } from "#main/app/app-core.ts";
import { firstState } from "#main/app/first-state.ts";
import type { Shell } from "#main/contract/state.ts";
import { HelperLink } from "#main/helper-link/helper-link.ts";
import { type AskServiceFacts, serviceFacts } from "#main/helper-link/service-facts.ts";
import { ShellCalls } from "#main/helper-link/shell-calls.ts";
import { environmentLanguages } from "./languages.ts";
import { userName } from "./open-browser.ts";
import { trustedUids } from "./peer-uid.ts";
import { SettingsFile, settingsPath } from "./settings-file.ts";
import type { StaticFiles } from "./static-files.ts";
import { WebServer } from "./web-server.ts";

export interface WebShellParts {
  readonly files: StaticFiles;
  readonly version: string;
  readonly environment: NodeJS.ProcessEnv;
  /** The daemon's control socket; undefined: the usual one. */
  readonly socket?: string | undefined;
  readonly idleMs: number;
  readonly onIdle: () => void;
  readonly facts?: AskServiceFacts;
}

export class WebShell {
  readonly server: WebServer;
  /** One sentence for whoever started it; null: all is well. */
  readonly note: string | null;
  readonly #link: HelperLink;

  constructor({ files, version, environment, socket, idleMs, onIdle, facts }: WebShellParts) {
    const settingsFile = new SettingsFile(settingsPath(environment));
    const { settings, note } = settingsFile.load();
    const user = userName();
    const core = new AppCore(firstState(ownShell(version, environment), settings, user));
    const link = new HelperLink({
      core,
      connect: () => connect(socket ?? clientSocketPath(environment)),
      facts: facts ?? serviceFacts(process.platform),
      manages: false,
      user,
    });
    const calls = new ShellCalls({
      core,
      link,
      saveSettings: (chosen) => settingsFile.save(chosen),
      actOnService: () =>
        Promise.reject(notHere("The service is managed on the computer itself, not from here.")),
      play: () => Promise.reject(notHere("A page cannot start a player: save the playlist, and open it.")),
      saveReport: () => Promise.reject(notHere("A page saves the report as a download.")),
    });
    this.note = note;
    this.#link = link;
    this.server = new WebServer({ calls, files, idleMs, onIdle, uids: trustedUids(environment) });
  }

  /** Rejects with the error of listen(2). Returns the port. */
  async start(port: number): Promise<number> {
    const taken = await this.server.listen(port);
    this.#link.start();
    return taken;
  }

  end(reason: string): void {
    this.server.close(reason);
    this.#link.end();
  }
}

function ownShell(version: string, environment: NodeJS.ProcessEnv): Shell {
  return {
    kind: "web",
    version,
    platform: process.platform === "darwin" || process.platform === "win32" ? process.platform : "linux",
    languages: environmentLanguages(environment),
    can: { autoStart: false, notify: false, manageService: false, play: false, save: false },
  };
}

function notHere(message: string): ControlError {
  return new ControlError("unknown-method", message);
}

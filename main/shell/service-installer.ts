// Installs, starts, restarts, updates and removes the service, and lets this user drive it: one password each, asked for
// by the system. Root runs one script out of a folder that root alone can change; from any other place (an AppImage, a
// checkout, somebody's home) nothing is run, because whoever could change the file would be root by that password.
import { join } from "node:path";
import { ControlError } from "#contract/errors.ts";
import type { ServiceAction } from "#main/contract/state.ts";
import { type LookAt, whyNotRootOwned } from "./root-owned.ts";

/** sudo-prompt's exec. Its error comes first; what the command wrote, then. */
export type Elevate = (
  command: string,
  options: { readonly name: string },
  done: (error?: Error, stdout?: string | Buffer, stderr?: string | Buffer) => void,
) => void;

export interface InstallerParts {
  readonly elevate: Elevate;
  readonly platform: NodeJS.Platform;
  readonly packaged: boolean;
  /** APPIMAGE, where the app runs from one. */
  readonly appImage: string | undefined;
  /** process.resourcesPath: what is beside the app's archive. */
  readonly resources: string;
  readonly uid: number | undefined;
  readonly lookAt?: LookAt;
}

/** What the script runs or copies: each is looked at before. */
const SCRIPT = "service/service-control.sh";
const FILES = [SCRIPT, "castaway", "service/castaway.service", "service/castaway.sysusers"];
/** sudo-prompt's own sentences, which are all that tells its errors apart. */
const NOT_GRANTED = "User did not grant permission.";
const NO_DIALOG = /No polkit authentication agent|Unable to find pkexec/;
const MAX_REASON_CHARACTERS = 300;

export class ServiceInstaller {
  readonly #parts: InstallerParts;
  #busy = false;

  constructor(parts: InstallerParts) {
    this.#parts = parts;
  }

  /** The service runs on Linux alone today. */
  get isPossible(): boolean {
    return this.#parts.platform === "linux";
  }

  /** Rejects with a ControlError, whose remedy does without this. */
  async act(action: ServiceAction): Promise<"done" | "cancelled"> {
    if (this.#busy) throw new ControlError("busy", "The system is asking for a password already.");
    this.#busy = true;
    try {
      return await this.#run(action, await this.#command(action));
    } finally {
      this.#busy = false;
    }
  }

  async #command(action: ServiceAction): Promise<string> {
    const { platform, packaged, appImage, resources, uid, lookAt } = this.#parts;
    const refuse = (why: string, remedy: string): ControlError => new ControlError("conflict", why, remedy);
    if (platform !== "linux")
      throw refuse(
        "The Castaway service runs on Linux alone today.",
        "Run it on a computer with Linux, and join from there.",
      );
    if (uid === undefined || uid === 0) throw refuse("The app should not run as root.", byHand(action, uid));
    if (appImage !== undefined)
      throw refuse(
        "An AppImage cannot manage the service: its files are not root's, and gone when it ends.",
        action === "install" || action === "update"
          ? "Install the castaway-headless package, or Castaway's .deb or .rpm, which bring the service along."
          : byHand(action, uid),
      );
    if (!packaged)
      throw refuse(
        "This app runs from its sources, which root must not run.",
        action === "install" || action === "update" ? "sudo out/castaway daemon" : byHand(action, uid),
      );
    for (const name of FILES) {
      const why = await whyNotRootOwned(join(resources, name), lookAt);
      if (why !== undefined)
        throw refuse(
          `Nothing was run as root, because others could have put something else there: ${why}.`,
          "Install Castaway's package again.",
        );
    }
    return `/bin/sh ${join(resources, SCRIPT)} ${action} ${uid}`;
  }

  #run(action: ServiceAction, command: string): Promise<"done" | "cancelled"> {
    const { elevate, uid } = this.#parts;
    return new Promise((resolve, reject) => {
      elevate(command, { name: "Castaway" }, (error, _stdout, stderr) => {
        if (!error) resolve("done");
        else if (error.message === NOT_GRANTED) resolve("cancelled");
        else if (NO_DIALOG.test(error.message))
          reject(
            new ControlError(
              "permission-denied",
              "This desktop has no way to ask for a password.",
              byHand(action, uid),
            ),
          );
        else reject(new ControlError("internal", failure(action, String(stderr ?? "")), byHand(action, uid)));
      });
    });
  }
}

function failure(action: ServiceAction, output: string): string {
  const last = output.trim().split("\n").at(-1)?.slice(0, MAX_REASON_CHARACTERS);
  return `"${action}" did not work${last ? `: ${last}` : "."}`;
}

/** The same, typed in a terminal. */
function byHand(action: ServiceAction, uid: number | undefined): string {
  switch (action) {
    case "install":
      return "sudo systemctl enable --now castaway";
    case "start":
      return "sudo systemctl start castaway";
    case "restart":
    case "update":
      return "sudo systemctl restart castaway";
    case "allow":
      return `sudo castaway owners add ${uid ?? ""}`.trimEnd();
    case "remove":
      return "sudo systemctl disable --now castaway";
  }
}

// What the service manager says about the service, for the case that the service itself does not answer.
import { execFile } from "node:child_process";
import { NO_FACTS, type ServiceFacts } from "#main/app/service-state.ts";

export type AskServiceFacts = () => Promise<ServiceFacts>;

/** After "systemctl". */
export const SHOW_WORDS = ["show", "--property=LoadState,ActiveState", "--", "castaway.service"] as const;
const DEADLINE_MS = 2_000;
const MAX_BYTES = 16_384;
const ACTIVE = ["active", "activating", "deactivating", "inactive", "failed"] as const;

/** By systemd, without a shell and as any user. Never rejects: what cannot be found out is null. */
export const systemdFacts: AskServiceFacts = () =>
  new Promise((resolve) => {
    const options = { timeout: DEADLINE_MS, maxBuffer: MAX_BYTES, env: { LC_ALL: "C", PATH: SYSTEM_PATH } };
    execFile("systemctl", [...SHOW_WORDS], options, (error, stdout) =>
      resolve(error ? NO_FACTS : parseSystemctlShow(stdout)),
    );
  });

/** A program of that name in a folder of the user's is not asked. */
const SYSTEM_PATH = "/usr/bin:/bin:/usr/sbin:/sbin:/run/current-system/sw/bin";

/** The service manager that this system has. */
export function serviceFacts(platform: NodeJS.Platform): AskServiceFacts {
  return platform === "linux" ? systemdFacts : () => Promise.resolve(NO_FACTS);
}

/** The lines of `systemctl show`, "LoadState=loaded". */
export function parseSystemctlShow(text: string): ServiceFacts {
  const properties = new Map(
    text
      .split("\n")
      .filter((line) => line.includes("="))
      .map((line) => [line.slice(0, line.indexOf("=")), line.slice(line.indexOf("=") + 1)]),
  );
  const load = properties.get("LoadState");
  if (load === undefined || load === "") return NO_FACTS;
  if (load === "not-found") return { installed: false, active: "inactive" };
  const state = properties.get("ActiveState");
  const active = ACTIVE.find((one) => one === state) ?? null;
  // Between two attempts of Restart= the unit is "activating (auto-restart)": that is on its way.
  return { installed: true, active };
}

// Electron's fuses: switches in its binary that nobody can turn at run time. All are named, so that one that a later
// Electron adds fails the build until somebody has decided on it.
import { flipFuses, FuseState, FuseV1Options, FuseVersion, getCurrentFuseWire } from "@electron/fuses";

export const FUSES = {
  // As Node it would run any script, with the app's name and its rights.
  [FuseV1Options.RunAsNode]: false,
  [FuseV1Options.EnableCookieEncryption]: true,
  [FuseV1Options.EnableNodeOptionsEnvironmentVariable]: false,
  [FuseV1Options.EnableNodeCliInspectArguments]: false,
  [FuseV1Options.EnableEmbeddedAsarIntegrityValidation]: true,
  [FuseV1Options.OnlyLoadAppFromAsar]: true,
  [FuseV1Options.LoadBrowserProcessSpecificV8Snapshot]: false,
  // Nothing is loaded from file:, pages come by app:.
  [FuseV1Options.GrantFileProtocolExtraPrivileges]: false,
  // A speed of WebAssembly's; no privilege.
  [FuseV1Options.WasmTrapHandlers]: true,
} as const;

/**
 * Sets all fuses of the program (on macOS the .app) and reads them back. Throws where the binary has none, or others, or where one
 * is not as it should be.
 */
export async function setFuses(program: string, options: { readonly resign: boolean }): Promise<void> {
  // Writing over a removed one does nothing to Electron, and looks as if it had.
  const removed = await fusesThat(program, (state) => state === FuseState.REMOVED);
  if (removed.length > 0) throw new Error(`fuses that this Electron no longer has: ${removed.join(", ")}`);
  await flipFuses(program, {
    version: FuseVersion.V1,
    strictlyRequireAllFuses: true,
    resetAdHocDarwinSignature: options.resign,
    ...FUSES,
  });
  const wrong = await wrongFuses(program);
  if (wrong.length > 0)
    throw new Error(`fuses of ${program} that are not as they should be: ${wrong.join(", ")}`);
}

/** By name; empty if all are set as FUSES says. */
export function wrongFuses(program: string): Promise<string[]> {
  return fusesThat(program, (state, on) => state !== (on ? FuseState.ENABLE : FuseState.DISABLE));
}

async function fusesThat(
  program: string,
  holds: (state: unknown, on: boolean) => boolean,
): Promise<string[]> {
  const wire: Readonly<Record<string, unknown>> = { ...(await getCurrentFuseWire(program)) };
  return Object.entries(FUSES)
    .filter(([fuse, on]) => holds(wire[fuse], on))
    .map(([fuse]) => FuseV1Options[Number(fuse)] ?? fuse);
}

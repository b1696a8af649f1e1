import type { AppParts } from "./electron-parts.ts";
import { linkIn } from "./opened-links.ts";

/** Starting it twice shows the window of the first. False: this is the second, and it has to end. */
export function isFirstInstance(app: AppParts, again: (link: string | undefined) => void): boolean {
  if (!app.requestSingleInstanceLock()) return false;
  app.on("second-instance", (_event, argv) => again(linkIn(argv)));
  return true;
}

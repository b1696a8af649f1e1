// castaway:// and amt:// links that the system hands over: as words of the command line, of a second start's too, or as
// macOS's open-url. A link only ever opens the question whether to join: a page on the web can open one.
import type { AppParts } from "./electron-parts.ts";

const SCHEMES = ["castaway", "amt"] as const;
/** What is longer is passed on cut, so that it is refused with a sentence rather than ignored. */
const MAX_CHARACTERS = 20_001;

/** The last link among the words that a program was started with. Not the first word: that is the program. */
export function linkIn(argv: readonly string[]): string | undefined {
  return argv.slice(1).findLast(hasOurScheme)?.slice(0, MAX_CHARACTERS);
}

/**
 * Before the app is ready, since macOS tells at once. On Linux the desktop file says who opens such links; an app that
 * is not packaged leaves the system's choice alone.
 */
export function listenForLinks(app: AppParts, platform: NodeJS.Platform, open: (link: string) => void): void {
  app.on("open-url", (event, url) => {
    event.preventDefault();
    open(url.slice(0, MAX_CHARACTERS));
  });
  if (app.isPackaged && platform !== "linux")
    for (const scheme of SCHEMES) app.setAsDefaultProtocolClient(scheme);
}

function hasOurScheme(word: string): boolean {
  return SCHEMES.some((scheme) => word.slice(0, scheme.length + 1).toLowerCase() === `${scheme}:`);
}

// Which screen is shown: "#/streams". The address bar, the back button and bookmarks work as everywhere.

export const SCREENS = [
  "home",
  "streams",
  "invite",
  "join",
  "sharing",
  "doctor",
  "settings",
  "welcome",
] as const;
export type ScreenName = (typeof SCREENS)[number];

/** undefined: the address names no screen. */
export function screenOf(hash: string): ScreenName | undefined {
  const name = /^#\/([a-z]+)(?:$|[/?])/.exec(hash)?.[1];
  return SCREENS.find((screen) => screen === name);
}

export function addressOf(screen: ScreenName): `#/${ScreenName}` {
  return `#/${screen}`;
}

export class Route {
  readonly #window: Window;
  #screen = $state<ScreenName>("home");
  /** The page was opened at an address of its own, so nobody is led elsewhere. */
  readonly explicit: boolean;

  constructor(page: Window) {
    this.#window = page;
    const first = screenOf(page.location.hash);
    this.explicit = first !== undefined;
    this.#screen = first ?? "home";
    page.addEventListener("hashchange", () => {
      this.#screen = screenOf(page.location.hash) ?? "home";
    });
  }

  get screen(): ScreenName {
    return this.#screen;
  }

  go(screen: ScreenName): void {
    this.#screen = screen;
    this.#window.location.hash = addressOf(screen);
  }
}

// Light or dark, as the settings say or as the system has it; styles/tokens.css has the colours of both.
import type { Settings } from "#main/contract/settings.ts";

export type Theme = "light" | "dark";

const dark = window.matchMedia("(prefers-color-scheme: dark)");
let systemDark = $state(dark.matches);
let wanted = $state<Settings["theme"]>("system");

dark.addEventListener("change", ({ matches }) => {
  systemDark = matches;
  apply();
});

/** Read in a component, it follows every change: for what is drawn without style sheets. */
export function currentTheme(): Theme {
  if (wanted !== "system") return wanted;
  return systemDark ? "dark" : "light";
}

export function useTheme(theme: Settings["theme"]): void {
  wanted = theme;
  apply();
}

function apply(): void {
  document.documentElement.dataset["theme"] = currentTheme();
}

// The screens: each is fetched when it is first opened, so that the first paint waits for none of them.
import type { WordKey } from "#renderer/i18n/i18n.svelte.ts";
import type { AppModel } from "#renderer/state/app-state.svelte.ts";
import type { ScreenName } from "#renderer/state/route.svelte.ts";
import type { Component } from "svelte";

export type Screen = Component<{ model: AppModel }>;

const LOADERS: Readonly<Record<ScreenName, () => Promise<{ default: Screen }>>> = {
  home: () => import("#renderer/screens/home/HomeScreen.svelte"),
  streams: () => import("#renderer/screens/streams/StreamsScreen.svelte"),
  invite: () => import("#renderer/screens/invite/InviteScreen.svelte"),
  join: () => import("#renderer/screens/join/JoinScreen.svelte"),
  sharing: () => import("#renderer/screens/sharing/SharingScreen.svelte"),
  doctor: () => import("#renderer/screens/doctor/DoctorScreen.svelte"),
  settings: () => import("#renderer/screens/settings/SettingsScreen.svelte"),
  welcome: () => import("#renderer/screens/welcome/WelcomeScreen.svelte"),
};

export async function loadScreen(name: ScreenName): Promise<Screen> {
  return (await LOADERS[name]()).default;
}

/** Its name in the navigation and in the window's title. */
export function screenTitle(name: ScreenName): WordKey {
  return `common:${name}`;
}

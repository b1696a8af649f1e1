// What the rows and the panel of the Streams screen share: names of places, addresses for players, what a click does.
import type { Group, Snapshot } from "#contract/snapshot.ts";
import { groupKey } from "#main/contract/rates.ts";
import { CallError } from "#renderer/api/call-error.ts";
import { codeText, nameText } from "#renderer/i18n/formats.ts";
import { t } from "#renderer/i18n/i18n.svelte.ts";
import type { AppModel } from "#renderer/state/app-state.svelte.ts";
import type { RateHistory } from "#renderer/state/history.svelte.ts";
import { placeText } from "./place-words.ts";
import { listenerPlaces, ownAddresses, type Place, placesOf, sourcePlace } from "./places.ts";
import { download, needsSource, playAddress, playlistFileName, playlistOf } from "./play.ts";
import { streamTitle } from "./stream-list.ts";

const NOTHING: Pick<Snapshot, "vifs" | "networks" | "lans" | "groups"> = {
  vifs: [],
  networks: [],
  lans: [],
  groups: [],
};

export class StreamsView {
  readonly model: AppModel;
  readonly history: RateHistory;
  readonly #snapshot = $derived.by(() => this.model.lastSnapshot ?? NOTHING);
  // The daemon replaces whole topics: these stay as they are while only rates change.
  readonly #vifs = $derived.by(() => this.#snapshot.vifs);
  readonly #networks = $derived.by(() => this.#snapshot.networks);
  readonly #lans = $derived.by(() => this.#snapshot.lans);
  readonly places = $derived.by(() => placesOf({ vifs: this.#vifs, networks: this.#networks }));
  readonly #own = $derived.by(() => ownAddresses({ networks: this.#networks, lans: this.#lans }));

  constructor(model: AppModel, history: RateHistory) {
    this.model = model;
    this.history = history;
  }

  get groups(): readonly Group[] {
    return this.#snapshot.groups;
  }

  keyOf(group: Group): string {
    return groupKey(group);
  }

  listeners(group: Group): Place[] {
    return listenerPlaces(group, this.places);
  }

  /** Null while nothing came. */
  source(group: Group): Place | null {
    return sourcePlace(group, this.places, this.#own);
  }

  /** Who sends it: a name where one is known, the address otherwise, and by which member it comes. */
  sourceText(group: Group): string {
    const { source, sourceName } = group;
    const place = this.source(group);
    if (source === null) return place ? placeText(place) : t("streams:nobodyYet");
    if (place?.kind === "here") return placeText(place);
    const sender = sourceName === null ? codeText(source) : nameText(sourceName);
    if (place?.kind !== "member" || place.name === sourceName) return sender;
    return t("streams:senderVia", { sender, via: placeText(place) });
  }

  /** This shell opens a player itself; otherwise a playlist is saved. */
  get canPlay(): boolean {
    return this.model.state?.shell.can.play ?? false;
  }

  get playLabel(): string {
    return t(this.canPlay ? "streams:play" : "streams:savePlaylist");
  }

  /** Null where no player knows what to do with it. */
  playAddress(group: Group): string | null {
    return playAddress(group, needsSource(group, this.groups));
  }

  async play(group: Group): Promise<void> {
    const address = this.playAddress(group);
    if (address === null) return;
    const title = streamTitle(group);
    const playlist = playlistOf(address, title);
    if (!this.canPlay) {
      download(playlistFileName(title), playlist, "audio/x-mpegurl");
      this.model.toasts.show(t("streams:playlistSaved"));
      return;
    }
    try {
      await this.model.bridge.call("play", { playlist });
    } catch (error) {
      if (!(error instanceof CallError)) throw error;
      this.model.toasts.show(error.message);
    }
  }

  async copy(text: string): Promise<void> {
    try {
      await navigator.clipboard.writeText(text);
      this.model.toasts.show(t("streams:copied", { text: codeText(text) }));
    } catch {
      this.model.toasts.show(t("common:copyFailed"));
    }
  }
}

// What is worth interrupting somebody for. Little is: what a person did themselves, what mends itself and what the open
// window shows anyway is not told, and nothing is told twice in a row. What is left out stays visible in the tray.
import type { Network } from "#contract/snapshot.ts";
import { chosenLanguage } from "#main/contract/settings.ts";
import type { AppState, Service } from "#main/contract/state.ts";
import { shortName } from "./tray-model.ts";
import { fill, type Words, wordsOf } from "./words.ts";

export interface Notice {
  readonly title: string;
  readonly body: string;
}

interface Event extends Notice {
  /** Events of one key are the same thing to whoever reads them. */
  readonly key: string;
}

/** How many within how long, whatever they say. */
const BURST = 3;
const BURST_MS = 60_000;
/** How long one key stays silent: a network that comes and goes is told of once. */
const SAME_MS = 600_000;

/** States of a service that neither works nor mends itself. */
const AWAY: ReadonlySet<Service["state"]> = new Set(["stopped", "missing", "refused", "untrusted"]);

export class Notifications {
  /** Of the last ten minutes: with the burst's limit, thirty at most. */
  readonly #toldAt = new Map<string, number>();
  #recent: number[] = [];

  /** What to tell now. `now`: monotonic ms; `visible`: the window is on the screen. */
  changed(before: AppState, after: AppState, now: number, visible: boolean): Notice[] {
    const words = wordsOf(chosenLanguage(after.settings.language, after.shell.languages));
    const events = [...serviceEvents(before, after, words), ...networkEvents(before, after, words)];
    if (visible || !after.settings.notifications) return [];
    return events.filter(({ key }) => this.#mayTell(key, now)).map(({ title, body }) => ({ title, body }));
  }

  #mayTell(key: string, now: number): boolean {
    for (const [told, at] of this.#toldAt) if (now - at >= SAME_MS) this.#toldAt.delete(told);
    if (this.#toldAt.has(key)) return false;
    this.#recent = this.#recent.filter((at) => now - at < BURST_MS);
    if (this.#recent.length >= BURST) return false;
    this.#recent.push(now);
    this.#toldAt.set(key, now);
    return true;
  }
}

function serviceEvents(before: AppState, after: AppState, words: Words): Event[] {
  const [was, is] = [before.service.state, after.service.state];
  // Only what was there can go away: at the start, the window and the tray say what is missing.
  if (AWAY.has(is) && (was === "running" || was === "restarting"))
    return [{ key: "service-away", title: words.notice.serviceAway, body: words.service[is] }];
  if (is === "running" && AWAY.has(was))
    return [{ key: "service-back", title: words.notice.serviceBack, body: "" }];
  return [];
}

function networkEvents(before: AppState, after: AppState, words: Words): Event[] {
  // The first snapshot is how things stand, not news.
  if (!before.snapshot || !after.snapshot) return [];
  const known = new Map(before.snapshot.networks.map((network) => [network.id, network]));
  return after.snapshot.networks.flatMap((network) => {
    const was = known.get(network.id);
    return was ? [...stateEvents(was, network, words), ...requestEvents(was, network, words)] : [];
  });
}

function stateEvents(was: Network, { id, name, state, detail }: Network, { notice }: Words): Event[] {
  // Off is what somebody wanted; connecting mends itself, or becomes one of the others.
  if (was.state === state || state === "off" || state === "connecting") return [];
  return [
    {
      key: `${state} ${id}`,
      title: fill(notice[state], { network: shortName(name) }),
      body: state === "connected" ? "" : detail,
    },
  ];
}

function requestEvents(was: Network, { name, requests }: Network, { notice }: Words): Event[] {
  const known = new Set(was.requests.map(({ id }) => id));
  return requests
    .filter(({ id }) => !known.has(id))
    .map((request) => ({
      key: `request ${request.id}`,
      title: fill(notice.request, { name: shortName(request.name), network: shortName(name) }),
      body: notice.requestHint,
    }));
}

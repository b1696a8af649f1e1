import { ENOBUFS } from "#edge/linux/constants.ts";
import { SystemError } from "#edge/linux/system-error.ts";
import type { AmtRelayEvent, OpenRelaySocket, RelaySocket } from "#ports/amt-relay.ts";
import type { Link } from "#ports/links.ts";
import type { Core } from "../core.ts";
import type { Timed } from "../scheduler.ts";
import type { RelaySettings } from "../store/relay-settings.ts";
import { relayAddresses, type RelayAddress } from "./relay-addresses.ts";
import { RelayVif } from "./relay-vif.ts";

/** What could not be opened is tried again, also where nothing tells that it would work now. */
const RETRY_MS = 10_000;

export interface RelayServiceOptions {
  readonly core: Core;
  /** But for the tunnel's own. */
  readonly links: () => readonly Link[];
  readonly open: OpenRelaySocket;
  readonly settings: () => RelaySettings;
}

/** This computer as an AMT relay, while that is wanted: follows the settings and this computer's addresses. */
export class RelayService implements Timed {
  state: "off" | "up" | "failed" = "off";
  /** One sentence for people. */
  detail = "";
  readonly #options: RelayServiceOptions;
  #vif: RelayVif | undefined;
  /** What the vif was opened with. */
  #opened = "";
  #releasing = false;
  #closed = false;
  #retryAt: number | undefined;

  constructor(options: RelayServiceOptions) {
    this.#options = options;
    options.core.scheduler.add(this);
  }

  get vif(): RelayVif | undefined {
    return this.#vif;
  }

  /** Settings or addresses may have changed. */
  refresh(): void {
    this.#retryAt = undefined;
    const { settings, links, core } = this.#options;
    const wanted = settings();
    if (!wanted.enabled) {
      this.#close();
      return this.#show("off", "");
    }
    const addresses = relayAddresses(wanted, links(), this.#vif?.addresses);
    const { maxGateways, gatewayBitsPerSecond, ...rest } = wanted;
    const key = JSON.stringify([rest, addresses]);
    if (this.#vif && key === this.#opened) return this.#vif.setLimits(maxGateways, gatewayBitsPerSecond);
    this.#close();
    if (this.#releasing || this.#closed) return; // its sockets are still in use: again when they are not
    if (addresses.length === 0) return this.#fail("This computer has no address for gateways to ask.");
    try {
      this.#vif = this.#open(wanted, addresses);
      this.#opened = key;
      this.#show("up", "");
      const shown = addresses.map(({ address }) => address).join(", ");
      core.log.write("info", "an AMT relay for others", { addresses: shown, port: wanted.port });
    } catch (error) {
      if (!(error instanceof SystemError)) throw error;
      this.#fail(`The relay's port cannot be opened: ${error.message}`);
    }
  }

  handleDatagrams(event: AmtRelayEvent, now: number): void {
    if (event.vif === this.#vif?.id) this.#vif.handleDatagrams(event, now);
  }

  pollTimeout(): number | undefined {
    return this.#retryAt;
  }

  handleTimeout(): void {
    this.refresh();
  }

  close(): void {
    this.#closed = true;
    this.#options.core.scheduler.remove(this);
    this.#close();
  }

  #open(settings: RelaySettings, addresses: readonly RelayAddress[]): RelayVif {
    const { core, open } = this.#options;
    const sockets: RelaySocket[] = [];
    try {
      for (const { address } of addresses)
        sockets.push(open({ address, port: settings.port, interfaceName: settings.interface ?? undefined }));
      const id = core.takeVifId();
      if (id === undefined) throw new SystemError("an interface for the relay", ENOBUFS);
      return new RelayVif({ core, id, sockets, addresses, settings, released: () => this.#released() });
    } catch (error) {
      for (const socket of sockets) socket.close();
      throw error;
    }
  }

  #close(): void {
    if (!this.#vif) return;
    this.#releasing = true;
    this.#vif.close();
    this.#vif = undefined;
  }

  #released(): void {
    this.#releasing = false;
    if (!this.#closed) this.refresh();
  }

  #fail(detail: string): void {
    const { core } = this.#options;
    if (this.detail !== detail) core.log.write("warn", "the AMT relay does not work", { reason: detail });
    this.#show("failed", detail);
    this.#retryAt = core.clock.now() + RETRY_MS;
  }

  #show(state: RelayService["state"], detail: string): void {
    if (state === this.state && detail === this.detail) return;
    this.state = state;
    this.detail = detail;
    this.#options.core.changed();
  }
}

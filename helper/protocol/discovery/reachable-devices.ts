import type { Address } from "#wire/address.ts";
import type { SsdpDevice } from "#wire/control-discovery.ts";
import { movedLocation } from "#wire/ssdp-message.ts";
import type { ProxyOptions } from "./proxy-options.ts";
import { deviceOf } from "./ssdp-device.ts";

/** Devices with the address at which they are reached on the other side of the tunnel; undefined: they are not. */
export class ReachableDevices {
  readonly #options: ProxyOptions;
  /** Devices that could be found and not used. */
  unreachable = 0;

  constructor(options: ProxyOptions) {
    this.#options = options;
  }

  exported(network: string, found: SsdpDevice): SsdpDevice | undefined {
    return this.#moved(found, (address) => this.#options.exportAddress(network, address));
  }

  imported(network: string, told: SsdpDevice): SsdpDevice | undefined {
    return this.#moved(told, (address) => this.#options.importAddress(network, address));
  }

  #moved(device: SsdpDevice, translate: (address: Address) => Address | undefined): SsdpDevice | undefined {
    const location = movedLocation(device.location, translate);
    if (location === undefined) this.unreachable++;
    return location === undefined ? undefined : { ...deviceOf(device), location };
  }
}

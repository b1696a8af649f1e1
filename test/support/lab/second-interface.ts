// A laptop with a cable and Wi-Fi: the second interface is in another site, and its routes are worse.
import type { Lab } from "#test/support/lab.ts";
import { addressLines } from "./cabling.ts";
import { ipBatch } from "./namespaces.ts";
import { hostAddresses } from "./topology.ts";

const WIFI = "wlan0";
const WIFI_METRIC = 600; // NetworkManager's
const NUMBER = 60;

export class SecondInterface {
  readonly #lab: Lab;
  readonly #host: string;
  /** The site that the cable leads to. */
  readonly #cableSite: string;

  private constructor(lab: Lab, host: string, cableSite: string) {
    this.#lab = lab;
    this.#host = host;
    this.#cableSite = cableSite;
  }

  static async add(lab: Lab, host: string, cableSite: string, wifiSite: string): Promise<SecondInterface> {
    const site = lab.site(wifiSite);
    const router = lab.host(site.router).namespace;
    const port = `p-${host}-wifi`;
    await ipBatch(lab.host(host).namespace, [`link add ${WIFI} type veth peer name ${port} netns ${router}`]);
    await ipBatch(router, [`link set ${port} master br-lan up`]);
    const { address4, address6 } = hostAddresses(site, NUMBER);
    await ipBatch(lab.host(host).namespace, [
      `link set ${WIFI} up`,
      `addr add ${address4}/24 dev ${WIFI} metric ${WIFI_METRIC}`,
      `addr add ${address6}/64 dev ${WIFI} nodad`,
      `route add default via ${site.lan4}.1 dev ${WIFI} metric ${WIFI_METRIC}`,
      `route add default via ${site.lan6}:1 dev ${WIFI} metric 2048`,
    ]);
    return new SecondInterface(lab, host, cableSite);
  }

  /** As a network manager does when the carrier goes. */
  async unplugCable(): Promise<void> {
    const { namespace, interfaceName } = this.#lab.host(this.#host);
    await ipBatch(namespace, [`link set ${interfaceName} down`, `addr flush dev ${interfaceName}`]);
  }

  async plugCable(): Promise<void> {
    const { namespace, interfaceName } = this.#lab.host(this.#host);
    await ipBatch(namespace, [
      `link set ${interfaceName} up`,
      ...addressLines(this.#lab.site(this.#cableSite), interfaceName, NUMBER + 1),
    ]);
  }
}

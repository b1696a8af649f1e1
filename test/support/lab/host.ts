import { Machine } from "#test/support/machine.ts";

/** One machine of the lab: a namespace, and the processes that were started in it. */
export class LabHost extends Machine {
  readonly namespace: string;
  /** The interface that faces the host's own network: "lan" at home, "wan" on the laptops. */
  readonly interfaceName: string;
  /** As the lab last set them. */
  address4: string;
  address6: string;

  constructor(
    name: string,
    namespace: string,
    place: { readonly interfaceName: string; readonly address4: string; readonly address6: string },
  ) {
    super(name, ["ip", "netns", "exec", namespace]);
    this.namespace = namespace;
    this.interfaceName = place.interfaceName;
    this.address4 = place.address4;
    this.address6 = place.address6;
  }
}

// Is a port of the router open to this computer, and who opened it?
import { doubleNatWarning, mappingView } from "../view/reach-view.ts";
import { ok, warn, type Topic } from "./topic.ts";

export const portMapping: Topic = {
  id: "port-mapping",
  title: "the router's port",
  examine: ({
    engine: {
      ways: { mapping },
      networks,
      datagrams,
    },
  }) => {
    const { state, detail } = mappingView(mapping.state);
    const name = "port mapping";
    if (!networks.hosted?.enabled) return [];
    if (state === "off") return [ok(name, "Not asked for (castaway reach --port-mapping on).")];
    const double = doubleNatWarning(mapping);
    if (double?.remedy) return [warn(name, double.message, double.remedy)];
    if (state === "none")
      return [
        warn(
          name,
          detail,
          `If members cannot connect: forward UDP and TCP port ${datagrams.port} to this computer on the router.`,
        ),
      ];
    if (state === "asking") return [warn(name, detail, "Ask again in some seconds: castaway doctor")];
    return [ok(name, detail)];
  },
};

import { networkFingerprint } from "#contract/fingerprint.ts";
import { networkId, networkIdText } from "#protocol/addressing/network-id.ts";
import type { DaemonApi } from "../control/daemon-api.ts";
import type { HandlerParts } from "./handler-parts.ts";

/** What others write into their peers files. */
export function keyHandlers({ engine, keeper }: HandlerParts): Pick<DaemonApi, "key.show"> {
  return {
    "key.show": async () => {
      const { publicKey } = keeper.state.machine;
      const { address6, address4 } = engine.networks.byFile.own;
      return {
        publicKey: publicKey.toBase64(),
        fingerprint: networkFingerprint(networkIdText(networkId(publicKey))),
        hostname: engine.hostname,
        port: engine.datagrams.port,
        addresses: [address6, address4],
        peersFile: engine.peersFile?.path ?? "",
        peers: engine.peersFile?.config?.peers.length ?? 0,
      };
    },
  };
}

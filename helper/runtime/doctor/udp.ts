import { ok, warn, type Topic } from "./topic.ts";

/** Bytes of the receive queue below which bursts are lost; the kernel doubles what is asked for. */
const GOOD_BUFFER = 4 << 20;

export const udp: Topic = {
  id: "udp",
  title: "the UDP socket",
  examine: ({ engine: { datagrams } }) => {
    const message = `UDP port ${datagrams.port}, with room for ${Math.round(datagrams.receiveBuffer / 1024)} KiB.`;
    if (datagrams.receiveBuffer >= GOOD_BUFFER) return [ok("udp", message)];
    return [
      warn(
        "udp",
        `${message} Bursts may be lost.`,
        "Start the service with CAP_NET_ADMIN, or: sysctl -w net.core.rmem_max=8388608",
      ),
    ];
  },
};

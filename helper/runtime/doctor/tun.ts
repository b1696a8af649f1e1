import { ok, warn, type Topic } from "./topic.ts";

export const tun: Topic = {
  id: "tun",
  title: "the tunnel's interface",
  examine: ({ engine: { tun } }) =>
    tun.name === undefined
      ? [
          warn(
            "privileges",
            "The service runs without privileges. Missing: an interface of the tunnel (this computer's addresses in " +
              "its networks, programs that merely join a group) and shared LANs. What socket vifs send has this " +
              "computer's own source address.",
            "Start it as root: sudo castaway daemon, or its systemd unit",
          ),
        ]
      : [ok("tun", `The tunnel's interface is ${tun.name}, MTU ${tun.mtu}.`)],
};

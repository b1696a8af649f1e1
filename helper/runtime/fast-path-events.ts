import type { FastPathEvent } from "#ports/fast-path.ts";
import type { RelayService } from "./amt/relay-service.ts";
import type { AnnouncementListener } from "./discovery/announcement-listener.ts";
import { AmtTunnel } from "./amt/tunnel.ts";
import type { Core } from "./core.ts";
import type { LanBeacons } from "./lan-beacons.ts";
import type { Networks } from "./networks.ts";
import type { SocketVifs } from "./socket-vifs.ts";
import type { Tunnels } from "./tunnels/tunnels.ts";
import type { Ways } from "./ways.ts";

/** Whom the fast path's events concern. */
export interface EventParts {
  readonly core: Core;
  readonly sockets: SocketVifs;
  readonly tunnels: Tunnels;
  readonly announcements: AnnouncementListener;
  readonly networks: Networks;
  readonly ways: Ways;
  readonly beacons: LanBeacons;
  readonly amtRelay: RelayService;
}

/** Gives an event to whom it concerns. False: it changes nothing that a turn would look at. */
export function handleFastPathEvent(event: FastPathEvent, parts: EventParts): boolean {
  const { core, sockets, announcements, networks, ways, beacons } = parts;
  const now = core.clock.now();
  switch (event.type) {
    case "packet-out":
      if (event.vif === announcements.vif) announcements.packetOut(event.packet, now);
      else if (!parts.tunnels.packetOut(event.vif, event.packet, now))
        sockets.get(event.vif)?.packetOut(event.packet, now);
      return false;
    case "membership-packet":
      core.vifs.get(event.vif)?.membershipPacket(event.packet, event.own, now);
      return true;
    case "datagram":
      if (ways.dht.handleDatagram(event.data, event.from)) return true;
      if (!ways.reach.handleDatagram(event.data, event.from, now))
        ways.transport.handleDatagram(event.data, event.from, now);
      return true;
    case "amt-message": {
      const vif = core.vifs.get(event.vif);
      if (vif instanceof AmtTunnel) vif.message(event.data, event.from, now);
      return true;
    }
    case "control":
      core.vifs.get(event.vif)?.control(event.message, now);
      return true;
    case "peer-moved":
      networks.peerOf(event.vif)?.session.handlePeerMoved(event.endpoint, now);
      return true;
    case "peer-active":
      networks.peerOf(event.vif)?.active(now);
      return true;
    case "datagram-too-big":
      networks.peerOf(event.vif)?.session.handleTooBig(event.bytes, now);
      return true;
    case "peer-keys-confirmed":
      networks.peerOf(event.vif)?.session.handleKeysConfirmed(event.localIndex, now);
      return true;
    case "stream-authenticated":
    case "stream-closed":
    case "stream-removed":
      ways.streaming.streams.handle(event);
      return true;
    case "beacon":
      beacons.handle(event.vif, event.from, event.data, now);
      return true;
    case "vif-failed":
      core.vifs.get(event.vif)?.failed(event.errno);
      beacons.refresh(); // a LAN may be gone, or have been opened anew
      return true;
    case "vif-removed":
      core.vifRemoved(event.vif);
      ways.streaming.streams.vifRemoved(event.vif);
      return true;
    case "amt-relay-datagrams":
      parts.amtRelay.handleDatagrams(event, now);
      return true;
    case "ready":
    case "stopped":
      return false;
  }
}

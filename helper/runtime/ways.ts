// How this computer and the other members reach each other: the transport's socket and its streams, the sessions' frames
// over both, a port that the router maps, and who introduces those whom no address leads to.
import { keyPair, type KeyPair } from "#noise/x25519.ts";
import type { Datagrams } from "#ports/datagrams.ts";
import type { Endpoint } from "#ports/endpoint.ts";
import type { Links } from "#ports/links.ts";
import { mappingNonce } from "#protocol/addressing/network-id.ts";
import type { Core } from "./core.ts";
import { DhtWay } from "./dht/dht-way.ts";
import type { EnginePorts } from "./engine-ports.ts";
import type { Networks } from "./networks.ts";
import { ownEndpoints } from "./own-endpoints.ts";
import { PathKinds } from "./reach/path-kinds.ts";
import { PortMapping } from "./reach/port-mapping.ts";
import { Reach } from "./reach/reach.ts";
import { resolveCandidates } from "./resolve-candidates.ts";
import type { StateKeeper } from "./state-keeper.ts";
import { Streaming } from "./streams/streaming.ts";
import { Transport } from "./transport.ts";

export interface WaysOptions {
  readonly core: Core;
  readonly keeper: StateKeeper;
  readonly ports: EnginePorts;
  /** The transport's socket, which the fast path has. */
  readonly datagrams: Datagrams;
  readonly links: Links;
  /** Name of our TUN device. */
  readonly tun: string | undefined;
  /** Makes the networks, whose sessions go by these ways. */
  readonly networks: (ways: Ways) => Networks;
}

export class Ways {
  /** How the endpoints in use were found. */
  readonly paths = new PathKinds();
  readonly local: KeyPair;
  readonly transport: Transport;
  readonly streaming: Streaming;
  readonly mapping: PortMapping;
  readonly networks: Networks;
  readonly reach: Reach;
  readonly dht: DhtWay;
  readonly #options: WaysOptions;

  constructor(options: WaysOptions) {
    this.#options = options;
    const { core, keeper, ports, datagrams, links } = options;
    const { clock, entropy, log } = core;
    const { privateKey } = keeper.state.machine;
    this.local = keyPair(privateKey);
    this.transport = new Transport({
      localStatic: this.local,
      hasAes: ports.hasAes,
      entropy,
      clock,
      authorize: (request) => this.networks.authorize(request),
      ownerOf: (publicKey, caller) => this.networks.ownerOf(publicKey, caller),
      accepted: (accepted, now) => this.networks.accepted(accepted, now),
      send: (to, data) => {
        if (to.stream === undefined) ports.sendDatagram(datagrams, to, data);
        else this.streaming.streams.send(to.stream, data);
      },
      sendInOrder: (to, data) => {
        if (to.stream === undefined) core.fastPath.send({ type: "datagram-send", to, data });
        else this.streaming.streams.send(to.stream, data);
      },
      openStream: (target, signal) => this.streaming.caller.open(target, signal),
      closeStream: (stream) => this.streaming.streams.remove(stream),
    });
    this.streaming = new Streaming({
      core,
      sockets: ports.streamSockets,
      paths: this.paths,
      port: datagrams.port,
      machineKey: privateKey,
      environment: process.env,
      settings: () => keeper.state.settings.reach,
      hosting: () => this.networks.isCalled,
      closed: (stream) => {
        this.networks.streamClosed(stream, clock.now());
        this.reach.streamClosed(stream);
      },
    });
    this.mapping = new PortMapping({
      core,
      open: ports.openRouterLink,
      links: () => links.list(),
      port: datagrams.port,
      nonce: mappingNonce(privateKey),
      enabled: () => keeper.state.settings.reach.portMapping,
      hosting: () => this.networks.isCalled,
      changed: () => this.networks.candidatesChanged(),
    });
    this.networks = options.networks(this);
    this.reach = new Reach({
      core,
      local: this.local,
      networks: this.networks,
      paths: this.paths,
      settings: () => keeper.state.settings.reach,
      resolve: (candidates) => resolveCandidates(candidates, log),
      send: (to, data) => this.transport.send(to, data),
      streams: {
        open: ({ host, port }, signal) =>
          this.streaming.caller.open({ kind: "tcp", host, port, proxied: false }, signal),
        close: (stream) => this.streaming.streams.remove(stream),
      },
      ownEndpoints: () => [
        ...this.#own().map((endpoint) => ({ ...endpoint, kind: "own" as const })),
        ...this.#mapped().map((endpoint) => ({ ...endpoint, kind: "mapped" as const })),
      ],
      saidEndpoints: () => keeper.state.settings.endpoints,
    });
    this.dht = new DhtWay({
      core,
      networks: this.networks,
      reach: this.reach,
      streams: this.streaming.streams,
      privateKey,
      settings: () => keeper.state.settings.reach,
      ports,
      sendDatagram: (to, data) => ports.sendDatagram(datagrams, to, data),
    });
  }

  /** Where others may reach this computer, the likeliest first. */
  ownEndpoints(): Endpoint[] {
    return [...this.#mapped(), ...this.#own()];
  }

  /** The router maps another endpoint, or none any more. */
  noteMapped(endpoint: Endpoint | undefined, before: Endpoint | undefined): void {
    if (before && this.paths.of(before) === "mapped") this.paths.forget(before);
    if (endpoint) this.paths.note(endpoint, "mapped");
  }

  /** Settings, networks or interfaces have changed. */
  refresh(): void {
    this.mapping.refresh();
    this.streaming.refresh();
    this.reach.refresh();
    this.dht.settingsChanged();
  }

  /** The way to everybody may be another one now. */
  handleNetworkChanged(now: number): void {
    this.mapping.refresh(true);
    this.networks.handleNetworkChanged(now);
    this.reach.handleNetworkChanged(now);
  }

  #own(): Endpoint[] {
    const { links, tun, datagrams } = this.#options;
    return ownEndpoints(links.list(), tun, datagrams.port);
  }

  #mapped(): Endpoint[] {
    return this.mapping.endpoint ? [this.mapping.endpoint] : [];
  }
}

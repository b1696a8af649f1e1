import type { Endpoint } from "#ports/endpoint.ts";
import type { HttpAnswer, HttpRequest } from "#ports/router-link.ts";
import { DecodeError } from "#wire/cursor.ts";
import {
  decodeDescription,
  decodeIgdAnswer,
  encodeAddPortMapping,
  encodeDeletePortMapping,
  encodeGetExternalAddress,
  externalAddressOf,
  IGD_DEVICES,
  UPNP_ERRORS,
  type IgdCall,
  type IgdService,
} from "#wire/igd.ts";
import type { MappedProtocol } from "#wire/pcp.ts";
import { decodeSearchAnswer, encodeSearch, SSDP_GROUP, SSDP_PORT } from "#wire/ssdp.ts";
import {
  LEASE,
  renewalAt,
  type Mapping,
  type MappingCommand,
  type Mappings,
  type MappingTarget,
} from "./port-mapping-types.ts";

type Step = "search" | "describe" | "address" | MappedProtocol;

/** The question is asked so often, so far apart; the answers come spread over one second. */
const SEARCHES = 3;
const SEARCH_WAIT = 1_000;
/** For each answer by HTTP. */
export const HTTP_TIMEOUT = 5_000;
/** Outside ports that are tried, where others have them. */
const PORTS_TRIED = 4;
const DESCRIPTION = "Castaway";

/**
 * UPnP's Internet Gateway Device (versions 1 and 2): search, description, the outside address, then UDP's and TCP's
 * port. Only the router itself is listened to and called: never a device that merely says it were one.
 */
export class IgdMapper {
  readonly #target: MappingTarget;
  readonly #mappings = new Map<MappedProtocol, Mapping>();
  readonly #commands: MappingCommand[] = [];
  #step: Step | undefined = "search";
  #attempts = 0;
  #nextAt: number | undefined;
  #failure: string | undefined;
  /** Of the call whose answer is awaited. */
  #waitsFor: number | undefined;
  #calls = 0;
  #place: { readonly port: number; readonly path: string } | undefined;
  #services: readonly IgdService[] = [];
  #address: string | undefined;
  #ports = { udp: 0, tcp: 0 };
  #tried = 0;
  #leaving: MappedProtocol[] | undefined;
  dropped = 0;

  constructor(target: MappingTarget, now: number) {
    this.#target = target;
    this.#nextAt = now;
  }

  get mappings(): Mappings {
    return this.#mappings;
  }
  /** In words of UPnP, or "no-answer". */
  get failure(): string | undefined {
    return this.#failure;
  }
  get released(): boolean {
    return this.#leaving !== undefined && this.#nextAt === undefined;
  }

  nextCommand(): MappingCommand | undefined {
    return this.#commands.shift();
  }

  pollTimeout(): number | undefined {
    return this.#nextAt;
  }

  handleTimeout(now: number): void {
    if (this.#nextAt === undefined || now < this.#nextAt) return;
    if (this.#leaving) return this.#takeBack(now); // the one before was not answered
    if (this.#step === undefined) return this.#askAddress(now); // renewal
    if (this.#step === "search" && this.#attempts < SEARCHES) return this.#search(now);
    this.#fail("no-answer");
  }

  refresh(now: number): void {
    if (!this.#leaving && this.#failure === undefined && this.#step === undefined) this.#nextAt = now;
  }

  release(now: number): void {
    if (this.#leaving) return;
    // The router may have heard what it has not answered yet.
    const asked = this.#step === "udp" || this.#step === "tcp" ? [this.#step] : [];
    this.#leaving = [...new Set([...this.#mappings.keys(), ...asked])];
    this.#step = undefined;
    this.#mappings.clear();
    this.#takeBack(now);
  }

  /** An answer to a search; to the socket that asked. */
  handleDatagram(data: Uint8Array, from: Endpoint, now: number): void {
    if (this.#step !== "search" || from.address !== this.#target.gateway) return;
    try {
      const { target, location } = decodeSearchAnswer(data);
      if (!IGD_DEVICES.some((device) => device === target)) return;
      this.#place = this.#placeOf(location);
      this.#step = "describe";
      this.#call({ method: "GET", ...this.#place }, now);
    } catch (error) {
      this.#note(error);
    }
  }

  /** `answer`: undefined where there is none. */
  handleHttp(id: number, answer: HttpAnswer | undefined, now: number): void {
    if (id !== this.#waitsFor) return;
    this.#waitsFor = undefined;
    if (this.#leaving) return this.#takeBack(now);
    if (!answer) return this.#fail("no-answer");
    try {
      switch (this.#step) {
        case "describe":
          return this.#described(answer, now);
        case "address":
          return this.#addressed(answer, now);
        case "udp":
        case "tcp":
          return this.#added(this.#step, answer, now);
      }
    } catch (error) {
      this.#note(error);
      this.#nextService("malformed", now);
    }
  }

  #search(now: number): void {
    const group: Endpoint = { address: SSDP_GROUP, port: SSDP_PORT };
    for (const to of [group, { ...group, address: this.#target.gateway }])
      for (const device of IGD_DEVICES)
        this.#commands.push({ type: "datagram", to, data: encodeSearch(device, 1) });
    this.#attempts++;
    this.#nextAt = now + SEARCH_WAIT;
  }

  #described({ status, body }: HttpAnswer, now: number): void {
    if (status !== 200) throw new DecodeError("HTTP status", status, 200);
    this.#services = decodeDescription(body);
    if (this.#services.length === 0) return this.#fail("no-such-service");
    this.#askAddress(now);
  }

  #askAddress(now: number): void {
    this.#step = "address";
    this.#ask(encodeGetExternalAddress, now);
  }

  #addressed({ status, body }: HttpAnswer, now: number): void {
    const answer = decodeIgdAnswer(status, body);
    this.#address = answer.ok ? externalAddressOf(answer.values) : undefined;
    if (this.#address === undefined) return this.#nextService("network-failure", now);
    this.#tried = 0;
    this.#step = "udp";
    this.#add("udp", this.#mappings.get("udp")?.external.port ?? this.#target.port, now);
  }

  #add(protocol: MappedProtocol, externalPort: number, now: number): void {
    const { client: internalClient, port: internalPort } = this.#target;
    this.#ports = { ...this.#ports, [protocol]: externalPort };
    const mapping = { protocol, externalPort, internalClient, internalPort };
    this.#ask(
      (service) =>
        encodeAddPortMapping(service, { ...mapping, description: DESCRIPTION, leaseS: LEASE / 1_000 }),
      now,
    );
  }

  #added(protocol: MappedProtocol, { status, body }: HttpAnswer, now: number): void {
    const answer = decodeIgdAnswer(status, body);
    if (answer.ok) {
      const external = { address: this.#address!, port: this.#ports[protocol] };
      this.#mappings.set(protocol, { external, expiresAt: now + LEASE });
    } else if (protocol === "udp") {
      const taken = answer.code === UPNP_ERRORS.conflict || answer.code === UPNP_ERRORS.conflictWithOther;
      if (taken && ++this.#tried < PORTS_TRIED)
        return this.#add("udp", anotherPort(this.#target.port, this.#tried), now);
      // For ever is what nobody takes back after a crash.
      return this.#nextService(
        answer.code === UPNP_ERRORS.permanentOnly
          ? "permanent-only"
          : `${answer.code} ${answer.reason}`.trim(),
        now,
      );
    }
    if (protocol === "udp") {
      this.#step = "tcp";
      return this.#add("tcp", this.#ports.udp, now); // where UDP is, so that one endpoint says both
    }
    this.#step = undefined;
    this.#nextAt = renewalAt(now, LEASE);
  }

  /** A router may have a connection that it does not use. */
  #nextService(reason: string, now: number): void {
    this.#services = this.#services.slice(1);
    if (this.#services.length === 0 || this.#step === "describe") this.#fail(reason);
    else this.#askAddress(now);
  }

  #takeBack(now: number): void {
    const protocol = this.#leaving!.shift();
    if (protocol === undefined) {
      this.#waitsFor = undefined;
      this.#nextAt = undefined;
      return;
    }
    const externalPort = this.#ports[protocol];
    this.#ask((service) => encodeDeletePortMapping(service, { protocol, externalPort }), now);
  }

  #ask(encode: (service: IgdService) => IgdCall, now: number): void {
    const service = this.#services[0]!;
    try {
      this.#call({ method: "POST", ...this.#placeOf(service.controlUrl), ...encode(service) }, now);
    } catch (error) {
      this.#note(error);
      if (this.#leaving) this.#nextAt = now;
      else this.#nextService("malformed", now);
    }
  }

  #call(request: HttpRequest, now: number): void {
    const id = ++this.#calls;
    this.#waitsFor = id;
    this.#commands.push({ type: "http", id, request });
    this.#nextAt = now + HTTP_TIMEOUT;
  }

  /** Of a URL, or of a path beside the description's. Throws DecodeError where it leads anywhere but to the router. */
  #placeOf(url: string): { port: number; path: string } {
    const { gateway } = this.#target;
    const base = this.#place ? `http://${gateway}:${this.#place.port}${this.#place.path}` : undefined;
    const parsed = URL.parse(url, base);
    if (parsed?.protocol !== "http:" || parsed.hostname !== gateway || parsed.username !== "")
      throw new DecodeError("URL", url.slice(0, 64), `http://${gateway}`);
    return { port: parsed.port === "" ? 80 : Number(parsed.port), path: parsed.pathname + parsed.search };
  }

  #fail(reason: string): void {
    this.#failure = reason;
    this.#step = undefined;
    this.#nextAt = undefined;
    this.#waitsFor = undefined;
    this.#mappings.clear();
  }

  #note(error: unknown): void {
    if (!(error instanceof DecodeError)) throw error;
    this.dropped++;
  }
}

/** Not a random one, so that the next start finds its own again. */
function anotherPort(port: number, attempt: number): number {
  return 1_024 + ((port - 1_024 + attempt * 7_919 + 64_512) % 64_512);
}

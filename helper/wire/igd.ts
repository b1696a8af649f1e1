// UPnP Internet Gateway Device: the device's description, and the calls that map ports (WANIPConnection 1 and 2,
// WANPPPConnection 1) in SOAP 1.1.
import { canonicalAddress, type Address } from "#wire/address.ts";
import { DecodeError } from "#wire/cursor.ts";
import type { MappedProtocol } from "#wire/pcp.ts";
import { childText, decodeXml, elementsOf } from "#wire/xml-elements.ts";

export const IGD_DEVICES = [
  "urn:schemas-upnp-org:device:InternetGatewayDevice:1",
  "urn:schemas-upnp-org:device:InternetGatewayDevice:2",
] as const;

/** In the order in which they are tried. */
const CONNECTIONS = [
  "urn:schemas-upnp-org:service:WANIPConnection:2",
  "urn:schemas-upnp-org:service:WANIPConnection:1",
  "urn:schemas-upnp-org:service:WANPPPConnection:1",
];
/** Services of a description that are tried. */
const MAX_SERVICES = 4;

export interface IgdService {
  readonly type: string;
  /** A path, or a URL. */
  readonly controlUrl: string;
}

/** WANIPConnection:1 table 24 and WANIPConnection:2 section 2.5: what AddPortMapping answers. */
export const UPNP_ERRORS = {
  conflict: 718,
  permanentOnly: 725,
  conflictWithOther: 729,
} as const;

export type IgdAnswer =
  | { readonly ok: true; readonly values: ReadonlyMap<string, string> }
  | { readonly ok: false; readonly code: number; readonly reason: string };

/** The services that map ports, the best one first. Throws DecodeError. */
export function decodeDescription(document: string): IgdService[] {
  const services = elementsOf(decodeXml(document), "service").flatMap((service): IgdService[] => {
    const type = childText(service, "serviceType") ?? "";
    const controlUrl = childText(service, "controlURL") ?? "";
    return CONNECTIONS.includes(type) && controlUrl !== "" ? [{ type, controlUrl }] : [];
  });
  return services
    .sort((a, b) => CONNECTIONS.indexOf(a.type) - CONNECTIONS.indexOf(b.type))
    .slice(0, MAX_SERVICES);
}

export interface PortMappingArguments {
  readonly protocol: MappedProtocol;
  readonly externalPort: number;
}
export interface NewPortMapping extends PortMappingArguments {
  readonly internalClient: Address;
  readonly internalPort: number;
  readonly description: string;
  readonly leaseS: number;
}

/** A call: the value of the SOAPAction header, and the body. */
export interface IgdCall {
  readonly action: string;
  readonly body: string;
}

export function encodeGetExternalAddress(service: IgdService): IgdCall {
  return call(service, "GetExternalIPAddress", []);
}

export function encodeAddPortMapping(service: IgdService, mapping: NewPortMapping): IgdCall {
  return call(service, "AddPortMapping", [
    ...keyOf(mapping),
    ["NewInternalPort", mapping.internalPort],
    ["NewInternalClient", mapping.internalClient],
    ["NewEnabled", 1],
    ["NewPortMappingDescription", mapping.description],
    ["NewLeaseDuration", mapping.leaseS],
  ]);
}

export function encodeDeletePortMapping(service: IgdService, mapping: PortMappingArguments): IgdCall {
  return call(service, "DeletePortMapping", keyOf(mapping));
}

/** `status`: of HTTP. Throws DecodeError. */
export function decodeIgdAnswer(status: number, body: string): IgdAnswer {
  const root = decodeXml(body);
  const [fault] = elementsOf(root, "UPnPError");
  if (fault) {
    const code = childText(fault, "errorCode") ?? "";
    if (!/^\d{1,5}$/.test(code)) throw new DecodeError("UPnP error code", code.slice(0, 16), "a number");
    return {
      ok: false,
      code: Number(code),
      reason: (childText(fault, "errorDescription") ?? "").slice(0, 80),
    };
  }
  if (status !== 200) throw new DecodeError("HTTP status", status, 200);
  const [answer] = elementsOf(root, "Body")[0]?.children ?? [];
  if (!answer?.name.endsWith("Response"))
    throw new DecodeError("SOAP answer", (answer?.name ?? "nothing").slice(0, 32), "a response");
  return { ok: true, values: new Map(answer.children.map((child) => [child.name, child.text])) };
}

/** undefined: the router has no address. Throws DecodeError. */
export function externalAddressOf(values: ReadonlyMap<string, string>): Address | undefined {
  const text = values.get("NewExternalIPAddress") ?? "";
  if (text === "" || text === "0.0.0.0") return undefined;
  const address = canonicalAddress(text);
  if (address === undefined || address.includes(":"))
    throw new DecodeError("external address", text.slice(0, 45), "an IPv4 address");
  return address;
}

function keyOf({ protocol, externalPort }: PortMappingArguments): [string, string | number][] {
  return [
    ["NewRemoteHost", ""],
    ["NewExternalPort", externalPort],
    ["NewProtocol", protocol.toUpperCase()],
  ];
}

/** All values are ours or numbers; the description is the one text, and holds nothing that XML would read. */
function call(service: IgdService, name: string, values: readonly [string, string | number][]): IgdCall {
  const fields = values.map(([key, value]) => `<${key}>${value}</${key}>`).join("");
  return {
    action: `"${service.type}#${name}"`,
    body:
      `<?xml version="1.0"?>\r\n<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" ` +
      `s:encodingStyle="http://schemas.xmlsoap.org/soap/encoding/"><s:Body>` +
      `<u:${name} xmlns:u="${service.type}">${fields}</u:${name}></s:Body></s:Envelope>\r\n`,
  };
}

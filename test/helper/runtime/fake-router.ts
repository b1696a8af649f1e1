// A home router that opens ports by the three protocols, written down a second time: what it understands is read
// from the bytes, not by the codecs of the code under test.
import type { Endpoint } from "#ports/endpoint.ts";
import type { HttpAnswer, HttpRequest, RouterLink, RouterLinkEvents } from "#ports/router-link.ts";
import { addressText, type Address } from "#wire/address.ts";

export type Way = "pcp" | "nat-pmp" | "upnp";

interface Opened {
  readonly client: string;
  readonly internalPort: number;
  readonly lifetime: number;
  readonly nonce: string;
}

const PROTOCOLS: Readonly<Record<number, "tcp" | "udp">> = { 6: "tcp", 17: "udp" };
const CONTROL = "/ctl/IPConn";

export class FakeRouter {
  readonly address: Address;
  readonly ways: Set<Way>;
  external: Address = "203.0.113.5";
  epoch = 1_000;
  /** Outside ports that somebody else has. */
  readonly taken = new Set<number>();
  /** By "udp 42268", the outside port. */
  readonly opened = new Map<string, Opened>();
  /** PCP's and NAT-PMP's result code, and UPnP's error. */
  refuses: { readonly code: number; readonly upnp: number } | undefined;
  /** Requests so far, by way. */
  readonly asked: Record<Way, number> = { pcp: 0, "nat-pmp": 0, upnp: 0 };
  /** To who listens last. */
  announce: (data: Uint8Array, from: Endpoint) => void = () => {};
  description = descriptionXml(CONTROL);

  constructor(ways: readonly Way[], address: Address = "192.168.2.1") {
    this.ways = new Set(ways);
    this.address = address;
  }

  /** What it answers to a datagram. */
  datagram(from: Address, to: Endpoint, data: Uint8Array): { data: Uint8Array; from: Endpoint } | undefined {
    const bytes = Buffer.from(data);
    if (to.port === 5351 && to.address === this.address) {
      const reply =
        bytes[0] === 2 ? this.#pcp(from, bytes) : bytes[0] === 0 ? this.#natPmp(from, bytes) : undefined;
      return reply && { data: reply, from: { address: this.address, port: 5351 } };
    }
    if (to.port !== 1900 || !this.ways.has("upnp")) return undefined;
    const target = /^ST: (.*InternetGatewayDevice:1)\r$/m.exec(bytes.toString())?.[1];
    if (target === undefined) return undefined;
    const location = `http://${this.address}:5000/rootDesc.xml`;
    const text = `HTTP/1.1 200 OK\r\nST: ${target}\r\nLocation: ${location}\r\nEXT:\r\n\r\n`;
    return { data: Buffer.from(text), from: { address: this.address, port: 1900 } };
  }

  http({ port, path, action, body }: HttpRequest): HttpAnswer | undefined {
    if (port !== 5000 || !this.ways.has("upnp")) return undefined;
    this.asked.upnp++;
    if (path === "/rootDesc.xml") return { status: 200, body: this.description };
    if (path !== CONTROL || body === undefined) return { status: 404, body: "" };
    const name = /#(\w+)"$/.exec(action!)![1]!;
    const value = (field: string): string => new RegExp(`<New${field}>([^<]*)<`).exec(body)![1]!;
    if (name === "GetExternalIPAddress")
      return soap(name, `<NewExternalIPAddress>${this.external}</NewExternalIPAddress>`);
    const key = `${value("Protocol").toLowerCase()} ${value("ExternalPort")}`;
    if (name === "DeletePortMapping") return this.opened.delete(key) ? soap(name, "") : fault(714);
    if (this.refuses) return fault(this.refuses.upnp);
    if (this.taken.has(Number(value("ExternalPort")))) return fault(718);
    this.opened.set(key, {
      client: value("InternalClient"),
      internalPort: Number(value("InternalPort")),
      lifetime: Number(value("LeaseDuration")),
      nonce: "",
    });
    return soap(name, "");
  }

  #pcp(from: Address, bytes: Buffer): Buffer | undefined {
    if (!this.ways.has("pcp")) return undefined;
    this.asked.pcp++;
    const reply = Buffer.alloc(60);
    bytes.copy(reply);
    reply[1]! |= 0x80;
    reply.fill(0, 2, 24);
    reply.writeUInt32BE(this.epoch, 8);
    const result = (code: number): Buffer => {
      reply[3] = code;
      return reply;
    };
    if (this.refuses) return result(this.refuses.code);
    if (addressText(bytes.subarray(20, 24)) !== from) return result(12);
    const key = { protocol: PROTOCOLS[bytes[36]!]!, internalPort: bytes.readUInt16BE(40), from };
    const nonce = bytes.subarray(24, 36).toString("hex");
    const port = this.#open({
      ...key,
      wanted: bytes.readUInt16BE(42),
      lifetime: bytes.readUInt32BE(4),
      nonce,
    });
    if (port === undefined) return result(2);
    reply.writeUInt32BE(bytes.readUInt32BE(4), 4);
    reply.writeUInt16BE(port, 42);
    Buffer.from(mappedAddress(this.external)).copy(reply, 44);
    return result(0);
  }

  #natPmp(from: Address, bytes: Buffer): Buffer | undefined {
    if (!this.ways.has("nat-pmp")) return undefined;
    this.asked["nat-pmp"]++;
    const op = bytes[1]!;
    const reply = Buffer.alloc(op === 0 ? 12 : 16);
    reply[1] = 128 + op;
    reply.writeUInt32BE(this.epoch, 4);
    if (this.refuses) {
      reply.writeUInt16BE(this.refuses.code, 2);
      return reply;
    }
    if (op === 0) {
      Buffer.from(this.external.split(".").map(Number)).copy(reply, 8);
      return reply;
    }
    const protocol = op === 1 ? "udp" : "tcp";
    const internalPort = bytes.readUInt16BE(4);
    const lifetime = bytes.readUInt32BE(8);
    const port = this.#open({
      protocol,
      internalPort,
      from,
      wanted: bytes.readUInt16BE(6),
      lifetime,
      nonce: "",
    })!;
    reply.writeUInt16BE(internalPort, 8);
    reply.writeUInt16BE(port, 10);
    reply.writeUInt32BE(lifetime, 12);
    return reply;
  }

  /** The outside port; undefined: somebody else's mapping. */
  #open(request: {
    protocol: "tcp" | "udp";
    internalPort: number;
    from: Address;
    wanted: number;
    lifetime: number;
    nonce: string;
  }): number | undefined {
    const { protocol, internalPort, from, lifetime, nonce } = request;
    const known = [...this.opened].find(
      ([key, one]) => key.startsWith(protocol) && one.internalPort === internalPort && one.client === from,
    );
    if (known && known[1].nonce !== nonce) return undefined;
    let port = Number(known?.[0].split(" ")[1] ?? request.wanted);
    while (this.taken.has(port)) port++;
    if (lifetime === 0) this.opened.delete(`${protocol} ${port}`);
    else this.opened.set(`${protocol} ${port}`, { client: from, internalPort, lifetime, nonce });
    return port;
  }
}

/** The way to the router, with a moment of delay each way; undefined: there is nobody. */
export function openFakeRouterLink(
  router: FakeRouter | undefined,
  client: Address,
  { datagram, announcement }: RouterLinkEvents,
): RouterLink {
  let open = true;
  if (router) router.announce = (data, from) => open && announcement(data, from);
  return {
    send: (to, data) => {
      const reply = router?.datagram(client, to, data.slice());
      if (reply) setTimeout(() => open && datagram(reply.data, reply.from), 2);
    },
    request: async (_router, request) => {
      const answer = router?.http(request);
      await new Promise((resolve) => setTimeout(resolve, 2));
      return answer;
    },
    close: () => (open = false),
  };
}

export function descriptionXml(controlUrl: string): string {
  return `<?xml version="1.0"?>
<root xmlns="urn:schemas-upnp-org:device-1-0"><specVersion><major>1</major><minor>1</minor></specVersion>
<device><deviceType>urn:schemas-upnp-org:device:InternetGatewayDevice:1</deviceType><friendlyName>A &amp; B</friendlyName>
<serviceList><service><serviceType>urn:schemas-upnp-org:service:Layer3Forwarding:1</serviceType>
<controlURL>/ctl/L3F</controlURL></service></serviceList>
<deviceList><device><deviceList><device><serviceList>
<service><serviceType>urn:schemas-upnp-org:service:WANIPConnection:1</serviceType>
<serviceId>urn:upnp-org:serviceId:WANIPConn1</serviceId><SCPDURL>/WANIPCn.xml</SCPDURL>
<controlURL>${controlUrl}</controlURL><eventSubURL/></service>
</serviceList></device></deviceList></device></deviceList></device></root>`;
}

function soap(name: string, inside: string): HttpAnswer {
  const open = `<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>`;
  return {
    status: 200,
    body: `${open}<u:${name}Response xmlns:u="urn:x">${inside}</u:${name}Response></s:Body></s:Envelope>`,
  };
}

function fault(code: number): HttpAnswer {
  return {
    status: 500,
    body: `<s:Envelope xmlns:s="x"><s:Body><s:Fault><faultcode>s:Client</faultcode><detail><UPnPError xmlns="urn:schemas-upnp-org:control-1-0"><errorCode>${code}</errorCode><errorDescription>no</errorDescription></UPnPError></detail></s:Fault></s:Body></s:Envelope>`,
  };
}

function mappedAddress(address: Address): Uint8Array {
  const parts = address.includes(":") ? [] : address.split(".").map(Number);
  return Uint8Array.from([...Array<number>(10).fill(0), 255, 255, ...parts]);
}

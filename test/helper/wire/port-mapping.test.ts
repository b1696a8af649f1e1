import { describe, expect, test } from "vitest";
import { DecodeError } from "#wire/cursor.ts";
import { decodeDescription, decodeIgdAnswer, encodeAddPortMapping, externalAddressOf } from "#wire/igd.ts";
import { decodeNatPmp, encodeAddressRequest, encodeNatPmpMap, isNatPmpAnnouncement } from "#wire/nat-pmp.ts";
import { decodePcpMap, encodePcpMap, encodePcpMapResponse, isPcpAnnouncement } from "#wire/pcp.ts";
import { decodeSearchAnswer, encodeSearch } from "#wire/ssdp.ts";
import { decodeXml } from "#wire/xml-elements.ts";
import { descriptionXml } from "#test/helper/runtime/fake-router.ts";
import { corrupted, fromHex, toHex } from "./round-trip.ts";

const NONCE = fromHex("000102030405060708090a0b");

describe("PCP", () => {
  test("a request as RFC 6887 sections 7.1 and 11.1 draw it", () => {
    const request = encodePcpMap({
      client: "192.168.1.10",
      lifetime: 600,
      nonce: NONCE,
      protocol: "udp",
      internalPort: 42268,
      suggestedPort: 42268,
    });
    expect(toHex(request)).toBe(
      toHex(
        fromHex(`02 01 0000 00000258 00000000 00000000 0000ffff c0a8010a
                 00010203 04050607 08090a0b 11 000000 a51c a51c 00000000 00000000 0000ffff 00000000`),
      ),
    );
  });

  const answer = fromHex(`02 81 00 00 00000258 00001234 00000000 00000000 00000000
                          00010203 04050607 08090a0b 11 000000 a51c c001 00000000 00000000 0000ffff cb007105`);
  test("an answer", () => {
    const decoded = decodePcpMap(answer);
    expect(decoded).toEqual({
      result: "success",
      lifetime: 600,
      epoch: 0x1234,
      nonce: Uint8Array.from(NONCE),
      protocol: "udp",
      internalPort: 42268,
      externalPort: 49153,
      externalAddress: "203.0.113.5",
    });
    expect(toHex(encodePcpMapResponse(decoded))).toBe(toHex(answer));
  });

  test.each([
    ["another version", { 0: 1 }],
    ["a request", { 1: 1 }],
    ["another opcode", { 1: 0x82 }],
  ])("%s is refused", (_what, changes) => {
    expect(() => decodePcpMap(corrupted(answer, changes))).toThrow(DecodeError);
  });
  test("lengths that no message has are refused; results that nobody knows are unknown", () => {
    for (const length of [0, 1, 24, 56, 58])
      expect(() => decodePcpMap(answer.subarray(0, length))).toThrow(DecodeError);
    expect(() => decodePcpMap(new Uint8Array(1_104).fill(2))).toThrow(DecodeError);
    expect(decodePcpMap(corrupted(answer, { 3: 99 })).result).toBe("unknown");
    expect(decodePcpMap(corrupted(answer, { 36: 99 })).protocol).toBeUndefined();
  });
});

test("announcements of routers, and what is none", () => {
  const pcp = fromHex(`0280${"00".repeat(22)}`);
  expect(isPcpAnnouncement(pcp)).toBe(true);
  for (const changes of [{ 0: 1 }, { 1: 0 }, { 1: 0x81 }, { 3: 1 }])
    expect(isPcpAnnouncement(corrupted(pcp, changes))).toBe(false);
  expect(isPcpAnnouncement(pcp.subarray(0, 20))).toBe(false);
  expect(isNatPmpAnnouncement(fromHex("00 80 0000 00001234 cb007105"))).toBe(true);
  for (const hex of ["", "00 80 0003 00001234", "00 81 0000 00001234 a51c c001 00000258", "02"])
    expect(isNatPmpAnnouncement(fromHex(hex)), hex).toBe(false);
});

describe("NAT-PMP", () => {
  test("requests as RFC 6886 sections 3.2 and 3.3 draw them", () => {
    expect(toHex(encodeAddressRequest())).toBe("0000");
    const map = { protocol: "tcp", internalPort: 42268, suggestedPort: 42268, lifetime: 600 } as const;
    expect(toHex(encodeNatPmpMap(map))).toBe("00020000a51ca51c00000258");
  });
  test("answers", () => {
    expect(decodeNatPmp(fromHex("00 80 0000 00001234 cb007105"))).toEqual({
      kind: "address",
      result: "success",
      epoch: 0x1234,
      address: "203.0.113.5",
    });
    expect(decodeNatPmp(fromHex("00 81 0000 00001234 a51c c001 00000258"))).toEqual({
      kind: "mapping",
      result: "success",
      epoch: 0x1234,
      protocol: "udp",
      internalPort: 42268,
      externalPort: 49153,
      lifetime: 600,
    });
    // To a version that it does not know, with or without more behind it.
    expect(decodeNatPmp(fromHex("00 81 0001 00001234"))).toMatchObject({
      kind: "refusal",
      result: "unsupported-version",
    });
    expect(decodeNatPmp(fromHex("00 ff 0005 00001234 0000"))).toMatchObject({
      kind: "refusal",
      result: "unsupported-opcode",
    });
    expect(decodeNatPmp(fromHex("00 80 0003 00001234"))).toMatchObject({
      kind: "address",
      result: "network-failure",
    });
  });
  test.each([
    "",
    "00",
    "00 01 0000 00001234",
    "01 80 0000 00001234 cb007105",
    "00 80 0000 00001234 cb0071",
    "00 80 0000 00001234 cb00710506",
    "00 81 0000 00001234 a51c c001 0000",
    "00 85 0000 00001234 a51c c001 00000258",
  ])("%s is refused", (hex) => {
    expect(() => decodeNatPmp(fromHex(hex))).toThrow(DecodeError);
  });
});

const text = (value: string): Uint8Array => new TextEncoder().encode(value);

describe("SSDP", () => {
  test("a search as UDA 1.1 section 1.3.2 has it", () => {
    expect(new TextDecoder().decode(encodeSearch("urn:x", 1))).toBe(
      'M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: "ssdp:discover"\r\nMX: 1\r\nST: urn:x\r\n\r\n',
    );
  });
  test("answers; names of headers in any case", () => {
    const answer =
      "HTTP/1.1 200 OK\r\nCACHE-CONTROL: max-age=120\r\nst: urn:x\r\nLOCATION:http://192.168.1.1:5000/a\r\n\r\n";
    expect(decodeSearchAnswer(text(answer))).toEqual({
      target: "urn:x",
      location: "http://192.168.1.1:5000/a",
    });
  });
  test.each([
    ["nothing", ""],
    ["another status", "HTTP/1.1 404 Not\r\nST: a\r\nLOCATION: b\r\n\r\n"],
    ["an announcement", "NOTIFY * HTTP/1.1\r\nST: a\r\nLOCATION: b\r\n\r\n"],
    ["no location", "HTTP/1.1 200 OK\r\nST: a\r\n\r\n"],
    ["too many lines", `HTTP/1.1 200 OK\r\n${"a: b\r\n".repeat(64)}ST: a\r\nLOCATION: b\r\n\r\n`],
    ["too much", `HTTP/1.1 200 OK\r\nST: a\r\nLOCATION: ${"b".repeat(4_096)}\r\n\r\n`],
  ])("%s is refused", (_what, answer) => {
    expect(() => decodeSearchAnswer(text(answer))).toThrow(DecodeError);
  });
});

describe("XML of a device", () => {
  test("names without prefixes, own text, entities, CDATA, comments", () => {
    expect(
      decodeXml(
        "<?xml version='1.0'?><a:b x='>'.. y=\"1\"> t &lt;<!-- <c> --><c/><![CDATA[<&]]></a:b>".replace(
          "'>'..",
          "''",
        ),
      ),
    ).toEqual({
      name: "b",
      text: "t <<&",
      children: [{ name: "c", text: "", children: [] }],
    });
  });
  test.each([
    ["entities of its own", '<!DOCTYPE a [<!ENTITY b "bbbb">]><a>&b;</a>'],
    ["an element that is not closed", "<a><b></a>"],
    ["an end without a begin", "</a>"],
    ["two roots", "<a/><b/>"],
    ["nothing", ""],
    ["no name", "<a>< ></a>"],
    ["a tag without an end", "<a"],
    ["a comment without an end", "<a><!-- </a>"],
    ["too deep", "<a>".repeat(40) + "</a>".repeat(40)],
    ["too many elements", `<a>${"<b/>".repeat(5_000)}</a>`],
    ["too long", `<a>${" ".repeat(128 * 1024)}</a>`],
    ["a name without an end", `<${"a".repeat(200)}/>`],
  ])("%s is refused", (_what, document) => {
    expect(() => decodeXml(document)).toThrow(DecodeError);
  });
});

describe("IGD", () => {
  test("of a description, the services that map ports", () => {
    expect(decodeDescription(descriptionXml("/ctl/IPConn"))).toEqual([
      { type: "urn:schemas-upnp-org:service:WANIPConnection:1", controlUrl: "/ctl/IPConn" },
    ]);
    const services = (["WANPPPConnection:1", "WANIPConnection:2", "WANIPConnection:1"] as const).map(
      (name) =>
        `<service><serviceType>urn:schemas-upnp-org:service:${name}</serviceType><controlURL>/${name}</controlURL></service>`,
    );
    expect(decodeDescription(`<root>${services.join("").repeat(9)}</root>`)).toHaveLength(4);
    expect(decodeDescription(`<root>${services.join("")}</root>`).map((one) => one.controlUrl)).toEqual([
      "/WANIPConnection:2",
      "/WANIPConnection:1",
      "/WANPPPConnection:1",
    ]);
  });
  test("a call", () => {
    const service = { type: "urn:schemas-upnp-org:service:WANIPConnection:1", controlUrl: "/" };
    const { action, body } = encodeAddPortMapping(service, {
      protocol: "udp",
      externalPort: 5,
      internalPort: 6,
      internalClient: "192.168.1.10",
      description: "Castaway",
      leaseS: 600,
    });
    expect(action).toBe('"urn:schemas-upnp-org:service:WANIPConnection:1#AddPortMapping"');
    expect(
      decodeXml(body).children[0]!.children[0]!.children.map((one) => `${one.name}=${one.text}`),
    ).toEqual([
      "NewRemoteHost=",
      "NewExternalPort=5",
      "NewProtocol=UDP",
      "NewInternalPort=6",
      "NewInternalClient=192.168.1.10",
      "NewEnabled=1",
      "NewPortMappingDescription=Castaway",
      "NewLeaseDuration=600",
    ]);
  });
  test("answers, and errors with their code", () => {
    const body = (inside: string) => `<e:Envelope><e:Body>${inside}</e:Body></e:Envelope>`;
    const answer = decodeIgdAnswer(
      200,
      body("<u:XResponse><NewExternalIPAddress>203.0.113.5</NewExternalIPAddress></u:XResponse>"),
    );
    expect(answer.ok && externalAddressOf(answer.values)).toBe("203.0.113.5");
    const fault = body(
      "<e:Fault><detail><UPnPError><errorCode>718</errorCode><errorDescription>Conflict</errorDescription></UPnPError></detail></e:Fault>",
    );
    expect(decodeIgdAnswer(500, fault)).toEqual({ ok: false, code: 718, reason: "Conflict" });
    for (const bad of [
      [404, body("<u:XResponse/>")],
      [200, body("<u:X/>")],
      [200, body("")],
      [200, "no XML"],
      [500, fault.replace("718", "12345678")],
    ] as const)
      expect(() => decodeIgdAnswer(bad[0], bad[1]), bad[1]).toThrow(DecodeError);
    expect(externalAddressOf(new Map([["NewExternalIPAddress", "0.0.0.0"]]))).toBeUndefined();
    expect(() => externalAddressOf(new Map([["NewExternalIPAddress", "evil"]]))).toThrow(DecodeError);
  });
});

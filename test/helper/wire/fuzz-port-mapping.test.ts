import { DecodeError } from "#wire/cursor.ts";
import { decodeDescription, decodeIgdAnswer } from "#wire/igd.ts";
import { decodeNatPmp } from "#wire/nat-pmp.ts";
import { decodePcpMap, encodePcpMapResponse, PCP_RESULTS } from "#wire/pcp.ts";
import { decodeSearchAnswer } from "#wire/ssdp.ts";
import { descriptionXml } from "#test/helper/runtime/fake-router.ts";
import { fuzzParsers, parser } from "#test/support/fuzz/parsers.ts";

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (input: Uint8Array): string => new TextDecoder("latin1").decode(input);
const ANSWER =
  '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><u:GetExternalIPAddressResponse>' +
  "<NewExternalIPAddress>203.0.113.5</NewExternalIPAddress></u:GetExternalIPAddressResponse></s:Body></s:Envelope>";

fuzzParsers([
  parser({
    name: "an answer of PCP",
    corpus: (["udp", "tcp"] as const).map((protocol) =>
      encodePcpMapResponse({
        result: "success",
        lifetime: 600,
        epoch: 77,
        nonce: new Uint8Array(12).fill(7),
        protocol,
        internalPort: 42268,
        externalPort: 42268,
        externalAddress: "203.0.113.5",
      }),
    ),
    decode: decodePcpMap,
    again: (value) => {
      const code = PCP_RESULTS.some((known) => known === value.result);
      return code && value.protocol ? decodePcpMap(encodePcpMapResponse(value)) : value;
    },
    refuses: DecodeError,
  }),
  parser({
    name: "an answer of NAT-PMP",
    corpus: ["0080000000001234cb007105", "0081000000001234a51cc00100000258", "0082000200001234"].map((hex) =>
      Uint8Array.fromHex(hex),
    ),
    decode: decodeNatPmp,
    refuses: DecodeError,
  }),
  parser({
    name: "an answer to a search",
    corpus: [bytes("HTTP/1.1 200 OK\r\nST: urn:x\r\nLOCATION: http://192.168.1.1:5000/rootDesc.xml\r\n\r\n")],
    decode: decodeSearchAnswer,
    refuses: DecodeError,
  }),
  parser({
    name: "a device's description",
    runs: 3_000,
    corpus: [bytes(descriptionXml("/ctl/IPConn"))],
    decode: (input) => decodeDescription(text(input)),
    refuses: DecodeError,
  }),
  parser({
    name: "an answer in SOAP",
    corpus: [bytes(ANSWER)],
    decode: (input) => decodeIgdAnswer(200, text(input)),
    refuses: DecodeError,
  }),
]);

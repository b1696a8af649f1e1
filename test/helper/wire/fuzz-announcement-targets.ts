import { parser, type ParserTarget } from "#test/support/fuzz/parsers.ts";
import { DecodeError } from "#wire/cursor.ts";
import { decodeSap, encodeSap, SDP_TYPE } from "#wire/sap.ts";
import { decodeSdp, encodeSdp } from "#wire/sdp.ts";

const DESCRIPTIONS = [
  "v=0\r\no=- 0 0 IN IP4 192.0.2.1\r\ns=BBC One\r\nt=0 0\r\nm=video 5004 RTP/AVP 33\r\nc=IN IP4 239.255.42.1/16\r\n",
  "v=0\no=vlc 15 3 IN IP6 2001:db8::1\ns=Radio\ni=news\nu=http://a\ne=a@b\np=+1\nc=IN IP6 ff1e::1/2\nb=AC:1\nt=0 0\nr=1\nz=1\nk=clear:x\na=source-filter: incl IN IP6 * 2001:db8::1\na=recvonly\nm=audio 5006 RTP/AVP 14 96\ni=left\na=rtpmap:96 L16/48000\nm=audio 5008/2 udp 33\n",
].map((description) => new TextEncoder().encode(description));

export const ANNOUNCEMENT_TARGETS: readonly ParserTarget[] = [
  parser({
    name: "SAP",
    refuses: DecodeError,
    corpus: DESCRIPTIONS.flatMap((payload, i) =>
      [undefined, SDP_TYPE].map((payloadType) =>
        encodeSap({
          deletion: i === 1,
          hash: 7,
          source: i === 0 ? "192.0.2.1" : "2001:db8::1",
          authentication: new Uint8Array(4 * i),
          payloadType,
          payload,
        }),
      ),
    ),
    decode: decodeSap,
    again: (message) => decodeSap(encodeSap(message)),
  }),
  parser({
    name: "SDP",
    refuses: DecodeError,
    corpus: DESCRIPTIONS,
    decode: decodeSdp,
    // Latin-1 comes back as UTF-8, which may take more room.
    again: (description) => {
      const bytes = encodeSdp(description);
      return bytes.length > 8_192 ? description : decodeSdp(bytes);
    },
  }),
];

import { addressBytes, addressText, isMulticast, type Address } from "#wire/address.ts";
import { includedSources, type SdpConnection, type SdpMedia, type SessionDescription } from "#wire/sdp.ts";

/** Groups and ports of one announcement. */
export const MAX_STREAMS = 16;
/** Of a filter; one with more says nothing to us. */
const MAX_SOURCES = 8;

export interface AnnouncedStream {
  readonly group: Address;
  readonly port: number;
  readonly payload: "mpegts" | "rtp" | "rtp-mpegts" | "other";
  /** undefined: any. */
  readonly sources: ReadonlySet<Address> | undefined;
}

/** Which groups and ports a session uses. */
export function streamsOf(description: SessionDescription): AnnouncedStream[] {
  const streams: AnnouncedStream[] = [];
  for (const media of description.media) {
    const { port, connections, attributes } = media;
    const session = description.connection ? [description.connection] : [];
    for (const connection of connections.length > 0 ? connections : session)
      for (const group of groupsOf(connection)) {
        if (streams.length >= MAX_STREAMS) return streams;
        const sources = includedSources([...attributes, ...description.attributes], group);
        const few = sources && sources.size <= MAX_SOURCES ? sources : undefined;
        streams.push({ group, port, payload: payloadOf(media), sources: few });
      }
  }
  return streams;
}

/** MPEG-TS is the static type 33 (RFC 3551 section 6), or whatever number "a=rtpmap" gives it. */
function payloadOf({ protocol, formats, attributes }: SdpMedia): AnnouncedStream["payload"] {
  const transportStream = formats.some(
    (format) =>
      /^(33|mp2t)$/i.test(format) ||
      attributes.some(
        ({ name, value = "" }) =>
          name === "rtpmap" && value.trim().toUpperCase().startsWith(`${format} MP2T/`),
      ),
  );
  if (/^RTP\//i.test(protocol)) return transportStream ? "rtp-mpegts" : "rtp";
  return transportStream && /^udp$/i.test(protocol) ? "mpegts" : "other";
}

function groupsOf({ address, count }: SdpConnection): Address[] {
  const groups: Address[] = [];
  const bytes = addressBytes(address);
  for (let n = 0; n < count; n++) {
    const group = addressText(bytes);
    if (!isMulticast(group)) break;
    groups.push(group);
    for (let i = bytes.length - 1; i >= 0 && (bytes[i] = (bytes[i]! + 1) & 0xff) === 0; i--);
  }
  return groups;
}

/** How well an announced stream fits one that flows: the more, the better. -1: it is about something else. */
export function streamFits(
  stream: AnnouncedStream,
  group: Address,
  source: Address | undefined,
  port: number | undefined,
): number {
  if (stream.group !== group) return -1;
  if (source !== undefined && stream.sources && !stream.sources.has(source)) return -1;
  const named = source !== undefined && stream.sources?.has(source) === true;
  return (named ? 2 : 0) + (stream.port === port ? 1 : 0);
}

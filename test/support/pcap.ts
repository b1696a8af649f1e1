// A capture file, as tcpdump and Wireshark read it (draft-ietf-opsawg-pcap), for use as an oracle.

/** What the packets start with: the values of the LINKTYPE registry. */
export const LinkType = { ETHERNET: 1, RAW_IP: 101 } as const;

const MAGIC = 0xa1b2c3d4; // times in microseconds
const SNAP_LENGTH = 0x40000;

/** One packet a millisecond, from the epoch on. */
export function pcapFile(packets: readonly Uint8Array[], linkType: number): Uint8Array {
  const file = new Uint8Array(packets.reduce((sum, packet) => sum + 16 + packet.length, 24));
  const view = new DataView(file.buffer);
  view.setUint32(0, MAGIC);
  view.setUint16(4, 2); // version 2.4
  view.setUint16(6, 4);
  view.setUint32(16, SNAP_LENGTH);
  view.setUint32(20, linkType);
  let offset = 24;
  for (const [i, packet] of packets.entries()) {
    view.setUint32(offset, Math.floor(i / 1000));
    view.setUint32(offset + 4, (i % 1000) * 1000);
    view.setUint32(offset + 8, packet.length);
    view.setUint32(offset + 12, packet.length);
    file.set(packet, offset + 16);
    offset += 16 + packet.length;
  }
  return file;
}

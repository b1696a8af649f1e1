import { IPV4_MAPPED } from "./address-words.ts";

// What is never forwarded, whatever the settings say. On the words of the compiled table, so that both paths use
// the same code: no allocation.

const IPV4_LOCAL_CONTROL_BLOCK = 0xe00000; // 224.0.0.0/24, RFC 5771 section 4
const PTP_FIRST = 0x181; // 224.0.1.129 to .132 and ff0x::181 to ::184, IEEE 1588: a delayed clock is a wrong one
const PTP_LAST = 0x184;
const ALL_DHCP_SERVERS = 0x00010003; // ff05::1:3, RFC 8415 section 7.1
const SITE_LOCAL_SCOPE = 5;
const LINK_LOCAL_SCOPE = 2;

/** Is the group at words[at..+4] node- or link-local, or of a protocol that must not leave its link? */
export function isNeverRoutedWords(words: Uint32Array, at: number): boolean {
  const first = words[at]!;
  const last = words[at + 3]!;
  if (first === 0 && words[at + 1] === 0 && words[at + 2] === IPV4_MAPPED) {
    if (last >>> 28 !== 0xe) return true; // no multicast address
    return last >>> 8 === IPV4_LOCAL_CONTROL_BLOCK || isPtp(last - 0xe0000000);
  }
  if (first >>> 24 !== 0xff) return true;
  // RFC 4291 section 2.7: scopes 0 to 2 are reserved, interface-local and link-local, whatever the flags.
  const scope = (first >>> 16) & 0xf;
  if (scope <= LINK_LOCAL_SCOPE) return true;
  const wellKnown =
    first >>> 20 === 0xff0 && (first & 0xffff) === 0 && words[at + 1] === 0 && words[at + 2] === 0;
  return wellKnown && (isPtp(last) || (scope === SITE_LOCAL_SCOPE && last === ALL_DHCP_SERVERS));
}

/** Is the source at words[at..+4] multicast, unspecified, loopback or link-local? */
export function isBadSourceWords(words: Uint32Array, at: number): boolean {
  const first = words[at]!;
  const last = words[at + 3]!;
  if (first === 0 && words[at + 1] === 0) {
    if (words[at + 2] === IPV4_MAPPED) {
      const net = last >>> 24;
      return net === 0 || net === 127 || net >= 224 || last >>> 16 === 0xa9fe; // 169.254/16
    }
    if (words[at + 2] === 0 && last <= 1) return true; // :: and ::1
  }
  return first >>> 24 === 0xff || first >>> 22 === 0x3fa; // ff00::/8, fe80::/10
}

function isPtp(group: number): boolean {
  return group >= PTP_FIRST && group <= PTP_LAST;
}

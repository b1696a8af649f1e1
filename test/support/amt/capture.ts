// What Wireshark's dissector of AMT says to a capture.
import type { LabHost } from "#test/support/lab.ts";

/** What is in the streams is none of AMT's, and tshark guesses at it. */
const DECODE_AS = ["-d", "udp.port==2268,amt", "-d", "udp.port==5004,data"];
const READ_MS = 40_000;
const MALFORMED = '_ws.malformed || _ws.expert.group == "Malformed"';
const BAD_SUM = "udp.checksum.bad || (amt.type != 6 && udp.checksum == 0)";

export interface AmtCapture {
  /** Messages by the family outside, then by type (1 Discovery to 7 Teardown). */
  readonly types: Readonly<Record<4 | 6, Readonly<Record<number, number>>>>;
  /** Multicast Data by the families outside and inside: "4 in 6". */
  readonly data: Readonly<Record<string, number>>;
  readonly packets: number;
  /** tshark's line of each packet that it finds something wrong with. */
  readonly malformed: readonly string[];
}

export async function readAmtCapture(host: LabHost, file: string): Promise<AmtCapture> {
  const tshark = async (...words: string[]): Promise<string[]> => {
    const { stdout } = await host.exec("tshark", ["-r", file, ...DECODE_AS, ...words], {
      timeoutMs: READ_MS,
    });
    return stdout.split("\n").filter((line) => line !== "");
  };
  const [messages, malformed] = await Promise.all([
    tshark("-Y", "amt", "-T", "fields", "-e", "amt.type", "-e", "frame.protocols"),
    tshark("-Y", `${MALFORMED} || ${BAD_SUM}`),
  ]);
  const types: Record<4 | 6, Record<number, number>> = { 4: {}, 6: {} };
  const data: Record<string, number> = {};
  for (const message of messages) {
    const [type = "", protocols = ""] = message.split("\t");
    const [outer, inner] = protocols.split(":amt").map((part) => (/:ipv6/.test(part) ? 6 : 4));
    const of = types[outer!];
    of[Number(type)] = (of[Number(type)] ?? 0) + 1;
    if (Number(type) === 6) data[`${inner} in ${outer}`] = (data[`${inner} in ${outer}`] ?? 0) + 1;
  }
  return { types, data, packets: messages.length, malformed };
}

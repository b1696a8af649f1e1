// Somebody who knows a host's public key and begins handshakes with it, each with a key of its own:
//   node stranger.ts HOST PORT HOST-KEY-HEX RATE SECONDS [INVITE-ID-HEX]
// With an invite's id, but not its secret. Prints {"sent": n, "answers": {"2": n}}: datagrams that came back by type.
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { pathToFileURL } from "node:url";
import { keyPair } from "#noise/x25519.ts";
import { Initiation } from "#protocol/session/initiation.ts";
import { HandshakeClock } from "#protocol/session/timestamp.ts";

export interface StrangerReport {
  readonly sent: number;
  readonly answers: Readonly<Record<string, number>>;
  readonly longestAnswer: number;
}

/** A valid initiation, as the protocol has it, by a key that nobody knows. */
export function strangersCall(hostPublicKey: Uint8Array, inviteId?: Uint8Array): Uint8Array {
  return new Initiation({
    localStatic: keyPair(randomBytes(32)),
    remoteStatic: hostPublicKey,
    psk: randomBytes(32),
    inviteId,
    hasAes: true,
    localIndex: 1 + Math.floor(Math.random() * 0xffff_fffe),
    ephemeral: randomBytes(32),
    timestamp: new HandshakeClock(Date.now(), 0).next(0),
  }).datagram(undefined);
}

function main([host = "", port, key = "", rate, seconds, invite]: string[]): void {
  const hostKey = Uint8Array.fromHex(key);
  const inviteId = invite === undefined ? undefined : Uint8Array.fromHex(invite);
  const socket = createSocket(host.includes(":") ? "udp6" : "udp4");
  const answers: Record<string, number> = {};
  let longestAnswer = 0;
  socket.on("message", (data) => {
    answers[String(data[0])] = (answers[String(data[0])] ?? 0) + 1;
    longestAnswer = Math.max(longestAnswer, data.length);
  });
  const start = performance.now();
  const end = start + Number(seconds) * 1000;
  let sent = 0;
  const step = (): void => {
    const now = performance.now();
    const due = now < end ? ((now - start) / 1000) * Number(rate) : 0;
    for (; sent < due; sent++) socket.send(strangersCall(hostKey, inviteId), Number(port), host);
    // A moment for what may still come.
    if (now < end + 500) setTimeout(step, 5);
    else {
      console.log(JSON.stringify({ sent, answers, longestAnswer } satisfies StrangerReport));
      socket.close();
    }
  };
  step();
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) main(process.argv.slice(2));

// The system's name servers, asked for records that the system's own functions do not know.
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { lookup } from "node:dns/promises";
import { readFileSync } from "node:fs";
import { connect } from "node:net";
import type { DnsAnswer, NameLookup } from "#ports/name-lookup.ts";
import { canonicalAddress } from "#wire/address.ts";
import { decodeReply, encodeQuestion, type DnsQuestion, type DnsReply } from "./dns-query.ts";
import { parseResolvConf, type NameServer } from "./resolv-conf.ts";

const RESOLV_CONF = "/etc/resolv.conf";
const DNS_PORT = 53;
/** Of one server, in the first round and in the second. */
const ROUNDS_MS = [1_500, 3_000] as const;
const MAX_TCP = 65_535;

/** `servers`: for tests; by default those of resolv.conf, read anew each time. */
export function systemLookup(servers = systemServers, port = DNS_PORT): NameLookup {
  return {
    records: async (name, type) => {
      for (const timeoutMs of ROUNDS_MS)
        for (const server of servers()) {
          const answer = await ask(server, port, name, type, timeoutMs);
          if (answer) return answer;
        }
      throw new Error(`no name server answers: ${servers().join(", ")}`);
    },
    addresses: async (host) => {
      try {
        const found = await lookup(host, { all: true });
        return found.flatMap(({ address }) => canonicalAddress(address) ?? []);
      } catch {
        return []; // not found; who asked says so
      }
    },
  };
}

function systemServers(): NameServer[] {
  try {
    return parseResolvConf(readFileSync(RESOLV_CONF, "utf8"));
  } catch {
    return parseResolvConf(""); // there is none: resolv.conf(5) has this computer's own then
  }
}

async function ask(
  server: NameServer,
  port: number,
  name: string,
  type: number,
  timeoutMs: number,
): Promise<DnsAnswer | undefined> {
  const question = { id: randomInt(0x1_0000), name, type };
  let reply = await byUdp(server, port, question, timeoutMs);
  if (reply === "truncated") reply = await byTcp(server, port, question, timeoutMs);
  return typeof reply === "object" ? reply : undefined;
}

/** "failed" where nothing that answers the question came in time. From a port that nobody can guess. */
function byUdp(
  server: NameServer,
  port: number,
  question: DnsQuestion,
  timeoutMs: number,
): Promise<DnsReply> {
  return new Promise((resolve) => {
    const socket = createSocket(server.includes(":") ? "udp6" : "udp4");
    const timer = setTimeout(() => end("failed"), timeoutMs);
    let open = true;
    const end = (reply: DnsReply): void => {
      if (!open) return;
      open = false;
      clearTimeout(timer);
      socket.close();
      resolve(reply);
    };
    socket.on("error", () => end("failed")); // ECONNREFUSED among others
    socket.on("message", (message) => {
      const reply = decodeReply(message, question);
      if (reply !== "not-ours") end(reply);
    });
    // Connected: the kernel lets nobody else answer.
    socket.connect(port, server, (error?: Error) => {
      if (error) end("failed");
      else if (open) socket.send(encodeQuestion(question), (failed) => failed && end("failed"));
    });
  });
}

/** RFC 1035 section 4.2.2: the same behind a length. */
function byTcp(
  server: NameServer,
  port: number,
  question: DnsQuestion,
  timeoutMs: number,
): Promise<DnsReply> {
  return new Promise((resolve) => {
    const socket = connect({ host: server, port });
    const timer = setTimeout(() => end("failed"), timeoutMs);
    const end = (reply: DnsReply): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(reply);
    };
    let received = Buffer.alloc(0);
    socket.on("error", () => end("failed"));
    socket.on("close", () => end("failed"));
    socket.on("connect", () => {
      const query = encodeQuestion(question);
      const length = Buffer.alloc(2);
      length.writeUInt16BE(query.length);
      socket.write(Buffer.concat([length, query]));
    });
    socket.on("data", (data: Buffer) => {
      received = Buffer.concat([received, data]);
      if (received.length < 2) return;
      const length = received.readUInt16BE(0);
      if (received.length > MAX_TCP + 2) return end("failed");
      if (received.length < 2 + length) return;
      const reply = decodeReply(received.subarray(2, 2 + length), question);
      end(typeof reply === "object" ? reply : "failed");
    });
  });
}

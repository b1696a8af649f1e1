import type { Address } from "#wire/address.ts";
import type { ServiceData, ServiceRecord } from "#wire/control-services.ts";

/** RFC 6762 section 3. */
export const MDNS_PORT = 5353;
export const MDNS_GROUP_4 = "224.0.0.251";
export const MDNS_GROUP_6 = "ff02::fb";

/**
 * The message id of what a proxy puts on a link. RFC 6762 section 18.1 has multicast messages sent with 0 and the id
 * ignored by everybody, so it disturbs nobody; another proxy knows by it that the message has been through a tunnel,
 * and leaves it alone. That is what keeps two networks on two links from making a circle.
 */
export const RELAYED_ID = 0xca57;

export type QuestionType = ServiceData["type"] | "ANY";

export interface MdnsQuestion {
  readonly name: string;
  readonly type: QuestionType;
}

/** As it was read off a link: what a proxy does not deal with is left out already. */
export interface MdnsMessage {
  readonly id: number;
  readonly response: boolean;
  readonly questions: readonly MdnsQuestion[];
  /** Answers and additional records. `unique`: the cache-flush bit (RFC 6762 section 10.2). TTL 0: goodbye. */
  readonly records: readonly (ServiceRecord & { readonly unique: boolean })[];
}

/** What a proxy sends. */
export interface OutgoingMdns {
  readonly id: number;
  readonly response: boolean;
  readonly questions: readonly MdnsQuestion[];
  readonly records: readonly ServiceRecord[];
}

/** Where a message came from. */
export interface MdnsSource {
  readonly address: Address;
  readonly port: number;
  /** A program on this computer sent it. */
  readonly own: boolean;
}

export function sameName(a: string, b: string): boolean {
  return a === b || a.toLowerCase() === b.toLowerCase();
}

export function dataKey(data: ServiceData): string {
  switch (data.type) {
    case "A":
    case "AAAA":
      return `${data.type} ${data.address}`;
    case "PTR":
      return `PTR ${data.target.toLowerCase()}`;
    case "SRV":
      return `SRV ${data.priority} ${data.weight} ${data.port} ${data.target.toLowerCase()}`;
    case "TXT":
      return `TXT ${Buffer.from(data.text).toString("latin1")}`;
  }
}

/** What makes two records the same, whatever their TTL is. */
export function recordKey(record: { readonly name: string; readonly data: ServiceData }): string {
  return `${record.name.toLowerCase()} ${dataKey(record.data)}`;
}

export function answers(question: MdnsQuestion, record: ServiceRecord): boolean {
  return (
    (question.type === "ANY" || question.type === record.data.type) && sameName(question.name, record.name)
  );
}

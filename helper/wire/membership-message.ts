import type { Address } from "#wire/address.ts";

// What IGMP and MLD say, in one vocabulary: MLDv1 is IGMPv2 and MLDv2 is IGMPv3 with longer addresses, so one
// state machine serves both families. The family of a message is that of its addresses, or of the packet
// around it where it holds none.

/** IGMP's numbering for both families: MLDv1 counts as 2, MLDv2 as 3. */
export type MembershipVersion = 1 | 2 | 3;

/** RFC 9776 section 4.2.12, RFC 9777 section 5.2.12. */
export type RecordType = "is-include" | "is-exclude" | "to-include" | "to-exclude" | "allow" | "block";

export interface GroupRecord {
  readonly type: RecordType;
  readonly group: Address;
  readonly sources: readonly Address[];
}

export interface MembershipQuery {
  readonly kind: "query";
  readonly version: MembershipVersion;
  /** undefined in a general query. */
  readonly group: Address | undefined;
  /** Max Resp Time in milliseconds. A version 1 query carries none and reads as 10,000 (RFC 2236 section 4). */
  readonly maxResponseMs: number;
  /** The S flag: suppress router-side processing. False before version 3. */
  readonly suppress: boolean;
  /** QRV, 0 to 7; 0 says "more than 7", or that the version has no such field. */
  readonly robustness: number;
  /** QQI in seconds; 0 before version 3. */
  readonly queryIntervalS: number;
  /** Empty but in a group-and-source-specific query. */
  readonly sources: readonly Address[];
}

export interface MembershipReport {
  readonly kind: "report";
  readonly version: 3;
  readonly records: readonly GroupRecord[];
}

/** An IGMPv1 or IGMPv2 report, or an MLDv1 report (version 2). */
export interface MembershipReportOld {
  readonly kind: "report-old";
  readonly version: 1 | 2;
  readonly group: Address;
}

/** An IGMPv2 leave or an MLDv1 done. */
export interface MembershipLeave {
  readonly kind: "leave";
  readonly group: Address;
}

export type MembershipMessage = MembershipQuery | MembershipReport | MembershipReportOld | MembershipLeave;

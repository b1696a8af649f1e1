import { randomBytes } from "node:crypto";
import type { ControlClient } from "#contract/control-client.ts";
import { ControlError } from "#contract/errors.ts";
import type { Check } from "#contract/snapshot.ts";
import { examineDaemon, unreachableCheck } from "./examine.ts";
import { gather, idsIn, namesIn, type Report } from "./gather.ts";
import { Redactor } from "./redactor.ts";

export interface ReportRequest {
  /** Of the program that makes it. */
  readonly version: string;
  /** ms since 1970. */
  readonly wall: number;
  /** How many of the last log lines. */
  readonly lines: number;
  /** Addresses and names stay; keys and links go in any case. */
  readonly full: boolean;
  /** A connection that is the report's own. Rejects with a ControlError. */
  readonly connect: () => Promise<ReportClient>;
}

type ReportClient = Pick<ControlClient, "call" | "close" | "hello">;

/** All that helps others to help, redacted. A daemon that does not answer is part of it. */
export async function makeReport({ version, wall, lines, full, connect }: ReportRequest): Promise<Report> {
  const checks: Check[] = [];
  let client: ReportClient | undefined;
  try {
    client = await connect();
    await examineDaemon(client, { version, found: (check) => checks.push(check) });
  } catch (error) {
    if (!(error instanceof ControlError)) throw error;
    checks.push(unreachableCheck(error));
  }
  try {
    return redacted(await gather(client, { version, wall, checks, lines }), full);
  } finally {
    client?.close();
  }
}

export function redacted(report: Report, full: boolean): Report {
  const redactor = new Redactor({ full, salt: randomBytes(16), names: namesIn(report), ids: idsIn(report) });
  return redactor.value(report);
}

// What the gateway changed in the kernel, kept so that the next start can undo it after a crash: gateway.json.
import { rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Prefix } from "#wire/address.ts";
import { SETTING_PATH } from "#protocol/gateway/forwarding-settings.ts";
import { writeAtomically } from "../store/atomic-write.ts";
import { DocumentError, decodeDocument, encodeDocument, type DocumentFormat } from "../store/document.ts";
import { integer, prefix, vifName } from "../store/field-schemas.ts";
import { readTrustedFile } from "../store/trusted-path.ts";

export interface GatewayRecord {
  /** KernelGateway.instance: of another start of the computer nothing is left. */
  readonly instance: string;
  /** Whose rules there are. */
  readonly tun: string;
  /** In the order in which they were made. */
  readonly changes: readonly Change[];
  readonly routes: readonly LinkRoute[];
}

/** Hosts of the prefix are on the interface's link. */
export interface LinkRoute {
  readonly prefix: Prefix;
  readonly interfaceName: string;
}

export interface Change {
  readonly path: string;
  readonly before: number;
  readonly now: number;
}

const MAX_CHANGES = 4096;
const value = integer(0, 2);

const FORMAT: DocumentFormat<GatewayRecord> = {
  name: "castaway gateway",
  version: 1,
  schema: v.strictObject({
    instance: v.pipe(v.string(), v.maxLength(200)),
    tun: v.pipe(v.string(), v.regex(/^[A-Za-z0-9_.-]{1,15}$/)),
    changes: v.pipe(
      v.array(
        v.strictObject({
          path: v.pipe(
            v.string(),
            v.regex(SETTING_PATH),
            v.check((path) => !path.includes("/../") && !path.includes("/./"), "leads elsewhere"),
          ),
          before: value,
          now: value,
        }),
      ),
      v.maxLength(MAX_CHANGES),
    ),
    routes: v.pipe(v.array(v.strictObject({ prefix, interfaceName: vifName })), v.maxLength(MAX_CHANGES)),
  }),
  migrations: new Map(),
};

export class GatewayRecordFile {
  readonly #path: string;

  constructor(folder: string) {
    this.#path = join(folder, "gateway.json");
  }

  /** undefined: nothing was changed; also where the file is damaged, since no value in it would be sure. */
  async load(): Promise<GatewayRecord | undefined> {
    const bytes = await readTrustedFile(this.#path);
    if (bytes === undefined || bytes === "too-long") return undefined;
    try {
      return decodeDocument(FORMAT, bytes).value;
    } catch (error) {
      if (error instanceof DocumentError) return undefined;
      throw error;
    }
  }

  /** Before the change itself: what is written down and was not done is undone without harm. */
  save(record: GatewayRecord): Promise<void> {
    // A crash of the whole computer takes the settings with it, so the disk need not be waited for.
    return writeAtomically({
      path: this.#path,
      text: encodeDocument(FORMAT, record),
      durable: false,
      keepPrevious: false,
    });
  }

  remove(): Promise<void> {
    return rm(this.#path, { force: true });
  }
}

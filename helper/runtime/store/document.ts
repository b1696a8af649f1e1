import * as v from "valibot";

/** A kind of file: JSON with its name and version around a value, which a schema checks. */
export interface DocumentFormat<T> {
  readonly name: string;
  readonly version: number;
  readonly schema: v.GenericSchema<unknown, T>;
  /** From version n (the key) to n + 1, on the raw JSON value. One for each version that was ever released. */
  readonly migrations: ReadonlyMap<number, (value: unknown) => unknown>;
}

export interface Decoded<T> {
  readonly value: T;
  /** The version of the file, where it is older than ours. */
  readonly migratedFrom?: number;
}

/** `reason` names places and expectations, never contents: the files hold keys, and reasons go to logs. */
export class DocumentError extends Error {
  override name = "DocumentError";
  readonly code: "damaged" | "newer-version";
  constructor(code: "damaged" | "newer-version", reason: string) {
    super(reason);
    this.code = code;
  }
}

/** Bytes stand in JSON as base64. */
export function bytesSchema(length: number): v.GenericSchema<unknown, Uint8Array> {
  return v.pipe(
    v.string(),
    v.maxLength(64),
    v.rawTransform(({ dataset, addIssue, NEVER }) => {
      const bytes = base64Bytes(dataset.value);
      if (bytes?.length === length) return bytes;
      addIssue({ message: `is not the base64 of ${length} bytes` });
      return NEVER;
    }),
  );
}

function base64Bytes(text: string): Uint8Array | undefined {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return undefined;
  }
}

const envelopeSchema = v.strictObject({
  format: v.string(),
  version: v.pipe(v.number(), v.integer(), v.minValue(1)),
  value: v.unknown(),
});

/** Throws where the value does not fit its own schema: what cannot be read again must never be written. */
export function encodeDocument<T>(format: DocumentFormat<T>, value: T): string {
  const envelope = { format: format.name, version: format.version, value };
  const text = `${JSON.stringify(envelope, bytesAsBase64, 2)}\n`;
  try {
    decodeDocument(format, new TextEncoder().encode(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message : "unknown reason";
    throw new Error(`the ${format.name} would not be readable again: ${reason}`, { cause: error });
  }
  return text;
}

/** Reads JSON.stringify's holder and not its value: a Buffer has become an object by then. */
function bytesAsBase64(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const original = this[key];
  return original instanceof Uint8Array ? original.toBase64() : value;
}

/** Throws DocumentError. */
export function decodeDocument<T>(format: DocumentFormat<T>, bytes: Uint8Array): Decoded<T> {
  const envelope = parsed(envelopeSchema, json(bytes));
  if (envelope.format !== format.name) throw new DocumentError("damaged", `it is no ${format.name} file`);
  if (envelope.version > format.version)
    throw new DocumentError("newer-version", `version ${envelope.version}, where ${format.version} is known`);
  let value = envelope.value;
  for (let version = envelope.version; version < format.version; version++) {
    const migrate = format.migrations.get(version);
    if (!migrate) throw new DocumentError("damaged", `there was no version ${version}`);
    value = migrated(migrate, value, version);
  }
  const result = parsed(format.schema, value);
  return envelope.version < format.version
    ? { value: result, migratedFrom: envelope.version }
    : { value: result };
}

function json(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as unknown;
  } catch {
    throw new DocumentError("damaged", "it is not JSON"); // the parser's own message quotes the text
  }
}

function migrated(migrate: (value: unknown) => unknown, value: unknown, version: number): unknown {
  try {
    return migrate(value);
  } catch {
    throw new DocumentError("damaged", `its version ${version} cannot be brought up to date`);
  }
}

function parsed<T>(schema: v.GenericSchema<unknown, T>, value: unknown): T {
  const result = v.safeParse(schema, value, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue) ?? "the document";
  const wrong = issue.expected === null ? issue.message : `expected ${issue.expected}`;
  throw new DocumentError("damaged", `${place.slice(0, 100)}: ${wrong.slice(0, 200)}`);
}

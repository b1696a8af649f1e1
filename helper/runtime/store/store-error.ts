export type StoreErrorCode =
  | "damaged" // set aside; the daemon does not start
  | "missing" // gone, but its traces are there: a new identity is not made silently
  | "newer-version"
  | "untrusted" // somebody else could have written it
  | "disk-full"
  | "read-only"
  | "no-access"
  | "io";

/** Why the state cannot be read or saved, and what to do about it. Never carries what is in the file. */
export class StoreError extends Error {
  override name = "StoreError";
  readonly code: StoreErrorCode;
  readonly remedy: string;

  constructor(code: StoreErrorCode, message: string, remedy: string, cause?: unknown) {
    super(message, { cause });
    this.code = code;
    this.remedy = remedy;
  }
}

const KEPT = "What was saved before is intact; changes since then are lost when the daemon stops.";

/** errno of a file operation as a StoreError. `doing` as in "save": "cannot save /var/lib/...". */
export function storeErrorOf(error: unknown, doing: "read" | "save", path: string): StoreError {
  if (error instanceof StoreError) return error;
  const errno = errnoOf(error);
  const what = `cannot ${doing} ${path}`;
  const kept = doing === "save" ? ` ${KEPT}` : "";
  switch (errno) {
    case "ENOSPC":
    case "EDQUOT":
      return new StoreError(
        "disk-full",
        `${what}: the disk is full.${kept}`,
        "Make room on that disk.",
        error,
      );
    case "EROFS":
      return new StoreError(
        "read-only",
        `${what}: the disk is read-only.${kept}`,
        "Mount it writable, or choose another state folder.",
        error,
      );
    case "EACCES":
    case "EPERM":
      return new StoreError(
        "no-access",
        `${what}: permission denied.${kept}`,
        "Start the daemon as its service does (sudo systemctl start castaway), or choose another state folder.",
        error,
      );
    default: {
      const reason = errno ?? (error instanceof Error ? error.message : "unknown reason");
      return new StoreError(
        "io",
        `${what}: ${reason}.${kept}`,
        "Check the disk and the system's log.",
        error,
      );
    }
  }
}

export function errnoOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

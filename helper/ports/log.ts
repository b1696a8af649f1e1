export type LogLevel = "debug" | "info" | "warn" | "error";

/** Only composition roots hold one; the machines emit events instead. `fields` never carries a key or a secret. */
export interface Log {
  write(level: LogLevel, message: string, fields?: Readonly<Record<string, string | number | boolean>>): void;
}

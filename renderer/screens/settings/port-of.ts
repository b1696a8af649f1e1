const MAX_PORT = 65_535;

/** null: left to the service; undefined: no port. */
export function portOf(text: string): number | null | undefined {
  const trimmed = text.trim();
  if (trimmed === "") return null;
  const port = /^\d{1,5}$/.test(trimmed) ? Number(trimmed) : 0;
  return port >= 1 && port <= MAX_PORT ? port : undefined;
}

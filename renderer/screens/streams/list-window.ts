// Which rows of a long list exist: those that are in sight, and a few around them.

export interface ListView {
  readonly count: number;
  /** All in CSS pixels. `top`: of the part in sight, measured from the list's own top; it may lie outside. */
  readonly rowHeight: number;
  readonly top: number;
  readonly height: number;
}

const OVERSCAN = 6;

/** Indices, `end` excluded. */
export function listWindow({ count, rowHeight, top, height }: ListView): { first: number; end: number } {
  if (count === 0 || rowHeight <= 0) return { first: 0, end: Math.min(count, OVERSCAN) };
  const first = Math.floor(top / rowHeight) - OVERSCAN;
  const end = Math.ceil((top + height) / rowHeight) + OVERSCAN;
  return { first: clamp(first, 0, count), end: clamp(end, 0, count) };
}

/** Where a key leads in a list; undefined: it is none of the list's keys. */
export function nextIndex(key: string, index: number, count: number, page: number): number | undefined {
  const steps: Record<string, number> = {
    ArrowDown: 1,
    ArrowUp: -1,
    PageDown: page,
    PageUp: -page,
    Home: -count,
    End: count,
  };
  const step = steps[key];
  return step === undefined || count === 0 ? undefined : clamp(index + step, 0, count - 1);
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(Math.max(value, least), most);
}

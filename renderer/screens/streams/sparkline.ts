// A rate's last minute as the path of an SVG, in a box of `width` by `height` without margins.

/** Values from the oldest on; NaN breaks the line. Its highest value, or `least` where all are below, is the top. */
export function sparklinePath(
  values: ArrayLike<number>,
  { width, height, least = 1 }: { width: number; height: number; least?: number },
): string {
  let top = least;
  for (let i = 0; i < values.length; i++) top = Math.max(top, values[i] || 0);
  const step = values.length > 1 ? width / (values.length - 1) : 0;
  let path = "";
  let isDrawing = false;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] ?? Number.NaN;
    if (Number.isNaN(value)) {
      isDrawing = false;
      continue;
    }
    path += `${isDrawing ? "L" : "M"}${rounded(i * step)} ${rounded(height - (value / top) * height)}`;
    isDrawing = true;
  }
  return path;
}

function rounded(value: number): number {
  return Math.round(value * 10) / 10;
}

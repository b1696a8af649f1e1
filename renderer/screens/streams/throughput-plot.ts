// uPlot, with the colours and the type of the page around it. It runs from left to right in every language, as
// charts of time do. All its styles are set through the CSSOM, which the content security policy allows.
import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { bitRateText, codeText } from "#renderer/i18n/formats.ts";
import { shownSteps } from "./chart-span.ts";

const FONT_SIZE = 12;

export class ThroughputPlot {
  readonly #target: HTMLElement;
  readonly #plot: uPlot;
  #ago = "";
  #now = "";

  constructor(target: HTMLElement) {
    this.#target = target;
    const font = `${FONT_SIZE}px ${getComputedStyle(target).fontFamily}`;
    const axis: uPlot.Axis = {
      stroke: () => this.#colour("--ink-soft"),
      grid: { stroke: () => this.#colour("--line"), width: 1 },
      ticks: { show: false },
      font,
    };
    const options: uPlot.Options = {
      ...this.#size(),
      pxAlign: false,
      legend: { show: false },
      cursor: { show: false },
      scales: {
        x: { time: false },
        y: { range: (_, __, most) => [0, Math.max(1e4, (most || 0) * 1.15)] },
      },
      axes: [
        { ...axis, incrs: [60, 120, 300], size: 24, gap: 4, values: (_, at) => at.map((x) => this.#time(x)) },
        {
          ...axis,
          size: 84,
          gap: 6,
          space: 34,
          values: (_, at) => at.map((rate) => bitRateText(rate)),
        },
      ],
      series: [
        {},
        {
          stroke: () => this.#colour("--series-1"),
          fill: () => `color-mix(in srgb, ${this.#colour("--series-1")} 14%, transparent)`,
          width: 2,
          points: { show: false },
        },
        {
          stroke: () => this.#colour("--series-2"),
          dash: [6, 4],
          width: 2,
          points: { show: false },
        },
      ],
    };
    this.#plot = new uPlot(options, [[], [], []], target);
  }

  /** One value a second, the last one now; NaN is a gap. */
  show(received: ArrayLike<number>, sent: ArrayLike<number>): void {
    const shown = shownSteps(received);
    const times = Array.from({ length: shown }, (_, i) => i + 1 - shown);
    this.#plot.setData([times, withGaps(received).slice(-shown), withGaps(sent).slice(-shown)]);
  }

  /** `ago`: "{{count}} min ago" without its number. */
  label(ago: string, now: string): void {
    this.#ago = ago;
    this.#now = now;
    this.#plot.redraw(false, true);
  }

  recolour(): void {
    this.#plot.redraw(false, true);
  }

  fit(): void {
    this.#plot.setSize(this.#size());
  }

  destroy(): void {
    this.#plot.destroy();
  }

  #size(): { width: number; height: number } {
    const { clientWidth, clientHeight } = this.#target;
    return { width: Math.max(160, clientWidth), height: Math.max(100, clientHeight) };
  }

  #time(seconds: number): string {
    return seconds === 0 ? this.#now : `${codeText(`−${Math.round(-seconds / 60)}`)} ${this.#ago}`;
  }

  #colour(token: string): string {
    return getComputedStyle(this.#target).getPropertyValue(token).trim();
  }
}

function withGaps(values: ArrayLike<number>): (number | null)[] {
  return Array.from(values, (value) => (Number.isNaN(value) ? null : value));
}

// A line chart that follows its box and the theme: uPlot.

import uPlot from "uplot";
import "uplot/dist/uPlot.min.css";
import { onTheme } from "./colour";

export interface Curve {
  label: string;
  /** The name of a colour in the style sheet. */
  colour: string;
  fill?: boolean;
  steps?: boolean;
  dash?: number[];
}

export interface Setting {
  curves: Curve[];
  x: (v: number) => string;
  y: (v: number) => string;
  log?: boolean;
  /** Where a mark stands, in x. */
  mark?: () => number | undefined;
  fromZero?: boolean;
}

export class Chart {
  private plot: uPlot | undefined;
  private data: uPlot.AlignedData;

  constructor(
    private readonly box: HTMLElement,
    private readonly setting: Setting,
  ) {
    this.data = [[], ...setting.curves.map(() => [])];
    this.build();
    new ResizeObserver(() => this.fit()).observe(box);
    onTheme(() => this.build());
  }

  set(data: (number | null)[][]): void {
    this.data = data as unknown as uPlot.AlignedData;
    this.plot?.setData(this.data);
  }

  redraw(): void {
    this.plot?.redraw(false);
  }

  private size() {
    return { width: Math.max(120, this.box.clientWidth), height: this.box.clientHeight - 24 };
  }

  private fit(): void {
    const { width, height } = this.size();
    if (this.plot && (this.plot.width !== width || this.plot.height !== height)) this.plot.setSize({ width, height });
  }

  private build(): void {
    this.plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name: string) => style.getPropertyValue(`--${name}`).trim();
    const axis = { stroke: colour("soft"), grid: { stroke: colour("line"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    const { curves, x, y, log, mark, fromZero } = this.setting;
    const range: uPlot.Scale.Range = (_, low, high) => [fromZero ? 0 : Math.min(low, high), high > low ? high * (fromZero ? 1.08 : 1) : low + 1];
    const stepped = uPlot.paths.stepped?.({ align: 1 });
    this.plot = new uPlot(
      {
        ...this.size(),
        cursor: { drag: { x: false, y: false }, y: false },
        legend: { live: true, markers: { width: 2 } },
        scales: { x: { time: false }, y: log ? { distr: 3 } : fromZero ? { range } : {} },
        axes: [
          { ...axis, size: 26, values: (_, at) => at.map(x) },
          { ...axis, size: 58, values: (_, at) => at.map((v) => (v === null ? "" : y(v))) },
        ],
        series: [
          { label: "at", value: (_, v) => (v === null ? "–" : x(v)) },
          ...curves.map((curve): uPlot.Series => ({
            label: curve.label,
            stroke: colour(curve.colour),
            width: 2,
            points: { show: false },
            value: (_, v) => (v === null ? "–" : y(v)),
            ...(curve.fill ? { fill: `${colour(curve.colour)}33` } : {}),
            ...(curve.dash ? { dash: curve.dash } : {}),
            ...(curve.steps && stepped ? { paths: stepped } : {}),
          })),
        ],
        hooks: {
          draw: [
            (plot) => {
              const at = mark?.();
              if (at === undefined) return;
              const px = plot.valToPos(at, "x", true);
              plot.ctx.save();
              plot.ctx.strokeStyle = colour("ink");
              plot.ctx.lineWidth = 2;
              plot.ctx.beginPath();
              plot.ctx.moveTo(px, plot.bbox.top);
              plot.ctx.lineTo(px, plot.bbox.top + plot.bbox.height);
              plot.ctx.stroke();
              plot.ctx.restore();
            },
          ],
        },
      },
      this.data,
      this.box,
    );
  }
}

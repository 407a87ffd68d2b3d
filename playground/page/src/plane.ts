// The output over the plane, with the samples on it.

import { classes, css, diverging, palette } from "./colour";
import { draw } from "./heat";
import type { View } from "./settings";
import type { Started } from "./told";

export class Plane {
  /** What the points were drawn for. */
  private drawn: unknown[] = [];

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly points: HTMLCanvasElement,
  ) {}

  show(started: Started, numbers: Float32Array<ArrayBuffer>, view: View): void {
    this.points.hidden = !started.plane;
    this.canvas.classList.toggle("pixels", !started.plane);
    if (!started.plane) return;
    const cells = started.side * started.side;
    const several = started.task.kind === "classes" && started.task.names.length > 2;
    const start = numbers.length - cells;
    if (start >= 0) draw(this.canvas, { numbers, start, rows: started.side, columns: started.side }, { discretise: view.discretise && !several, classes: several });
    // The samples stay while the network learns.
    const now = [started, view.test, palette()];
    if (now.some((part, k) => part !== this.drawn[k])) this.samples(started, view, several);
    this.drawn = now;
  }

  private samples(started: Started, view: View, several: boolean): void {
    const context = this.points.getContext("2d");
    if (!context) return;
    const { points, labels, trained, extent } = started;
    const size = this.points.width;
    context.clearRect(0, 0, size, size);
    const own = palette();
    const regression = started.task.kind === "regression";
    const place = (x: number) => ((x + extent) / (2 * extent)) * size;
    for (let j = 0; j < labels.length; j++) {
      const isTrained = trained[j] === true;
      if (!isTrained && !view.test) continue;
      const [x, y] = [place(points[2 * j] ?? 0), place(-(points[2 * j + 1] ?? 0))];
      const label = labels[j] ?? 0;
      const colour = regression ? diverging(label, own) : several ? (classes[label] ?? own.above) : label > 0 ? own.above : own.below;
      context.beginPath();
      context.arc(x, y, isTrained ? 6 : 5, 0, 2 * Math.PI);
      context.fillStyle = css(colour);
      context.fill();
      context.lineWidth = isTrained ? 2 : 2.5;
      context.strokeStyle = isTrained ? css(own.paper) : own.ink;
      context.stroke();
    }
  }
}

// Heat maps: grids over the plane, and matrices.

import { classes, table } from "./colour";

let colours = new Uint32Array();

/** Takes the colours of the theme anew. */
export function recolour(): void {
  colours = table() as Uint32Array<ArrayBuffer>;
}

export interface Grid {
  numbers: Float32Array;
  start: number;
  rows: number;
  columns: number;
}

/** Draws a grid, a pixel a number: the style sheet stretches the canvas. `scale`: the number of full colour. */
export function draw(canvas: HTMLCanvasElement, grid: Grid, how: { scale?: number; discretise?: boolean; classes?: boolean } = {}): void {
  const context = canvas.getContext("2d");
  if (!context) return;
  if (colours.length === 0) recolour();
  const { rows, columns, numbers, start } = grid;
  if (canvas.width !== columns || canvas.height !== rows) {
    canvas.width = columns;
    canvas.height = rows;
  }
  const image = context.createImageData(columns, rows);
  const pixels = new Uint32Array(image.data.buffer);
  const scale = how.scale ?? 1;
  for (let k = 0; k < pixels.length; k++) {
    let x = numbers[start + k] ?? 0;
    if (how.classes) {
      const [r, g, b] = classes[x] ?? [0, 0, 0];
      pixels[k] = (150 << 24) | (b << 16) | (g << 8) | r;
      continue;
    }
    if (how.discretise) x = x >= 0 ? scale : -scale;
    const place = Math.round(256 + 256 * Math.max(-1, Math.min(1, x / scale)));
    // NaN: nothing was written there yet.
    pixels[k] = Number.isNaN(x) ? 0 : (colours[place] ?? 0);
  }
  context.putImageData(image, 0, 0);
}

/** The largest size among numbers of a grid. */
export function largest({ numbers, start, rows, columns }: Grid): number {
  let size = 0;
  for (let k = start; k < start + rows * columns; k++) {
    const x = Math.abs(numbers[k] ?? 0);
    if (x > size) size = x;
  }
  return size;
}

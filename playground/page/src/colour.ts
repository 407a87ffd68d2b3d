// Colours of numbers: amber below 0, the paper at 0, blue above; and one for each class.

export type Rgb = [number, number, number];

interface Palette {
  below: Rgb;
  paper: Rgb;
  above: Rgb;
  ink: string;
  faint: string;
}

const light: Palette = { below: [222, 130, 22], paper: [244, 244, 240], above: [26, 110, 205], ink: "#1d2430", faint: "#c9ccd2" };
const dark: Palette = { below: [240, 160, 60], paper: [30, 34, 42], above: [92, 164, 246], ink: "#e8eaee", faint: "#464c58" };

export const classes: Rgb[] = [
  [222, 130, 22],
  [26, 110, 205],
  [34, 150, 94],
  [190, 60, 110],
  [120, 90, 190],
  [20, 150, 165],
  [150, 110, 60],
  [205, 80, 60],
  [110, 130, 40],
  [100, 110, 130],
];

const scheme = typeof matchMedia === "function" ? matchMedia("(prefers-color-scheme: dark)") : undefined;

export function palette(): Palette {
  const forced = typeof document === "undefined" ? undefined : document.documentElement.dataset["theme"];
  const isDark = forced === undefined ? scheme?.matches === true : forced === "dark";
  return isDark ? dark : light;
}

/** Calls back where light turns to dark or back. */
export function onTheme(change: () => void): void {
  scheme?.addEventListener("change", change);
  if (typeof document !== "undefined") new MutationObserver(change).observe(document.documentElement, { attributes: true, attributeFilter: ["data-theme"] });
}

/** The colour of a number from -1 to 1. */
export function diverging(x: number, { below, paper, above } = palette()): Rgb {
  if (Number.isNaN(x)) return [200, 0, 160];
  const to = x < 0 ? below : above;
  const t = Math.min(1, Math.abs(x));
  return [0, 1, 2].map((k) => Math.round((paper[k] ?? 0) + t * ((to[k] ?? 0) - (paper[k] ?? 0)))) as Rgb;
}

export function css([r, g, b]: Rgb, alpha = 1): string {
  return `rgb(${r} ${g} ${b} / ${alpha})`;
}

/** 513 colours from -1 to 1, for pictures of many pixels. */
export function table(): Uint32Array {
  const colours = new Uint32Array(513);
  const own = palette();
  for (let k = 0; k < 513; k++) {
    const [r, g, b] = diverging((k - 256) / 256, own);
    colours[k] = (255 << 24) | (b << 16) | (g << 8) | r;
  }
  return colours;
}

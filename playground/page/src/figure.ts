// Numbers as text.

/** `12,345` */
export function grouped(n: number): string {
  return Math.round(n).toLocaleString("en-US");
}

/** Three digits that matter. */
export function short(x: number): string {
  if (!Number.isFinite(x)) return String(x);
  const size = Math.abs(x);
  if (size === 0) return "0";
  if (size < 1e-3 || size >= 1e5) return x.toExponential(2);
  return x.toPrecision(3).replace(/(\.\d*?)0+$/, "$1").replace(/\.$/, "");
}

/** `1,024 B`, exact. */
export function bytes(n: number): string {
  return `${grouped(n)} B`;
}

/** A time of this browser's. */
export function seconds(s: number): string {
  if (s < 1e-6) return `${short(s * 1e9)} ns`;
  if (s < 1e-3) return `${short(s * 1e6)} µs`;
  if (s < 1) return `${short(s * 1e3)} ms`;
  return `${short(s)} s`;
}

/** All seventeen digits. */
export function full(x: number): string {
  return x.toExponential(16);
}

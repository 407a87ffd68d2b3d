// What the engine tells: the shapes of its answers.

import type { Settings } from "./settings";

export interface Matrix {
  name: string;
  offset: number;
  rows: number;
  columns: number;
}

export type Task = { kind: "regression" } | { kind: "classes"; names: string[] };

export interface Started {
  settings: Settings;
  words: string[];
  layout: Matrix[];
  params: number;
  inputs: number;
  outputs: number;
  /** For each hidden layer and the last, the node whose value is shown. */
  shown: number[];
  nodes: string[];
  plane: boolean;
  columns: string[];
  task: Task;
  points: number[];
  labels: number[];
  trained: boolean[];
  extent: number;
  side: number;
}

export interface Judged {
  loss: number;
  accuracy: number | null;
}

export interface Stop {
  what: string;
  why: string;
  block: string | null;
}

export interface Frame {
  step: number;
  epoch: number;
  blocks: number;
  train: Judged;
  test: Judged;
  blockLoss: number | null;
  params: number[];
  gradient: number[];
  past: [number, number] | null;
  stop: Stop | null;
}

export interface Line {
  text: string;
  part: "primal" | "tangent" | "adjoint";
  node: number;
  shape: [number, number];
  flops: number;
  calls: number;
  live: number;
  writes: number | null;
  reads: number[];
  act: string;
}

export interface Buffer {
  name: string;
  role: "value" | "kept" | "tangent" | "cotangent" | "gradient" | "sum";
  node: number;
  shape: [number, number];
  alive: [number, number];
  overwritten: boolean;
}

export interface Takes {
  flops: number;
  calls: number;
  peak: number;
  buffers: number;
}

export interface Side {
  lines: Line[];
  buffers: Buffer[];
  takes: Takes;
}

export interface Programs {
  forward: Side;
  reverse: Side;
  batch: number;
  nodes: string[];
}

export interface Drawn {
  buffer: number;
  shape: [number, number];
  start: number;
  now: boolean;
}

export interface Way {
  name: string;
  takes: Takes | null;
  seconds: number | null;
  obstacle: string | null;
  picked: boolean;
}

export interface Width {
  neurons: number;
  params: number;
  forward: Takes;
  reverse: Takes;
}

export interface Costs {
  params: number;
  batch: number;
  primal: number;
  ways: Way[];
  widths: Width[];
}

export interface Pick {
  ways: Way[];
  reason: string;
}

export interface Entry {
  name: string;
  forward: number;
  reverse: number;
  apart: number;
}

export interface Agreement {
  samples: number;
  values: [number, number];
  same: number;
  relative: number;
  entries: Entry[];
}

export interface BlockXray {
  name: string;
  kind: string;
  value_rms: number | null;
  cotangent_norm: number | null;
  gradient_norm: number | null;
  gain: number | null;
  slopes: { dead: number; saturated: number; mean: number } | null;
}

export interface Xray {
  batch: number;
  gradient_norm: number | null;
  blocks: BlockXray[];
  culprit: { reason: string } | null;
}

export interface Sample {
  raw: number[];
  label: number;
  outputs: number[];
  classes: string[];
}

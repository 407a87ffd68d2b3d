// The mathematics beside the picture: each block's formula with its shapes, and each activation's derivative drawn beside its use.

import { Chart } from "./chart";
import type { Client } from "./client";
import { byId, make } from "./element";
import { short } from "./figure";
import type { Started } from "./told";

/** Formulas as they are printed; what is computed is the engine's. */
const formulas: Record<string, [value: string, slope: string]> = {
  tanh: ["tanh u", "1 − tanh² u"],
  sigmoid: ["1 / (1 + e⁻ᵘ)", "σ(u) (1 − σ(u))"],
  relu: ["max(0, u)", "1 for u > 0, else 0"],
  "leaky-relu": ["max(0.01 u, u)", "1 for u > 0, else 0.01"],
  elu: ["u for u > 0, else eᵘ − 1", "1 for u > 0, else eᵘ"],
  softplus: ["ln(1 + eᵘ)", "σ(u)"],
  silu: ["u σ(u)", "σ(u) + u σ(u) (1 − σ(u))"],
  gelu: ["u Φ(u)", "Φ(u) + u φ(u)"],
  sin: ["sin u", "cos u"],
  square: ["u²", "2 u"],
  identity: ["u", "1"],
};

const losses: Record<string, string> = {
  "squared-error": "ℓ = Σ (h − t)²",
  "sigmoid-cross-entropy": "ℓ = ln(1 + eʰ) − t h, with t = 0 or 1",
  "softmax-cross-entropy": "ℓ = ln Σ eʰ − ⟨t, h⟩, with t of one 1",
};

export class Mathematics {
  private rows: HTMLElement[] = [];
  private drawn = "";

  constructor(private readonly client: Client) {}

  show(started: Started): void {
    const { settings, inputs, outputs } = started;
    const rows: HTMLElement[] = [];
    let width = inputs;
    let number = 0;
    let parameters = 0;
    const row = (name: string, formula: string, note: string) => rows.push(make("div", { class: "row" }, make("strong", {}, name), make("span", {}, formula), make("small", {}, note)));
    const linear = (to: number) => {
      const from = number === 0 ? "x" : `h${number}`;
      number++;
      parameters++;
      row(`h${number}`, `= W${parameters} ${from} + b${parameters}`, `W${parameters}: ${to} × ${width}, Jacobian ∂h${number}/∂${from} = W${parameters}`);
      width = to;
    };
    const act = (name: string) => {
      number++;
      const [value, slope] = formulas[name] ?? ["", ""];
      row(`h${number}`, `= ${name}(h${number - 1}), u ↦ ${value}`, `Jacobian diagonal, φ′(u) = ${slope}`);
    };
    for (const layer of settings.layers) {
      linear(layer.neurons);
      act(layer.activation);
    }
    linear(outputs);
    if (settings.output !== "identity") act(settings.output);
    number++;
    row("y", losses[settings.loss] ?? "", `summed over the block; a step goes along the mean`);
    const move = { sgd: "w ← w − η g", momentum: "v ← 0.9 v + g, w ← w − η v", adam: "w ← w − η m̂ / (√ŝ + ε), by Adam's moments" }[settings.optimiser] ?? "";
    const decay = [settings.l2 > 0 ? `weights × (1 − η ${settings.l2}) before` : "", settings.l1 > 0 ? `then ${settings.l1} η nearer to 0` : ""].filter(Boolean).join(", ");
    row("step", move, `η = ${settings.rate}${decay ? `; ${decay}` : ""}`);
    this.rows = rows;
    byId("maths").replaceChildren(...rows);
    void this.curves(started);
  }

  /** Marks the block of an instruction. */
  mark(node: number | undefined): void {
    this.rows.forEach((row, k) => row.classList.toggle("here", node !== undefined && k === Math.min(node, this.rows.length - 2)));
  }

  private async curves(started: Started): Promise<void> {
    const used = [...new Set([...started.settings.layers.map((layer) => layer.activation), ...(started.settings.output === "identity" ? [] : [started.settings.output])])];
    if (used.join() === this.drawn) return;
    this.drawn = used.join();
    const box = byId("curves");
    box.replaceChildren();
    for (const name of used) {
      const { ok } = await this.client.curve(name);
      if (used.join() !== this.drawn) return;
      const chart = make("div", { class: "chart", role: "img", "aria-label": `${name} and its derivative from -4 to 4` });
      box.append(make("figure", {}, make("figcaption", {}, `${name} and its derivative, by a jvp of ones`), chart));
      new Chart(chart, {
        curves: [
          { label: "φ", colour: "above" },
          { label: "φ′", colour: "below", dash: [5, 3] },
        ],
        x: short,
        y: short,
      }).set(ok);
    }
  }
}

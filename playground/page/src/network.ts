// The picture of the network: features, neurons with their heat maps, weights by width and colour; to hover, choose and edit.

import { css, palette } from "./colour";
import { make } from "./element";
import { short } from "./figure";
import { draw, largest } from "./heat";
import { activations, features, neuronsAtMost, type Settings, type View } from "./settings";
import type { Frame, Started } from "./told";

/** A line of the picture: which parameter, from where to where. */
interface Link {
  param: number;
  from: [number, number];
  to: [number, number];
  layer: number;
}

interface Neuron {
  button: HTMLButtonElement;
  canvas: HTMLCanvasElement;
  /** Its column of neurons: 0 the first hidden; -1: a feature. */
  layer: number;
  row: number;
  at: [number, number];
  /** Which grid of the frame's numbers; -1: none. */
  grid: number;
}

export interface Changes {
  settings(change: (settings: Settings) => void): void;
  weight(index: number, value: number): void;
}

const TILE = 40;

export class Network {
  private readonly stage = make("div", { class: "stage" });
  private readonly canvas = make("canvas", { class: "links", "aria-hidden": "true" });
  private readonly card = make("div", { id: "card", hidden: true, role: "dialog", "aria-label": "A weight" });
  private links: Link[] = [];
  private neurons: Neuron[] = [];
  private chosen = { layer: 0, row: 0 };
  private started: Started | undefined;
  private frame: Frame | undefined;
  private numbers = new Float32Array();
  private view: View | undefined;
  private hovered: Link | undefined;
  private pinned = false;
  private here: { pushed: number | undefined; pulled: number | undefined } = { pushed: undefined, pulled: undefined };
  /** A table's tile. */
  private input: HTMLCanvasElement | undefined;
  private width = 0;
  private height = 0;

  constructor(
    private readonly box: HTMLElement,
    private readonly inspector: HTMLElement,
    private readonly changes: Changes,
  ) {
    this.stage.append(this.canvas, this.card);
    box.append(this.stage);
    new ResizeObserver(() => {
      if (this.started && this.frame && this.view && Math.abs(this.box.clientWidth - this.width) > 1) this.build(this.started, this.view);
    }).observe(box);
    this.stage.addEventListener("pointermove", (event) => this.hover(event));
    this.stage.addEventListener("pointerleave", () => this.unhover());
    this.stage.addEventListener("click", (event) => this.pin(event));
    this.stage.addEventListener("keydown", (event) => {
      if (event.key === "Escape") this.unpin();
    });
  }

  /** Builds the picture of a network. */
  build(started: Started, view: View): void {
    const focus = document.activeElement instanceof HTMLElement ? document.activeElement.dataset["key"] : undefined;
    this.started = started;
    this.view = view;
    this.unpin();
    for (const element of [...this.stage.children]) if (element !== this.canvas && element !== this.card) element.remove();
    this.neurons = [];
    this.links = [];
    const { settings, plane } = started;
    const hidden = settings.layers;
    const columns = hidden.length + 2;
    this.width = this.box.clientWidth;
    const width = Math.max(this.width, columns * 88);
    const top = 74;
    this.height = top + 8 * (TILE + 10);
    this.stage.style.width = `${width}px`;
    this.stage.style.height = `${this.height}px`;
    const ratio = Math.min(2, devicePixelRatio || 1);
    this.canvas.width = Math.round(width * ratio);
    this.canvas.height = Math.round(this.height * ratio);
    const left = 62;
    const x = (column: number) => left + TILE / 2 + (column * (width - left - TILE - 26)) / (columns - 1);
    const y = (row: number) => top + (row + 0.5) * (TILE + 10);
    // Features: all seven, to be switched on and off; of a table one tile.
    const sources: [number, number][] = [];
    if (plane) {
      features.forEach((name, row) => {
        const on = settings.features.includes(name);
        const neuron = this.neuron([x(0), y(row)], -1, row, on ? settings.features.indexOf(name) : -1);
        neuron.button.setAttribute("aria-label", `Feature ${name}`);
        neuron.button.setAttribute("aria-pressed", String(on));
        neuron.button.classList.toggle("off", !on);
        neuron.button.title = on ? `${name}: leave it out` : `${name}: take it in`;
        neuron.button.dataset["key"] = `feature ${name}`;
        neuron.button.addEventListener("click", () =>
          this.changes.settings((s) => {
            s.features = on ? s.features.filter((of) => of !== name) : features.filter((of) => of === name || s.features.includes(of));
          }),
        );
        const label = make("span", { class: "label", "aria-hidden": "true" }, pretty(name));
        label.style.left = `${x(0) - TILE / 2 - 6}px`;
        label.style.top = `${y(row)}px`;
        this.stage.append(label);
        if (on) sources.push(neuron.at);
      });
    } else {
      const neuron = this.neuron([x(0), y(3.5)], -1, 0, -1);
      neuron.button.setAttribute("aria-label", `The ${started.inputs} columns of the table`);
      neuron.button.disabled = true;
      this.input = neuron.canvas;
      for (let k = 0; k < started.inputs; k++) sources.push([x(0), y(3.5) + (k - started.inputs / 2) * Math.min(5, 300 / started.inputs)]);
    }
    let from = sources;
    const widths = [...hidden.map((layer) => layer.neurons), started.outputs];
    let grid = plane ? settings.features.length : 0;
    widths.forEach((neurons, layer) => {
      const output = layer === hidden.length;
      const to: [number, number][] = [];
      const gap = Math.min(TILE + 10, (8 * (TILE + 10)) / neurons);
      for (let row = 0; row < neurons; row++) {
        const at: [number, number] = [x(layer + 1), output ? y(3.5) + (row - (neurons - 1) / 2) * gap : y(row)];
        const neuron = this.neuron(at, layer, row, plane && (!output || row === 0) ? grid++ : -1);
        const name = output ? `Output ${neurons > 1 ? row + 1 : ""}` : `Neuron ${row + 1} of layer ${layer + 1}`;
        neuron.button.setAttribute("aria-label", `${name.trim()}: its weights`);
        neuron.button.dataset["key"] = `${layer} ${row}`;
        if (output && neurons > 8) neuron.button.style.height = neuron.button.style.width = "30px";
        neuron.button.addEventListener("click", (event) => {
          event.stopPropagation();
          this.choose(layer, row);
        });
        to.push(at);
      }
      this.heading(layer, x(layer + 1), settings);
      const weights = started.layout.find((matrix) => matrix.name === `layer${layer}.weight`);
      if (weights) {
        for (let i = 0; i < weights.rows; i++) {
          for (let j = 0; j < weights.columns; j++) {
            const [a, b] = [from[j], to[i]];
            if (a && b) this.links.push({ param: weights.offset + j * weights.rows + i, from: a, to: b, layer });
          }
        }
      }
      from = to;
    });
    if (this.chosen.layer >= widths.length || this.chosen.row >= (widths[this.chosen.layer] ?? 0)) this.chosen = { layer: 0, row: 0 };
    this.inspect();
    this.mark(this.here.pushed, this.here.pulled);
    if (focus !== undefined) this.stage.querySelector<HTMLElement>(`[data-key="${CSS.escape(focus)}"]`)?.focus();
  }

  private neuron(at: [number, number], layer: number, row: number, grid: number): Neuron {
    const canvas = make("canvas", { width: TILE, height: TILE, "aria-hidden": "true" });
    const button = make("button", { class: "neuron", type: "button" }, canvas);
    button.style.left = `${at[0]}px`;
    button.style.top = `${at[1]}px`;
    button.style.width = button.style.height = `${TILE}px`;
    const neuron = { button, canvas, layer, row, at, grid };
    this.neurons.push(neuron);
    this.stage.append(button);
    return neuron;
  }

  /** What stands above a layer: its neurons, and its activation. */
  private heading(layer: number, x: number, settings: Settings): void {
    const own = settings.layers[layer];
    const column = make("div", { class: "column" });
    column.style.left = `${x}px`;
    if (own) {
      const change = (by: number, name: string, sign: string, disabled: boolean) => {
        const button = make("button", { type: "button", "aria-label": `One neuron ${name} in layer ${layer + 1}`, disabled }, sign);
        button.dataset["key"] = `${name} ${layer}`;
        button.addEventListener("click", () =>
          this.changes.settings((s) => {
            const of = s.layers[layer];
            if (of) of.neurons += by;
          }),
        );
        return button;
      };
      const select = make("select", { "aria-label": `Activation of layer ${layer + 1}` }, ...activations.map((name) => make("option", { selected: name === own.activation }, name)));
      select.dataset["key"] = `activation ${layer}`;
      select.addEventListener("change", () =>
        this.changes.settings((s) => {
          const of = s.layers[layer];
          if (of) of.activation = select.value;
        }),
      );
      column.append(make("div", { class: "count" }, change(-1, "less", "−", own.neurons <= 1), `${own.neurons}`, change(1, "more", "+", own.neurons >= neuronsAtMost)), select);
    } else {
      column.append(make("div", { class: "count" }, "output"));
    }
    this.stage.append(column);
  }

  /** Shows a frame. */
  show(frame: Frame, numbers: Float32Array<ArrayBuffer>, view: View): void {
    this.frame = frame;
    this.numbers = numbers;
    this.view = view;
    const { started } = this;
    if (!started) return;
    if (started.plane) {
      const cells = started.side * started.side;
      for (const neuron of this.neurons) {
        if (neuron.grid < 0) continue;
        const grid = { numbers, start: neuron.grid * cells, rows: started.side, columns: started.side };
        const output = neuron.layer === started.settings.layers.length;
        const several = output && started.outputs > 2;
        const scale = output ? 1 : Math.max(1e-9, largest(grid));
        draw(neuron.canvas, grid, { scale, discretise: view.discretise && !several, classes: several });
      }
    } else {
      this.pictures(started, frame);
    }
    this.lines();
  }

  /** Of a table: the numbers of the sample that is looked at. */
  read(raw: number[]): void {
    if (this.started?.plane !== false || !this.input) return;
    const side = Math.sqrt(raw.length);
    const columns = Number.isInteger(side) ? side : raw.length;
    const grid = { numbers: Float32Array.from(raw), start: 0, rows: raw.length / columns, columns };
    draw(this.input, grid, { scale: Math.max(1e-9, largest(grid)) });
  }

  /** Of a table: the weights that lead to each neuron of the first layer, as a picture where they are a square number. */
  private pictures(started: Started, frame: Frame): void {
    for (const neuron of this.neurons) {
      const weights = started.layout.find((matrix) => matrix.name === `layer${neuron.layer}.weight`);
      if (!weights) continue;
      const side = Math.sqrt(weights.columns);
      const columns = Number.isInteger(side) && side > 2 ? side : weights.columns;
      const numbers = Float32Array.from({ length: weights.columns }, (_, j) => frame.params[weights.offset + j * weights.rows + neuron.row] ?? 0);
      const grid = { numbers, start: 0, rows: weights.columns / columns, columns };
      draw(neuron.canvas, grid, { scale: Math.max(1e-9, largest(grid)) });
    }
  }

  /** Draws all weights. */
  private lines(): void {
    const context = this.canvas.getContext("2d");
    const { frame } = this;
    if (!context || !frame) return;
    const ratio = this.canvas.height / this.height;
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const own = palette();
    const by = this.view?.colour === "gradient" ? frame.gradient : frame.params;
    let most = 0;
    for (const link of this.links) most = Math.max(most, Math.abs(by[link.param] ?? 0));
    const full = this.view?.colour === "gradient" ? Math.max(most, 1e-12) : Math.max(1, most / 2);
    const thin = this.links.length > 300 ? 0.5 : 1;
    for (const link of this.links) {
      const value = by[link.param] ?? 0;
      const size = Math.min(1, Math.abs(value) / full);
      context.lineWidth = thin * (0.4 + 5 * size);
      context.strokeStyle = value === 0 ? own.faint : css(value < 0 ? own.below : own.above, 0.35 + 0.65 * size);
      this.path(context, link);
      context.stroke();
    }
    if (this.hovered) {
      context.strokeStyle = own.ink;
      context.lineWidth = 2;
      this.path(context, this.hovered);
      context.stroke();
    }
  }

  private path(context: CanvasRenderingContext2D, { from, to }: Link): void {
    const half = TILE / 2;
    const [x0, x1] = [from[0] + half, to[0] - half];
    const bend = (x1 - x0) / 2;
    context.beginPath();
    context.moveTo(x0, from[1]);
    context.bezierCurveTo(x0 + bend, from[1], x1 - bend, to[1], x1, to[1]);
  }

  /** The line next to a place, within some pixels. */
  private near(x: number, y: number): Link | undefined {
    let best: Link | undefined;
    let least = 7;
    for (const link of this.links) {
      const [x0, x1] = [link.from[0] + TILE / 2, link.to[0] - TILE / 2];
      if (x < x0 || x > x1) continue;
      // The curve's x is nearly even in its parameter: look around it.
      const guess = (x - x0) / Math.max(1, x1 - x0);
      for (let k = -4; k <= 4; k++) {
        const t = Math.min(1, Math.max(0, guess + k * 0.05));
        const s = 1 - t;
        const bx = s * s * s * x0 + 1.5 * s * s * t * (x0 + x1) + 1.5 * s * t * t * (x0 + x1) + t * t * t * x1;
        const by = (s * s * s + 3 * s * s * t) * link.from[1] + (3 * s * t * t + t * t * t) * link.to[1];
        const far = Math.hypot(bx - x, by - y);
        if (far < least) [least, best] = [far, link];
      }
    }
    return best;
  }

  private place(event: MouseEvent): [number, number] {
    const box = this.stage.getBoundingClientRect();
    return [event.clientX - box.left, event.clientY - box.top];
  }

  private hover(event: PointerEvent): void {
    if (this.pinned) return;
    const found = event.target === this.canvas || event.target === this.stage ? this.near(...this.place(event)) : undefined;
    if (found === this.hovered) return;
    this.hovered = found;
    this.canvas.style.cursor = found ? "pointer" : "";
    this.tell(event, false);
    this.lines();
  }

  private unhover(): void {
    if (this.pinned || !this.hovered) return;
    this.hovered = undefined;
    this.card.hidden = true;
    this.lines();
  }

  private pin(event: MouseEvent): void {
    if (this.card.contains(event.target as Node)) return;
    const found = event.target === this.canvas || event.target === this.stage ? this.near(...this.place(event)) : undefined;
    if (!found) return this.unpin();
    this.hovered = found;
    this.pinned = true;
    this.tell(event, true);
    this.card.querySelector("input")?.focus();
    this.lines();
  }

  private unpin(): void {
    this.pinned = false;
    this.hovered = undefined;
    this.card.hidden = true;
    this.lines();
  }

  /** The card of a line. */
  private tell(event: MouseEvent, edit: boolean): void {
    const { hovered, frame, started } = this;
    this.card.hidden = !hovered;
    if (!hovered || !frame || !started) return;
    const value = frame.params[hovered.param] ?? 0;
    const gradient = frame.gradient[hovered.param] ?? 0;
    this.card.replaceChildren(make("strong", {}, nameOf(started, hovered.param)), make("div", {}, `value ${short(value)}`), make("div", {}, `∂ mean loss of the last block: ${short(gradient)}`));
    if (edit) this.card.append(this.field(hovered.param, "new value"));
    else this.card.append(make("div", {}, "click to edit"));
    const [x, y] = this.place(event);
    this.card.style.left = `${Math.min(x + 12, this.stage.clientWidth - 215)}px`;
    this.card.style.top = `${Math.min(y + 12, this.stage.clientHeight - 120)}px`;
  }

  private field(param: number, label: string): HTMLLabelElement {
    const value = this.frame?.params[param] ?? 0;
    const input = make("input", { type: "number", step: "any", value: Number(value.toPrecision(6)), "data-param": param });
    input.addEventListener("change", () => {
      const number = input.value === "" ? Number.NaN : Number(input.value);
      if (Number.isFinite(number)) this.changes.weight(param, number);
      else input.value = String(Number((this.frame?.params[param] ?? 0).toPrecision(6)));
    });
    input.addEventListener("keydown", (event) => event.stopPropagation());
    return make("label", {}, label, input);
  }

  private choose(layer: number, row: number): void {
    this.chosen = { layer, row };
    this.inspect();
  }

  /** The weights of the chosen neuron, to read and to edit. */
  private inspect(): void {
    const { started, chosen } = this;
    if (!started) return;
    for (const neuron of this.neurons) neuron.button.classList.toggle("chosen", neuron.layer === chosen.layer && neuron.row === chosen.row);
    const weights = started.layout.find((matrix) => matrix.name === `layer${chosen.layer}.weight`);
    const bias = started.layout.find((matrix) => matrix.name === `layer${chosen.layer}.bias`);
    if (!weights || !bias) return this.inspector.replaceChildren();
    const output = chosen.layer === started.settings.layers.length;
    const title = output ? `Output${started.outputs > 1 ? ` ${chosen.row + 1}` : ""}` : `Neuron ${chosen.row + 1} of layer ${chosen.layer + 1}`;
    const read = this.sources(chosen.layer);
    const fields = [this.field(bias.offset + chosen.row, "bias")];
    for (let j = 0; j < weights.columns; j++) fields.push(this.field(weights.offset + j * weights.rows + chosen.row, `from ${read[j] ?? j + 1}`));
    this.inspector.replaceChildren(make("strong", {}, title), " ", make("code", {}), make("div", { class: "weights" }, ...fields));
    this.tellNumbers();
  }

  private sources(layer: number): string[] {
    const { started } = this;
    if (!started) return [];
    if (layer > 0) return Array.from({ length: started.settings.layers[layer - 1]?.neurons ?? 0 }, (_, k) => `h${2 * layer}[${k + 1}]`);
    return started.plane ? started.settings.features.map(pretty) : started.columns;
  }

  /** Writes the present numbers into the inspector. */
  tellNumbers(): void {
    const { frame, started, chosen } = this;
    if (!frame || !started) return;
    for (const input of this.inspector.querySelectorAll<HTMLInputElement>("input[data-param]")) {
      if (input === document.activeElement) continue;
      const now = String(Number((frame.params[Number(input.dataset["param"])] ?? 0).toPrecision(6)));
      if (input.value !== now) input.value = now;
    }
    const code = this.inspector.querySelector("code");
    const weights = started.layout.find((matrix) => matrix.name === `layer${chosen.layer}.weight`);
    const bias = started.layout.find((matrix) => matrix.name === `layer${chosen.layer}.bias`);
    if (!code || !weights || !bias) return;
    const read = this.sources(chosen.layer);
    const terms = read.slice(0, 8).map((name, j) => `${signed(frame.params[weights.offset + j * weights.rows + chosen.row] ?? 0)} ${name}`);
    if (read.length > 8) terms.push("…");
    const inner = `${terms.join(" ")} ${signed(frame.params[bias.offset + chosen.row] ?? 0)}`.replace(/^\+ /, "");
    const activation = started.settings.layers[chosen.layer]?.activation ?? started.settings.output;
    code.textContent = activation === "identity" ? inner : `${activation}(${inner})`;
  }

  /** Marks the nodes at which forward and reverse mode are. */
  mark(pushed: number | undefined, pulled: number | undefined): void {
    this.here = { pushed, pulled };
    const { started } = this;
    if (!started) return;
    const layer = (node: number | undefined) => (node === undefined ? undefined : started.shown.findIndex((shown) => node <= shown));
    const at = (found: number | undefined) => (found === -1 ? started.shown.length - 1 : found);
    const [a, b] = [at(layer(pushed)), at(layer(pulled))];
    for (const neuron of this.neurons) {
      neuron.button.classList.toggle("pushed", a !== undefined && neuron.layer === a);
      neuron.button.classList.toggle("pulled", b !== undefined && neuron.layer === b);
    }
  }

  /** Draws the weights anew, after a change of theme. */
  recolour(): void {
    if (this.frame && this.view) this.show(this.frame, this.numbers, this.view);
  }
}

/** `+ 0.5` */
function signed(x: number): string {
  return `${x < 0 ? "−" : "+"} ${short(Math.abs(x))}`;
}

/** A feature as mathematics writes it. */
export function pretty(name: string): string {
  return name.replace("x1", "x₁").replace("x2", "x₂").replace("^2", "²");
}

/** `layer0.weight[1, 2]` */
export function nameOf(started: Started, param: number): string {
  const matrix = started.layout.find((of) => param >= of.offset && param < of.offset + of.rows * of.columns);
  if (!matrix) return `parameter ${param}`;
  const at = param - matrix.offset;
  return `${matrix.name}[${at % matrix.rows}, ${Math.floor(at / matrix.rows)}]`;
}

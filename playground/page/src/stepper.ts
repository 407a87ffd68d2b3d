// The two-mode stepper: the plans' own programs side by side, what lies in memory after each instruction, and how much.

import { Chart } from "./chart";
import type { Client } from "./client";
import { byId, make, text } from "./element";
import { bytes, grouped } from "./figure";
import { draw, largest } from "./heat";
import type { Buffer, Drawn, Line, Programs, Side } from "./told";
import { saying } from "./words";

export class Stepper {
  programs: Programs | undefined;
  tick = 0;
  private readonly lists = { primal: byId("primal"), tangent: byId("tangent"), adjoint: byId("adjoint") };
  /** Of each mode's instructions the lines of the lists. */
  private shown: { forward: HTMLElement[]; reverse: HTMLElement[] } = { forward: [], reverse: [] };
  private readonly areas: { forward: Chart; reverse: Chart };
  private walking: ReturnType<typeof setInterval> | undefined;
  private looking = false;
  private lookAgain = false;

  constructor(
    private readonly client: Client,
    private readonly changes: { mark(pushed: number | undefined, pulled: number | undefined): void; fault(error: unknown): void; take(): Promise<void> },
  ) {
    const area = (id: string, colour: string, mode: "forward" | "reverse") =>
      new Chart(byId(id), {
        curves: [{ label: "bytes alive", colour, fill: true, steps: true }],
        x: (v) => (Number.isInteger(v) ? String(v) : ""),
        y: (v) => compact(v),
        fromZero: true,
        mark: () => (this.tick > 0 ? Math.min(this.tick, this.programs?.[mode].lines.length ?? 0) : undefined),
      });
    this.areas = { forward: area("forward-area", "pushed", "forward"), reverse: area("reverse-area", "pulled", "reverse") };
    const on = (id: string, act: () => void) => byId(id).addEventListener("click", act);
    on("first", () => this.go(0));
    on("previous", () => this.go(this.tick - 1));
    on("next", () => this.go(this.tick + 1));
    on("next-block", () => this.go(this.blockFrom(this.tick)));
    on("last", () => this.go(this.ticks()));
    on("walk", () => this.walk());
    on("refresh", () => void this.trace());
    on("take", () => void this.take());
    byId<HTMLInputElement>("tick").addEventListener("input", (event) => this.go(Number((event.target as HTMLInputElement).value)));
    byId<HTMLSelectElement>("of-sample").addEventListener("change", () => void this.look());
  }

  ticks(): number {
    const { programs } = this;
    return programs ? Math.max(programs.forward.lines.length, programs.reverse.lines.length) : 0;
  }

  /** Traces both programs at the present weights. */
  async trace(): Promise<void> {
    try {
      const { ok } = await this.client.programs();
      const before = this.programs;
      this.programs = ok;
      const same = before !== undefined && JSON.stringify(before.forward.lines) === JSON.stringify(ok.forward.lines) && JSON.stringify(before.reverse.lines) === JSON.stringify(ok.reverse.lines);
      if (!same) this.list(ok);
      this.go(Math.min(this.tick, this.ticks()));
    } catch (error) {
      this.programs = undefined;
      for (const list of Object.values(this.lists)) list.replaceChildren();
      for (const id of ["forward-heats", "reverse-heats"]) byId(id).replaceChildren();
      text(byId("saying"), error instanceof Error ? error.message : String(error));
    }
  }

  /** Lists the programs. */
  private list(programs: Programs): void {
    const row = (line: Line, k: number) =>
      make(
        "li",
        { title: `${line.text}\n${line.shape.join(" × ")}, ${grouped(line.flops)} flops${line.calls ? `, ${grouped(line.calls)} calls` : ""}`, "data-k": k },
        make("span", {}, line.text),
        make("small", {}, `${line.shape[0] === 0 ? "" : `${line.shape[0]}×${line.shape[1]}`}  ${work(line)}`),
      );
    const total = (lines: Line[]) => {
      const [flops, calls] = lines.reduce(([f, c], line) => [f + line.flops, c + line.calls], [0, 0]);
      return make("li", { class: "total" }, make("span", {}, "all"), make("small", {}, work({ flops, calls })));
    };
    const own = (side: Side, part: string) => side.lines.map((line, k) => ({ line, k })).filter(({ line }) => line.part === part);
    const primal = own(programs.reverse, "primal");
    const rows = { primal: new Map<string, HTMLElement>(), forward: [] as HTMLElement[], reverse: [] as HTMLElement[] };
    this.lists.primal.replaceChildren(
      ...primal.map(({ line, k }) => {
        const item = row(line, k);
        rows.primal.set(line.text, item);
        rows.reverse[k] = item;
        return item;
      }),
      total(primal.map(({ line }) => line)),
    );
    const other = (part: "tangent" | "adjoint", side: Side, items: HTMLElement[]) => {
      const lines = own(side, part);
      this.lists[part].replaceChildren(
        ...lines.map(({ line, k }) => {
          const item = row(line, k);
          items[k] = item;
          return item;
        }),
        total(lines.map(({ line }) => line)),
      );
    };
    other("tangent", programs.forward, rows.forward);
    other("adjoint", programs.reverse, rows.reverse);
    // Forward mode's primal instructions are those of the same text.
    for (const { line, k } of own(programs.forward, "primal")) {
      const item = rows.primal.get(line.text);
      if (item) rows.forward[k] = item;
    }
    this.shown = { forward: rows.forward, reverse: rows.reverse };
    const samples = byId<HTMLSelectElement>("of-sample");
    if (samples.options.length !== programs.batch) samples.replaceChildren(...Array.from({ length: programs.batch }, (_, k) => make("option", { value: k }, String(k + 1))));
    byId<HTMLInputElement>("tick").max = String(this.ticks());
    for (const mode of ["forward", "reverse"] as const) {
      const { lines } = programs[mode];
      this.areas[mode].set([lines.map((_, k) => k + 1), lines.map((line) => line.live)]);
    }
  }

  /** To a tick: so many instructions of each mode have run. */
  go(tick: number): void {
    this.tick = Math.max(0, Math.min(tick, this.ticks()));
    byId<HTMLInputElement>("tick").value = String(this.tick);
    text(byId("tick-out"), `${this.tick} of ${this.ticks()}`);
    const { programs } = this;
    if (!programs) return;
    for (const list of Object.values(this.lists)) for (const item of list.children) item.classList.remove("pushed", "pulled", "done");
    const place = (mode: "forward" | "reverse") => Math.min(this.tick, programs[mode].lines.length) - 1;
    const [f, r] = [place("forward"), place("reverse")];
    this.shown.forward.forEach((item, k) => item.classList.toggle("done", k < f));
    this.shown.reverse.forEach((item, k) => k < r && item.classList.add("done"));
    const mark = (item: HTMLElement | undefined, name: string) => {
      if (!item) return;
      item.classList.add(name);
      const list = item.parentElement;
      // Within its list alone: the page does not move.
      if (list && (item.offsetTop < list.offsetTop + list.scrollTop || item.offsetTop + item.offsetHeight > list.offsetTop + list.scrollTop + list.clientHeight - 30)) list.scrollTop = item.offsetTop - list.offsetTop - list.clientHeight / 3;
    };
    mark(this.shown.forward[f], "pushed");
    mark(this.shown.reverse[r], "pulled");
    const [forward, reverse] = [programs.forward.lines[f], programs.reverse.lines[r]];
    this.changes.mark(forward?.node, reverse?.node);
    this.say(forward, reverse);
    text(byId("forward-live"), forward ? `${bytes(forward.live)} now, ${bytes(programs.forward.takes.peak)} at most with its plan` : "nothing yet");
    text(byId("reverse-live"), reverse ? `${bytes(reverse.live)} now, ${bytes(programs.reverse.takes.peak)} at most with its plan` : "nothing yet");
    this.areas.forward.redraw();
    this.areas.reverse.redraw();
    void this.look();
  }

  private say(forward: Line | undefined, reverse: Line | undefined): void {
    const box = byId("saying");
    if (!forward || !reverse) {
      text(box, "Nothing has run yet. One tick runs one instruction of each mode.");
      return;
    }
    box.replaceChildren(
      make("b", { class: "pushed" }, `forward: ${forward.text}`),
      ` — ${saying(forward)} `,
      make("br"),
      make("b", { class: "pulled" }, `reverse: ${reverse.text}`),
      ` — ${saying(reverse)} `,
    );
    if (this.tick === this.ticks()) box.append(make("br"), make("strong", { id: "end-says" }, ""));
  }

  /** The next tick at which a mode comes to another block. */
  private blockFrom(tick: number): number {
    const { programs } = this;
    if (!programs) return tick;
    const node = (side: Side, at: number) => side.lines[Math.min(at, side.lines.length) - 1]?.node;
    for (let next = tick + 1; next < this.ticks(); next++) {
      const changes = (side: Side) => next < side.lines.length && node(side, next) !== node(side, next + 1);
      if (next >= programs.reverse.lines.length ? changes(programs.forward) : changes(programs.reverse)) return next;
    }
    return this.ticks();
  }

  private walk(): void {
    const button = byId("walk");
    const stop = () => {
      clearInterval(this.walking);
      this.walking = undefined;
      button.setAttribute("aria-pressed", "false");
      button.textContent = "Walk";
    };
    if (this.walking !== undefined) return stop();
    if (this.tick >= this.ticks()) this.go(0);
    button.setAttribute("aria-pressed", "true");
    button.textContent = "Stop";
    this.walking = setInterval(() => {
      this.go(this.tick + 1);
      if (this.tick >= this.ticks()) stop();
    }, 450);
  }

  private async take(): Promise<void> {
    await this.changes.take();
    await this.trace();
    this.go(0);
  }

  /** Asks for what lies in memory, once at a time. */
  private async look(): Promise<void> {
    if (this.looking) {
      this.lookAgain = true;
      return;
    }
    this.looking = true;
    do {
      this.lookAgain = false;
      const { programs, tick } = this;
      if (!programs || tick === 0) {
        for (const id of ["forward-heats", "reverse-heats"]) byId(id).replaceChildren();
        this.shows(tick);
        continue;
      }
      const at = (side: Side) => Math.min(tick, side.lines.length) - 1;
      try {
        const sample = Number(byId<HTMLSelectElement>("of-sample").value) || 0;
        const { ok, numbers } = await this.client.look([at(programs.forward), at(programs.reverse)], Math.min(sample, programs.batch - 1));
        if (programs !== this.programs) continue;
        this.heats(byId("forward-heats"), programs.forward, ok[0], numbers);
        this.heats(byId("reverse-heats"), programs.reverse, ok[1], numbers);
        // What comes may be of an earlier tick than the one that is shown by now.
        if (tick === this.ticks()) this.compare(programs, ok, numbers);
        this.shows(tick);
      } catch (error) {
        this.changes.fault(error);
      }
    } while (this.lookAgain);
    this.looking = false;
  }

  /** The heat maps are of this tick now; they come a moment after the tick that the slider says. */
  private shows(tick: number): void {
    for (const id of ["forward-heats", "reverse-heats"]) byId(id).dataset.tick = String(tick);
  }

  /** At the end both gradients lie there. */
  private compare(programs: Programs, [forward, reverse]: [Drawn[], Drawn[]], numbers: Float32Array): void {
    const box = document.getElementById("end-says");
    const gradient = (drawn: Drawn[], side: Side) => {
      const own = drawn.find((d) => side.buffers[d.buffer]?.role === "gradient");
      return own ? [...numbers.slice(own.start, own.start + own.shape[0])] : [];
    };
    if (!box) return;
    const [a, b] = [gradient(forward, programs.forward), gradient(reverse, programs.reverse)];
    const size = Math.max(...b.map(Math.abs), 1e-300);
    const apart = Math.max(0, ...a.map((x, k) => Math.abs(x - (b[k] ?? Number.NaN)))) / size;
    text(box, `Both ended with the gradient of ${a.length} parameters${apart < 1e-6 ? ": they are equal to the digits shown here" : `: they differ by ${apart}`}. “Does it match?” compares to the last.`);
  }

  /** Heat maps of what lies in memory. */
  private heats(box: HTMLElement, side: Side, drawn: Drawn[], numbers: Float32Array<ArrayBuffer>): void {
    const order: Buffer["role"][] = ["gradient", "sum", "tangent", "cotangent", "value", "kept"];
    const sorted = [...drawn].sort((a, b) => rank(a) - rank(b) || a.buffer - b.buffer);
    function rank(d: Drawn) {
      return order.indexOf(side.buffers[d.buffer]?.role ?? "kept");
    }
    const known = new Map([...box.children].map((child) => [(child as HTMLElement).dataset["buffer"], child as HTMLElement]));
    box.replaceChildren(
      ...sorted.map((d) => {
        const buffer = side.buffers[d.buffer];
        const key = String(d.buffer);
        const item = known.get(key) ?? make("div", { class: "heat", "data-buffer": key }, make("canvas", { role: "img" }), make("div"));
        item.classList.toggle("now", d.now);
        // A gradient is a long column: it lies down.
        const flat = d.shape[1] === 1 && d.shape[0] > 16;
        const [rows, columns] = flat ? [1, d.shape[0]] : d.shape;
        const grid = { numbers, start: d.start, rows, columns };
        const canvas = item.querySelector("canvas");
        if (canvas && buffer) {
          const zoom = Math.max(1, Math.min(10, Math.floor(520 / Math.max(columns, 1)), Math.floor(90 / rows)));
          canvas.style.width = `${columns * zoom}px`;
          canvas.style.height = `${Math.max(rows * zoom, 6)}px`;
          const size = largest(grid);
          draw(canvas, grid, { scale: size || 1 });
          canvas.setAttribute("aria-label", `${buffer.name}, ${d.shape.join(" by ")}, largest ${size}`);
          const what = { value: side === this.programs?.forward ? "value" : "recorded", kept: "kept slopes", tangent: "tangents of one sample", cotangent: "cotangents", gradient: "gradient", sum: "the loss" }[buffer.role];
          item.querySelector("div")?.replaceChildren(make("b", {}, buffer.name), ` ${what}, ${buffer.shape.join(" × ")}`);
        }
        return item;
      }),
    );
  }
}

function work({ flops, calls }: { flops: number; calls: number }): string {
  if (calls === 0) return `${grouped(flops)} flops`;
  return `${grouped(flops)} + ${grouped(calls)}c`;
}

/** `12k` on an axis. */
function compact(n: number): string {
  if (n >= 1e6) return `${+(n / 1e6).toFixed(1)} MB`;
  if (n >= 1e3) return `${+(n / 1e3).toFixed(1)} kB`;
  return `${n} B`;
}

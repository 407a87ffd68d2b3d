// What one gradient costs by every way: exact counts, the planner's pick, and what becomes of them as neurons are added.

import { Chart } from "./chart";
import { Client } from "./client";
import { byId, make, text } from "./element";
import { bytes, grouped, seconds, short } from "./figure";
import type { Begin } from "./client";
import type { Costs as Told, Takes, Way } from "./told";

export class Costs {
  private before: { forward: Takes; reverse: Takes; params: number } | undefined;
  private readonly flops: Chart;
  private readonly bytes: Chart;
  private planner: Client | undefined;
  private primal = 1;

  constructor(
    private readonly client: Client,
    private readonly begin: () => Begin,
  ) {
    const curves = [
      { label: "forward", colour: "pushed" },
      { label: "reverse", colour: "pulled" },
    ];
    const x = (v: number) => (Number.isInteger(v) ? String(v) : "");
    this.flops = new Chart(byId("flops-chart"), { curves, x, y: thousands, fromZero: true });
    this.bytes = new Chart(byId("bytes-chart"), { curves, x, y: thousands, fromZero: true });
    byId("pick").addEventListener("click", () => void this.pick());
  }

  async renew(): Promise<void> {
    const { ok } = await this.client.costs();
    this.primal = Math.max(1, ok.primal);
    this.table(ok.ways, ok.primal);
    text(byId("reason"), "Times are measured in this browser, in about two seconds, when you ask.");
    const widths = ok.widths;
    const column = (of: (takes: Takes) => number) => [widths.map((w) => w.neurons), widths.map((w) => of(w.forward)), widths.map((w) => of(w.reverse))];
    this.flops.set(column((takes) => takes.flops));
    this.bytes.set(column((takes) => takes.peak));
    this.change(ok);
  }

  private change(ok: Told): void {
    const find = (name: string) => ok.ways.find((way) => way.name === name)?.takes;
    const [forward, reverse] = [find("forward dense"), find("reverse")];
    if (!forward || !reverse) return;
    const { before } = this;
    this.before = { forward, reverse, params: ok.params };
    const base = `${grouped(ok.params)} parameters, ${ok.batch} samples: forward ${grouped(forward.flops)} flops, reverse ${grouped(reverse.flops)}.`;
    const step = (was: number, is: number) => `${is >= was ? "+" : "−"}${grouped(Math.abs(is - was))} (× ${short(is / Math.max(1, was))})`;
    const changed = before && (before.forward.flops !== forward.flops || before.params !== ok.params);
    text(byId("delta"), changed ? `${base} Your last change: forward ${step(before.forward.flops, forward.flops)}, reverse ${step(before.reverse.flops, reverse.flops)}; bytes ${step(before.forward.peak, forward.peak)} and ${step(before.reverse.peak, reverse.peak)}.` : base);
  }

  private table(ways: Way[], primal: number): void {
    const body = byId("ways").querySelector("tbody");
    body?.replaceChildren(
      ...ways.map((way) => {
        const cells = way.takes
          ? [grouped(way.takes.flops), short(way.takes.flops / Math.max(1, primal)), bytes(way.takes.peak), way.seconds === null ? "–" : seconds(way.seconds)]
          : ["–", "–", "–", "–"];
        const name = make("td", {}, way.name, way.picked ? " ← picked" : "");
        if (way.obstacle !== null) name.append(make("small", {}, ` (no: ${way.obstacle})`));
        return make("tr", way.picked ? { class: "picked" } : {}, name, ...cells.map((cell) => make("td", {}, cell)));
      }),
    );
  }

  /** The planner runs in a worker of its own: training goes on. */
  async pick(): Promise<void> {
    const button = byId<HTMLButtonElement>("pick");
    const reason = byId("reason");
    button.disabled = true;
    text(reason, "Measuring how long this browser takes …");
    try {
      this.planner ??= new Client();
      await this.planner.start(this.begin());
      const within = Number(byId<HTMLInputElement>("budget").value);
      const { ok } = await this.planner.pick(within >= 1 && Number.isFinite(within) ? Math.floor(within) : null);
      this.table(ok.ways, this.primal);
      text(reason, `${ok.reason} Times are this browser's; flops and bytes are exact.`);
    } catch (error) {
      text(reason, error instanceof Error ? error.message : String(error));
    }
    button.disabled = false;
  }
}

function thousands(n: number): string {
  if (n >= 1e6) return `${+(n / 1e6).toFixed(1)}M`;
  return n >= 1e3 ? `${+(n / 1e3).toFixed(0)}k` : String(n);
}

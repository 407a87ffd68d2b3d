// One sample of a table: its numbers or its picture, and what the network answers.

import { classes, css } from "./colour";
import type { Client } from "./client";
import { byId, make } from "./element";
import { short } from "./figure";
import { draw } from "./heat";

export class SampleView {
  private asking = false;

  constructor(
    private readonly client: Client,
    private readonly shown: (raw: number[]) => void,
  ) {
    byId("sample").addEventListener("input", () => void this.renew());
  }

  async renew(): Promise<void> {
    if (this.asking) return;
    this.asking = true;
    try {
      const { ok } = await this.client.sample(Number(byId<HTMLInputElement>("sample").value));
      const plane = byId<HTMLCanvasElement>("plane");
      const side = Math.sqrt(ok.raw.length);
      const columns = Number.isInteger(side) ? side : ok.raw.length;
      const scale = Math.max(...ok.raw.map(Math.abs), 1e-9);
      draw(plane, { numbers: Float32Array.from(ok.raw), start: 0, rows: ok.raw.length / columns, columns }, { scale });
      this.shown(ok.raw);
      const most = Math.max(...ok.outputs);
      const parts = ok.outputs.map((output) => Math.exp(output - most));
      const sum = parts.reduce((a, b) => a + b, 0);
      const rows = ok.outputs.map((output, k) => {
        const several = ok.outputs.length > 1;
        const bar = make("i");
        bar.style.width = `${several ? (100 * (parts[k] ?? 0)) / sum : 50 + 50 * Math.tanh(output)}%`;
        bar.style.background = css(classes[several ? k : 1] ?? [0, 0, 0]);
        const name = several ? (ok.classes[k] ?? String(k)) : "output";
        return make("div", { class: several && ok.label === k ? "row true" : "row" }, name, bar, make("span", {}, several ? `${Math.round((100 * (parts[k] ?? 0)) / sum)} %` : short(output)));
      });
      byId("answers").replaceChildren(...rows, make("div", {}, `Label: ${ok.classes[ok.label] ?? short(ok.label)}`));
    } finally {
      this.asking = false;
    }
  }
}

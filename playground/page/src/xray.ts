// The X-ray strip: what becomes of the gradient, block by block.

import type { Client } from "./client";
import { byId, make, text } from "./element";
import { short } from "./figure";
import type { BlockXray } from "./told";

export class Xray {
  constructor(private readonly client: Client) {
    byId("look").addEventListener("click", () => void this.renew());
  }

  async renew(): Promise<void> {
    const says = byId("xray-says");
    try {
      const { ok } = await this.client.xray();
      const norm = ok.gradient_norm === null ? "–" : short(ok.gradient_norm);
      text(says, ok.culprit ? `Where numbers stopped being finite: ${ok.culprit.reason}.` : `On all ${ok.batch} training samples: the gradient's norm is ${norm}. Bars: norms of the cotangents, in decades.`);
      const blocks = ok.blocks.map((block) => this.block(block));
      byId("strip").replaceChildren(make("div", { class: "blocks" }, ...blocks));
    } catch (error) {
      text(says, error instanceof Error ? error.message : String(error));
    }
  }

  private block(block: BlockXray): HTMLElement {
    const rows: [string, number | null | undefined, boolean?][] = [
      ["value, rms", block.value_rms],
      ["cotangent", block.cotangent_norm],
      ["gradient", block.gradient_norm],
      ["gain", block.gain],
    ];
    const list = make("dl");
    for (const [name, value] of rows) if (value !== null && value !== undefined) list.append(make("dt", {}, name), make("dd", {}, short(value)));
    const share = (name: string, part: number) => list.append(make("dt", {}, name), make("dd", part > 0.3 ? { class: "warn" } : {}, `${Math.round(100 * part)} %`));
    if (block.slopes) {
      share("dead units", block.slopes.dead);
      share("saturated", block.slopes.saturated);
    }
    // Ten decades, from 1e-8 to 1e2.
    const decades = Math.max(0, Math.min(1, (Math.log10(Math.max(block.cotangent_norm ?? 0, 1e-9)) + 8) / 10));
    const bar = make("i");
    bar.style.width = `${100 * decades}%`;
    return make("div", { class: "block" }, make("strong", {}, block.name), make("div", { class: "meter", "aria-hidden": "true" }, bar), list);
  }
}

// Does it match? Both gradients side by side, the digits that differ marked.

import type { Client } from "./client";
import { byId, make, text } from "./element";
import { full, grouped, short } from "./figure";

export class Agreement {
  constructor(private readonly client: Client) {
    byId("match").addEventListener("click", () => void this.compare());
  }

  async compare(): Promise<void> {
    const says = byId("match-says");
    try {
      const { ok } = await this.client.match();
      const verdict = ok.relative < 1e-10 ? "They match" : "They do not match";
      text(says, `${verdict}: of ${grouped(ok.entries.length)} derivatives, ${grouped(ok.same)} are the same double; the others differ by at most ${short(ok.relative)} of the largest, as two orders of the same sums do. ${grouped(ok.samples)} samples; the loss is ${ok.values[0]} and ${ok.values[1]}.`);
      const body = byId("entries").querySelector("tbody");
      body?.replaceChildren(...ok.entries.map((entry) => make("tr", {}, make("td", {}, entry.name), make("td", {}, full(entry.forward)), make("td", {}, ...marked(full(entry.reverse), full(entry.forward))), make("td", {}, grouped(entry.apart)))));
    } catch (error) {
      text(says, error instanceof Error ? error.message : String(error));
    }
  }
}

/** A number whose digits after the common ones are marked. */
function marked(own: string, other: string): (Node | string)[] {
  if (own === other) return [own];
  let k = 0;
  while (k < own.length && own[k] === other[k]) k++;
  return [own.slice(0, k), make("mark", {}, own.slice(k))];
}

// The page's end of the worker: a question is a promise of its answer.

import type { Agreement, Costs, Drawn, Frame, Pick, Programs, Sample, Started, Xray } from "./told";
import type { Settings } from "./settings";

export interface Told<T> {
  ok: T;
  numbers: Float32Array<ArrayBuffer>;
  /** What the answer took, by this browser's clock. */
  milliseconds: number;
}

interface Answered {
  id: number;
  ok?: unknown;
  fault?: string;
  numbers?: Float32Array<ArrayBuffer>;
  milliseconds?: number;
}

export interface Begin {
  settings: Partial<Settings>;
  table?: string | undefined;
  step?: number | undefined;
  params?: number[] | undefined;
}

export class Client {
  private readonly worker = new Worker(new URL("./worker.ts", import.meta.url), { type: "module" });
  private readonly waiting = new Map<number, { yes: (told: Told<never>) => void; no: (error: Error) => void }>();
  private next = 0;

  constructor() {
    this.worker.onmessage = ({ data }: MessageEvent<Answered>) => {
      const waiting = this.waiting.get(data.id);
      this.waiting.delete(data.id);
      if (data.fault !== undefined) waiting?.no(new Error(data.fault));
      else waiting?.yes({ ok: data.ok as never, numbers: data.numbers ?? new Float32Array(), milliseconds: data.milliseconds ?? 0 });
    };
    this.worker.onerror = (event) => {
      const error = new Error(`worker: ${event.message || "it could not be started; serve the page over http"}`);
      for (const waiting of this.waiting.values()) waiting.no(error);
      this.waiting.clear();
    };
  }

  private ask<T>(question: object): Promise<Told<T>> {
    const id = this.next++;
    return new Promise<Told<T>>((yes, no) => {
      this.waiting.set(id, { yes: yes as (told: Told<never>) => void, no });
      this.worker.postMessage({ id, question });
    });
  }

  start(begin: Begin) {
    return this.ask<Started>({ do: "start", ...begin });
  }
  train(steps: number, milliseconds: number) {
    return this.ask<Frame>({ do: "train", steps, milliseconds });
  }
  frame() {
    return this.ask<Frame>({ do: "frame" });
  }
  set(index: number, value: number) {
    return this.ask<Frame>({ do: "set", index, value });
  }
  back(to: number) {
    return this.ask<Frame>({ do: "back", to });
  }
  programs() {
    return this.ask<Programs>({ do: "stepper" });
  }
  look(at: [number, number], sample: number) {
    return this.ask<[Drawn[], Drawn[]]>({ do: "look", at, sample });
  }
  costs() {
    return this.ask<Costs>({ do: "costs" });
  }
  pick(budget: number | null) {
    return this.ask<Pick>({ do: "pick", budget });
  }
  match() {
    return this.ask<Agreement>({ do: "match" });
  }
  xray() {
    return this.ask<Xray>({ do: "xray" });
  }
  curve(activation: string) {
    return this.ask<[number[], number[], number[]]>({ do: "curve", activation });
  }
  sample(index: number) {
    return this.ask<Sample>({ do: "sample", index });
  }
}

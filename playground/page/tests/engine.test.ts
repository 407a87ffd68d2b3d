import { readFileSync } from "node:fs";
import { gunzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { Engine, EngineFault } from "../src/engine";
import type { Agreement, Costs, Frame, Pick, Programs, Sample, Started, Xray } from "../src/told";

let engine: Engine;
const ask = <T>(question: object) => engine.ask(question) as { ok: T; numbers: Float32Array };

beforeAll(async () => {
  engine = await Engine.start(readFileSync(new URL("../wasm/engine.wasm", import.meta.url)));
});

describe("the engine in wasm", () => {
  it("learns the spiral", () => {
    const { ok } = ask<Started>({ do: "start" });
    expect([ok.params, ok.settings.data, ok.words]).toEqual([105, "spiral", []]);
    const before = ask<Frame>({ do: "frame" }).ok;
    const after = ask<Frame>({ do: "train", steps: 3000, milliseconds: 1e9 });
    expect(after.ok.step).toBe(3000);
    expect(after.ok.train.loss).toBeLessThan(0.5 * before.train.loss);
    expect(after.numbers.length).toBe(19 * 2500);
    expect(ask<Frame>({ do: "back", to: 0 }).ok.params).toEqual(before.params);
  });

  it.each(["circle", "exclusive-or", "gauss", "spiral", "plane", "multi-gauss", "formula"])("draws %s", (data) => {
    const { ok } = ask<Started>({ do: "start", settings: { data } });
    expect([ok.labels.length, ok.points.length, ok.plane]).toEqual([500, 1000, true]);
    expect(ask<Frame>({ do: "train", steps: 20, milliseconds: 1e9 }).ok.stop).toBeNull();
  });

  it("runs every activation, initialiser, optimiser, loss and mode", () => {
    const each = {
      activation: ["tanh", "sigmoid", "relu", "leaky-relu", "elu", "softplus", "silu", "gelu", "sin", "square", "identity"],
      init: ["glorot", "he", "uniform", "zeros"],
      optimiser: ["sgd", "momentum", "adam"],
      loss: ["squared-error", "sigmoid-cross-entropy", "softmax-cross-entropy"],
      mode: ["reverse", "forward", "structured", "forward-gradient"],
    };
    for (const [name, values] of Object.entries(each)) {
      for (const value of values) {
        const settings = name === "activation" ? { layers: [{ neurons: 3, activation: value }], rate: 0.001 } : { [name]: value, rate: 0.001 };
        expect(ask<Started>({ do: "start", settings }).ok.words).toEqual([]);
        expect(ask<Frame>({ do: "train", steps: 3, milliseconds: 1e9 }).ok.step, `${name} ${value}`).toBe(3);
      }
    }
  });

  it("tells both programs, whose flops and calls add up to the predictions", () => {
    ask({ do: "start", settings: { batch: 4 } });
    const { ok } = ask<Programs>({ do: "stepper" });
    for (const { lines, takes } of [ok.forward, ok.reverse]) {
      expect(lines.reduce((sum, line) => sum + line.flops, 0)).toBe(takes.flops);
      expect(lines.reduce((sum, line) => sum + line.calls, 0)).toBe(takes.calls);
    }
    expect(ok.forward.lines.some((line) => line.text.startsWith("Ŵ@h1 = ∂w1 h1"))).toBe(true);
    expect(ok.reverse.lines.at(-1)?.text).toContain("∇w1 y");
  });

  it("agrees in both modes, says the costs, looks inside, and picks", () => {
    ask({ do: "start" });
    expect(ask<Agreement>({ do: "match" }).ok.relative).toBeLessThan(1e-13);
    const costs = ask<Costs>({ do: "costs" }).ok;
    const flops = (name: string) => costs.ways.find((way) => way.name === name)?.takes?.flops ?? 0;
    expect(flops("forward dense")).toBeGreaterThan(flops("reverse"));
    expect(costs.widths.map((width) => width.neurons)).toEqual([1, 2, 3, 4, 5, 6, 7, 8]);
    expect(ask<Xray>({ do: "xray" }).ok.blocks).toHaveLength(6);
    expect(ask<Pick>({ do: "pick", budget: null }).ok.ways.filter((way) => way.picked)).toHaveLength(1);
  }, 120_000);

  it("reads the repository's digits as a table", () => {
    const table = gunzipSync(readFileSync(new URL("../../../data/digits.csv.gz", import.meta.url))).toString();
    const { ok } = ask<Started>({ do: "start", settings: { data: "table", loss: "softmax-cross-entropy" }, table });
    expect([ok.inputs, ok.outputs, ok.labels.length, ok.plane]).toEqual([64, 10, 1797, false]);
    const frame = ask<Frame>({ do: "train", steps: 300, milliseconds: 1e9 }).ok;
    expect(frame.test.accuracy).toBeGreaterThan(0.7);
    expect(ask<Sample>({ do: "sample", index: 3 }).ok.outputs).toHaveLength(10);
  });

  it("refuses in one line and goes on", () => {
    for (const question of [{}, { do: "rm" }, { do: "start", settings: { data: "table" } }, { do: "set", index: 1e6, value: 1 }, { do: "start", settings: { data: "formula", formula: "x1 +" } }]) {
      expect(() => engine.ask(question)).toThrow(EngineFault);
    }
    expect(ask<Started>({ do: "start" }).ok.params).toBe(105);
  });

  it("clamps hostile settings, each with a word", () => {
    const { ok } = ask<Started>({ do: "start", settings: { data: "<img>", noise: 1e9, layers: Array(50).fill({ neurons: 999, activation: "x" }), batch: 4e9, features: [] } });
    expect([ok.settings.layers.length, ok.settings.layers[0]?.neurons, ok.settings.batch, ok.settings.noise]).toEqual([6, 8, 30, 50]);
    expect(ok.words.length).toBeGreaterThan(4);
  });
});

import { describe, expect, it } from "vitest";
import { diverging, palette } from "../src/colour";
import { bytes, full, grouped, seconds, short } from "../src/figure";
import { Losses } from "../src/losses";

describe("numbers as text", () => {
  it("are grouped, short, and full", () => {
    expect(grouped(1234567)).toBe("1,234,567");
    expect(bytes(2048)).toBe("2,048 B");
    expect([0, 0.5, 123.456, 1e-5, 1e9, -2, Number.NaN].map(short)).toEqual(["0", "0.5", "123", "1.00e-5", "1.00e+9", "-2", "NaN"]);
    expect([2.5e-9, 1e-5, 0.25, 3].map(seconds)).toEqual(["2.5 ns", "10 µs", "250 ms", "3 s"]);
    expect(Number(full(0.1 + 0.2))).toBe(0.1 + 0.2);
  });
});

describe("colours", () => {
  it("of 0 are the paper's, of the ends the ends'", () => {
    const own = palette();
    expect(diverging(0, own)).toEqual(own.paper);
    expect(diverging(5, own)).toEqual(own.above);
    expect(diverging(-1, own)).toEqual(own.below);
  });
});

describe("losses", () => {
  it("forget what came after a step that is gone back to", () => {
    const losses = new Losses();
    for (let step = 0; step < 10; step++) losses.note(step, 1 / (step + 1), 1);
    losses.note(4, 0.5, 0.5);
    expect(losses.steps).toEqual([0, 1, 2, 3, 4]);
    expect(losses.train.at(-1)).toBe(0.5);
  });

  it("of a long run stay a short list", () => {
    const losses = new Losses();
    for (let step = 0; step < 100_000; step++) losses.note(step, 1, 1);
    expect(losses.steps.length).toBeLessThanOrEqual(1501);
    expect([losses.steps[0], losses.steps.at(-1)]).toEqual([0, 99_999]);
  });
});

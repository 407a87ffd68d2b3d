import { describe, expect, it } from "vitest";
import { packed, read, unpacked, written } from "../src/address";
import { usual, usualView } from "../src/settings";

describe("an address", () => {
  it("of the usual page is empty, and an empty one is the usual page", () => {
    expect(written(usual, usualView)).toBe("");
    expect(read("")).toEqual({ settings: usual, view: usualView, words: [] });
  });

  it("reads back as it was written, all of it", () => {
    const settings = { ...usual, data: "formula", formula: "sin(x1) > x2 & #?=+", noise: 25, share: 70, batch: 3, seed: 99, features: ["x1", "x1x2", "sin(x2)"], layers: [{ neurons: 3, activation: "leaky-relu" }, { neurons: 1, activation: "sin" }], output: "tanh", loss: "squared-error", init: "he", optimiser: "sgd", rate: 0.3, l1: 0.001, l2: 0.1, mode: "forward" };
    const view = { discretise: true, test: true, colour: "gradient" as const };
    const params = [1.5, -Math.PI, 1e-300, 0.1];
    const address = read(`#${written(settings, view, { step: 120, params, table: "a,b\n1,2" })}`);
    expect(address).toEqual({ settings, view, step: 120, params, table: "a,b\n1,2", words: [] });
  });

  it("keeps no hidden layer and no feature apart from the usual ones", () => {
    expect(read(`#${written({ ...usual, layers: [] }, usualView)}`).settings.layers).toEqual([]);
  });

  it.each([
    ["#noise=abc", "noise"],
    ["#batch=1.5", "batch"],
    ["#batch=-1", "batch"],
    ["#seed=1e99", "seed"],
    ["#layers=8-tanh,%00%07evil", "layers"],
    ["#step=-1", "step"],
    ["#weights=%F0%9F%92%A9", "weights"],
    ["#weights=AAAA", "weights"],
    ["#__proto__=1", "__proto__"],
    ["#rate=", "rate"],
    [`#${"x".repeat(50_000)}`, "address"],
  ])("that is hostile is put right with a word: %s", (hash, word) => {
    const { settings, words } = read(hash);
    expect(words.join()).toContain(word);
    expect(words.every((line) => !/\p{Cc}/u.test(line) && line.length < 200)).toBe(true);
    expect(Object.keys(settings)).toEqual(Object.keys(usual));
  });

  it("packs doubles bit by bit, and no number that is not finite", () => {
    const params = Array.from({ length: 433 }, (_, k) => Math.sin(k) * 10 ** (k % 30));
    expect(unpacked(packed(params))).toEqual(params);
    expect(unpacked(packed([Number.NaN]))).toBeUndefined();
    expect(unpacked("")).toBeUndefined();
  });
});

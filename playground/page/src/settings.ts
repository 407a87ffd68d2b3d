// All that a run depends on. The engine clamps it; the page only writes it down.

export interface Layer {
  neurons: number;
  activation: string;
}

export interface Settings {
  data: string;
  formula: string;
  noise: number;
  share: number;
  batch: number;
  seed: number;
  features: string[];
  layers: Layer[];
  output: string;
  loss: string;
  init: string;
  optimiser: string;
  rate: number;
  l1: number;
  l2: number;
  mode: string;
}

export const usual: Settings = {
  data: "spiral",
  formula: "x1 * x2 > 0",
  noise: 0,
  share: 50,
  batch: 10,
  seed: 1,
  features: ["x1", "x2"],
  layers: [
    { neurons: 8, activation: "tanh" },
    { neurons: 8, activation: "tanh" },
  ],
  output: "identity",
  loss: "sigmoid-cross-entropy",
  init: "glorot",
  optimiser: "adam",
  rate: 0.01,
  l1: 0,
  l2: 0,
  mode: "reverse",
};

export const features = ["x1", "x2", "x1^2", "x2^2", "x1x2", "sin(x1)", "sin(x2)"];
export const activations = ["tanh", "sigmoid", "relu", "leaky-relu", "elu", "softplus", "silu", "gelu", "sin", "square", "identity"];
export const layersAtMost = 6;
export const neuronsAtMost = 8;

/** What is chosen of the picture and is no part of a run. */
export interface View {
  discretise: boolean;
  test: boolean;
  colour: "value" | "gradient";
}

export const usualView: View = { discretise: false, test: false, colour: "value" };

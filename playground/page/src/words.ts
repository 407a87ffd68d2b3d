// What an instruction does, in words for a student.

import type { Line } from "./told";

export function saying(line: Line): string {
  switch (line.act) {
    case "forward":
      return "the block's value, from what it reads.";
    case "unit-params":
      return "the block's own parameters start their tangents here: one column for each, its derivative by that parameter alone.";
    case "jvp-params":
      return "the block's own parameters move along their direction.";
    case "jvp-input":
      return "the chain rule from the left: every tangent that arrives is pushed through the block's Jacobian.";
    case "vjp-input":
      return "the chain rule from the right: the cotangent is pulled back through the transposed Jacobian; the one behind it dies.";
    case "vjp-params":
      return "a part of the gradient is ready: the cotangent meets the block's derivative by its parameters.";
    case "sum":
      return line.part === "tangent" ? "the tangents of all samples add up to the gradient." : "the losses of all samples add up.";
    case "ones":
      return "the seed: the loss depends on itself with slope 1.";
    case "check":
      return "stop here if a derivative does not exist.";
    case "zero":
      return "exact zeros for what nothing came to.";
    default:
      return "numbers are moved: several inputs of a block lie side by side.";
  }
}

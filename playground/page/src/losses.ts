// The losses over the steps, thinned so that a long run stays a short list.

const MOST = 1500;

export class Losses {
  steps: number[] = [];
  train: number[] = [];
  test: number[] = [];

  note(step: number, train: number, test: number): void {
    // Back in time: what came later is forgotten.
    while (this.steps.length > 0 && (this.steps.at(-1) ?? 0) >= step) this.pop();
    this.steps.push(step);
    this.train.push(train);
    this.test.push(test);
    if (this.steps.length > MOST) this.thin();
  }

  clear(): void {
    this.steps = [];
    this.train = [];
    this.test = [];
  }

  private pop(): void {
    this.steps.pop();
    this.train.pop();
    this.test.pop();
  }

  /** Drops every second of the older half. */
  private thin(): void {
    const half = this.steps.length / 2;
    const kept = (_: number, k: number) => k >= half || k % 2 === 0;
    this.steps = this.steps.filter(kept);
    this.train = this.train.filter(kept);
    this.test = this.test.filter(kept);
  }
}

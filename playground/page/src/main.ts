// The page: settings in, frames out. What is computed, the engine in the worker computes.

import "./style.css";
import { read, TABLE, written } from "./address";
import { Agreement } from "./agreement";
import { arrange } from "./arrange";
import { Chart } from "./chart";
import { Client, type Told } from "./client";
import { onTheme } from "./colour";
import { Costs } from "./costs";
import { digits } from "./digits";
import { byId, make, text } from "./element";
import { grouped, short } from "./figure";
import { recolour } from "./heat";
import { Losses } from "./losses";
import { Mathematics } from "./mathematics";
import { Network } from "./network";
import { Plane } from "./plane";
import { SampleView } from "./sample";
import { layersAtMost, type Settings, type View } from "./settings";
import { Stepper } from "./stepper";
import type { Frame, Started } from "./told";
import { Xray } from "./xray";

const client = new Client();
/** What runs. */
let settings: Settings;
/** What was asked for last and what the next change builds on: a change made before the answer to another must not undo it. */
let asked: Settings;
let view: View;
/** What the engine took last, and what is shown of it. */
let accepted: Started | undefined;
let started: Started | undefined;
let frame: Told<Frame> | undefined;
/** The table in use, and whether it is the digits. */
let table: string | undefined;
let isDigits = false;
let playing = false;
let waiting = false;
let drawn = true;
/** Counts the starts: answers to an earlier one are dropped. */
let run = 0;
let shownAt: number[] = [];
let lastXray = 0;
let lastRead = 0;

const losses = new Losses();
const lossChart = new Chart(byId("loss-chart"), {
  curves: [
    { label: "training", colour: "above" },
    { label: "test", colour: "below", dash: [5, 3] },
  ],
  x: (v) => grouped(v),
  y: short,
  fromZero: true,
});
const plane = new Plane(byId<HTMLCanvasElement>("plane"), byId<HTMLCanvasElement>("points"));
const network = new Network(byId("network"), byId("inspector"), {
  settings: (change) => {
    const next = structuredClone(asked);
    change(next);
    void start(next);
  },
  weight: (index, value) => void act(client.set(index, value)),
});
const stepper = new Stepper(client, {
  mark: (pushed, pulled) => {
    network.mark(pushed, pulled);
    mathematics.mark(pulled ?? pushed);
  },
  fault: say,
  take: () => act(client.train(1, 1e9)),
});
const mathematics = new Mathematics(client);
const costs = new Costs(client, () => ({ settings, table: settings.data === "table" ? table : undefined }));
const xray = new Xray(client);
const sampleView = new SampleView(client, (raw) => network.read(raw));
new Agreement(client);

function say(error: unknown): void {
  text(byId("words"), error instanceof Error ? error.message : String(error));
}

/** A run from its start, by settings that the engine clamps. */
async function start(next: Settings, from: { step?: number | undefined; params?: number[] | undefined; words?: string[] } = {}): Promise<void> {
  const own = ++run;
  asked = next;
  let fault: unknown;
  try {
    ({ ok: accepted } = await client.start({ settings: next, table: next.data === "table" ? table : undefined, step: from.step, params: from.params }));
  } catch (error) {
    fault = error;
    say(error);
  }
  // Of several changes the last is shown. One that is refused leaves what the engine took before it.
  if (own !== run || !accepted) return;
  settings = asked = accepted.settings;
  if (accepted === started) {
    fill(started);
    return;
  }
  const ok = (started = accepted);
  if (fault === undefined) text(byId("words"), [...(from.words ?? []), ...ok.words].join("; "));
  losses.clear();
  fill(ok);
  network.build(ok, view);
  remember();
  await act(client.frame());
  if (own !== run) return;
  mathematics.show(ok);
  await stepper.trace();
  await costs.renew();
  await xray.renew();
  if (!ok.plane) await sampleView.renew();
}

/** Shows what a question's frame tells. */
async function act(question: Promise<Told<Frame>>): Promise<void> {
  try {
    take(await question);
    if (!playing) void settled();
  } catch (error) {
    say(error);
    pause();
  }
}

function take(told: Told<Frame>): void {
  frame = told;
  drawn = false;
  const { ok } = told;
  losses.note(ok.step, ok.train.loss, ok.test.loss);
  if (ok.stop) {
    pause();
    text(byId("words"), `${ok.stop.what}. ${ok.stop.why}`);
  }
}

/** What is only renewed while nothing trains. */
async function settled(): Promise<void> {
  if (!started || playing) return;
  const own = run;
  await stepper.trace();
  if (own === run && !playing) await xray.renew();
  if (started && !started.plane) await sampleView.renew();
}

/** Once a frame of the screen: draw what came, ask for the next. */
function tick(now: number): void {
  requestAnimationFrame(tick);
  if (!drawn && frame && started) {
    drawn = true;
    show(frame, now);
  }
  if (playing && !waiting) {
    waiting = true;
    const own = run;
    const steps = Number(byId<HTMLSelectElement>("pace").value);
    client
      .train(steps, 9)
      .then((told) => {
        if (own === run) take(told);
      })
      .catch((error: unknown) => {
        say(error);
        pause();
      })
      .finally(() => {
        waiting = false;
      });
    if (now - lastXray > 1500) {
      lastXray = now;
      void xray.renew();
      if (started && !started.plane) void sampleView.renew();
    }
  }
}

function show({ ok, numbers }: Told<Frame>, now: number): void {
  if (!started) return;
  network.show(ok, numbers, view);
  plane.show(started, numbers, view);
  if (playing) shownAt = [...shownAt.filter((at) => now - at <= 1000), now];
  // Pictures move with every frame. What is read does not: nobody reads sixty numbers a second, and laying out text costs a frame.
  if (playing && now - lastRead <= 100) return;
  lastRead = now;
  network.tellNumbers();
  text(byId("epoch"), grouped(ok.epoch));
  text(byId("steps"), grouped(ok.step));
  text(byId("train-loss"), short(ok.train.loss));
  text(byId("test-loss"), short(ok.test.loss));
  const right = (share: number | null) => (share === null ? "–" : `${(100 * share).toFixed(1)} %`);
  text(byId("train-right"), right(ok.train.accuracy));
  text(byId("test-right"), right(ok.test.accuracy));
  lossChart.set([losses.steps, losses.train, losses.test]);
  const back = byId<HTMLInputElement>("back");
  back.min = String(ok.past?.[0] ?? ok.step);
  back.max = String(ok.step);
  if (document.activeElement !== back || playing) back.value = String(ok.step);
  byId<HTMLButtonElement>("undo").disabled = ok.past === null;
  text(byId("frames"), playing && shownAt.length > 5 ? String(shownAt.length) : "–");
}

/** Writes the settings into the controls. */
function fill(ok: Started): void {
  const { settings: s } = ok;
  const set = (id: string, value: string) => {
    const control = byId<HTMLInputElement | HTMLSelectElement>(id);
    if (control instanceof HTMLSelectElement && ![...control.options].some((option) => option.value === value)) control.append(make("option", { value }, value));
    control.value = value;
  };
  for (const id of ["loss", "output", "optimiser", "init", "mode"] as const) set(id, s[id]);
  for (const id of ["rate", "l1", "l2"] as const) set(id, String(s[id]));
  const shown = s.data === "table" && isDigits ? "digits" : s.data;
  set("data", shown);
  set("formula", s.formula);
  set("noise", String(s.noise));
  set("share-part", String(s.share));
  set("batch", String(s.batch));
  text(byId("noise-out"), `${s.noise} %`);
  text(byId("share-out"), `${s.share} %`);
  text(byId("batch-out"), String(s.batch));
  text(byId("seed"), String(s.seed));
  text(byId("layers"), String(s.layers.length));
  text(byId("layers-word"), s.layers.length === 1 ? "hidden layer" : "hidden layers");
  byId<HTMLButtonElement>("less").disabled = s.layers.length === 0;
  byId<HTMLButtonElement>("more").disabled = s.layers.length >= layersAtMost;
  byId("formula-part").hidden = s.data !== "formula";
  byId("table-part").hidden = shown !== "table";
  byId("sample-part").hidden = ok.plane;
  byId<HTMLInputElement>("sample").max = String(Math.max(0, ok.labels.length - 1));
  byId<HTMLInputElement>("noise").disabled = s.data === "table";
  byId<HTMLInputElement>("test").checked = view.test;
  byId<HTMLInputElement>("discretise").checked = view.discretise;
  set("colour", view.colour);
}

/** The settings as an address has them, and the table where it is the user's own. */
function address(more: { step?: number; params?: number[] } = {}): string {
  const shown = isDigits && settings.data === "table" ? { ...settings, data: "digits" } : settings;
  const own = settings.data === "table" && !isDigits && table !== undefined ? { table } : {};
  return `#${written(shown, view, { ...own, ...more })}`;
}

/** Keeps the address true. */
function remember(): void {
  history.replaceState(null, "", address());
}

/** Puts the address with the weights where it can be taken from. */
async function share(): Promise<void> {
  // The engine answers in order: what was changed a moment ago is in this frame.
  await act(client.frame());
  const link = location.href.split("#")[0] + address(frame && { step: frame.ok.step, params: frame.ok.params });
  history.replaceState(null, "", link);
  const what = "settings, step and weights; of Adam and momentum not the moments.";
  try {
    await navigator.clipboard.writeText(link);
    text(byId("words"), `The link is copied: ${what}`);
  } catch {
    text(byId("words"), `The link stands in the address bar: ${what}`);
  }
}

function play(): void {
  playing = true;
  shownAt = [];
  // The X-ray is of just now: to draw it anew in the first frame, beside all else that changes there, would hold that up.
  lastXray = performance.now();
  const button = byId("play");
  button.setAttribute("aria-pressed", "true");
  button.innerHTML = '<span aria-hidden="true">‖</span> Pause';
  text(byId("words"), "");
}

function pause(): void {
  if (!playing) return;
  playing = false;
  const button = byId("play");
  button.setAttribute("aria-pressed", "false");
  button.innerHTML = '<span aria-hidden="true">▶</span> Play';
  // The last frame's numbers may not have been written yet.
  drawn = false;
  void settled();
}

/** Takes the samples of a set, loading or asking for them where they are not drawn. */
async function choose(data: string): Promise<void> {
  if (data === "digits") {
    try {
      table = await digits();
    } catch (error) {
      say(error);
      return;
    }
    isDigits = true;
    await start({ ...asked, data: "table", loss: "softmax-cross-entropy" });
    return;
  }
  if (data === "table") {
    byId("table-part").hidden = false;
    if (isDigits || table === undefined) {
      text(byId("words"), "Choose a file or paste a table; its last column is the label.");
      return;
    }
  }
  if (data !== "table") isDigits = false;
  const regression = data === "plane" || data === "multi-gauss";
  await start({ ...asked, data, loss: regression ? "squared-error" : asked.loss });
}

async function useTable(own: string): Promise<void> {
  const before = { table, isDigits };
  table = own;
  isDigits = false;
  await start({ ...asked, data: "table" });
  if (settings.data !== "table") ({ table, isDigits } = before);
  else if (own.length > TABLE) text(byId("words"), `This table is longer than ${grouped(TABLE)} characters: an address does not hold it.`);
}

/** Ties the controls to settings. */
function tie(): void {
  const on = (id: string, event: string, change: (control: HTMLInputElement) => void) => byId(id).addEventListener(event, ({ target }) => change(target as HTMLInputElement));
  for (const id of ["loss", "output", "optimiser", "init", "mode"] as const) on(id, "change", ({ value }) => void start({ ...asked, [id]: value }));
  for (const id of ["rate", "l1", "l2"] as const) {
    const values = id === "rate" ? [0.00001, 0.0001, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10] : [0, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1, 3, 10];
    byId(id).append(...values.map((value) => make("option", { value }, String(value))));
    on(id, "change", ({ value }) => void start({ ...asked, [id]: Number(value) }));
  }
  on("data", "change", ({ value }) => void choose(value));
  on("formula", "change", ({ value }) => void start({ ...asked, formula: value }));
  for (const [id, name] of [["noise", "noise"], ["share-part", "share"], ["batch", "batch"]] as const) {
    on(id, "input", ({ value }) => text(byId(id === "share-part" ? "share-out" : `${id}-out`), id === "batch" ? value : `${value} %`));
    on(id, "change", ({ value }) => void start({ ...asked, [name]: Number(value) }));
  }
  on("regenerate", "click", () => void start({ ...asked, seed: (asked.seed + 1) % 2 ** 32 }));
  on("less", "click", () => void start({ ...asked, layers: asked.layers.slice(0, -1) }));
  on("more", "click", () => void start({ ...asked, layers: [...asked.layers, asked.layers.at(-1) ?? { neurons: 4, activation: "tanh" }] }));
  on("use-table", "click", () => void useTable(byId<HTMLTextAreaElement>("paste").value));
  on("file", "change", ({ files }) => {
    const file = files?.[0];
    if (!file) return;
    if (file.size > 4e6) return say(new Error(`file: expected at most 4 MB, got ${grouped(file.size)} bytes; give fewer rows`));
    void file.text().then(useTable);
  });
  const redraw = () => {
    drawn = false;
    remember();
  };
  on("test", "change", ({ checked }) => {
    view.test = checked;
    redraw();
  });
  on("discretise", "change", ({ checked }) => {
    view.discretise = checked;
    redraw();
  });
  on("colour", "change", ({ value }) => {
    view.colour = value === "gradient" ? "gradient" : "value";
    redraw();
  });
  on("play", "click", () => (playing ? pause() : play()));
  on("reset", "click", () => {
    pause();
    void start(asked);
  });
  on("step", "click", () => {
    pause();
    void act(client.train(1, 1e9));
  });
  on("undo", "click", () => {
    pause();
    if (frame) void act(client.back(frame.ok.step));
  });
  on("back", "change", ({ value }) => {
    pause();
    if (frame && Number(value) < frame.ok.step) void act(client.back(Number(value)));
  });
  on("share", "click", () => void share());
  document.addEventListener("keydown", (event) => {
    const at = event.target as HTMLElement;
    if (event.ctrlKey || event.metaKey || event.altKey || at.closest("input, select, textarea, [contenteditable]")) return;
    const press = (id: string) => {
      event.preventDefault();
      byId(id).click();
    };
    // On a button the space bar is the button's.
    if (event.key === " " && !at.closest("button")) press("play");
    else if (event.key === "s") press("step");
    else if (event.key === "z") press("undo");
    else if (event.key === "r") press("reset");
    else if (event.key === "n") press("next");
    else if (event.key === "p") press("previous");
  });
  addEventListener("hashchange", () => void open());
}

/** Opens the address. */
async function open(): Promise<void> {
  pause();
  const address = read(location.hash);
  settings = address.settings;
  view = address.view;
  table = address.table ?? table;
  isDigits = false;
  if (settings.data === "digits") {
    try {
      table = await digits();
      isDigits = true;
      settings.data = "table";
    } catch (error) {
      address.words.push(String(error));
      settings.data = "spiral";
    }
  } else if (settings.data === "table" && table === undefined) {
    address.words.push("data: the address names a table and holds none; the spiral is shown");
    settings.data = "spiral";
  }
  await start(settings, address);
  if (!started) {
    // Not even the first start went: show the usual page, and keep the word.
    const word = byId("words").textContent ?? "";
    await start(read("").settings, { words: [word] });
  }
  document.documentElement.dataset["ready"] = "1";
}

onTheme(() => {
  recolour();
  drawn = false;
  network.recolour();
});
arrange();
tie();
requestAnimationFrame(tick);
void open();

// The page's state in its address, behind the #: settings that differ from the usual ones, the view, and on demand the weights.

import { layersAtMost, usual, usualView, type Layer, type Settings, type View } from "./settings";

export interface Address {
  settings: Settings;
  view: View;
  table?: string;
  step?: number;
  params?: number[];
  /** What could not be read, each in a word. */
  words: string[];
}

/** Characters that are looked at. */
const LONGEST = 40_000;
/** Characters of a table that travel in an address. */
export const TABLE = 6_000;

const numbers = ["noise", "share", "batch", "seed", "rate", "l1", "l2"] as const;
const names = ["data", "formula", "output", "loss", "init", "optimiser", "mode"] as const;

export function written(settings: Settings, view: View, more: { table?: string | undefined; step?: number; params?: number[] } = {}): string {
  const query = new URLSearchParams();
  for (const name of names) if (settings[name] !== usual[name]) query.set(name, settings[name]);
  for (const name of numbers) if (settings[name] !== usual[name]) query.set(name, String(settings[name]));
  if (settings.features.join() !== usual.features.join()) query.set("features", settings.features.join());
  const layers = (of: Settings) => of.layers.map((layer) => `${layer.neurons}-${layer.activation}`).join();
  if (layers(settings) !== layers(usual)) query.set("layers", layers(settings));
  if (view.discretise) query.set("discretise", "1");
  if (view.test) query.set("test", "1");
  if (view.colour !== usualView.colour) query.set("colour", view.colour);
  if (more.table !== undefined && more.table.length <= TABLE) query.set("table", more.table);
  if (more.step !== undefined && more.params !== undefined) {
    query.set("step", String(more.step));
    query.set("weights", packed(more.params));
  }
  return query.toString();
}

export function read(hash: string): Address {
  const words: string[] = [];
  const settings: Settings = structuredClone(usual);
  const view: View = { ...usualView };
  if (hash.length > LONGEST) {
    words.push(`address: longer than ${LONGEST} characters; the usual settings are used`);
    return { settings, view, words };
  }
  const query = new URLSearchParams(hash.replace(/^#/, ""));
  const address: Address = { settings, view, words };
  for (const [name, value] of query) {
    if ((names as readonly string[]).includes(name)) {
      settings[name as (typeof names)[number]] = value;
    } else if ((numbers as readonly string[]).includes(name)) {
      const number = value.trim() === "" ? Number.NaN : Number(value);
      const whole = name === "batch" || name === "seed";
      if (!Number.isFinite(number) || (whole && (!Number.isInteger(number) || number < 0 || number > 2 ** 32 - 1))) {
        words.push(`${name}: expected a ${whole ? "whole " : ""}number, got “${shown(value)}”; ${usual[name as "noise"]} is used`);
      } else {
        settings[name as (typeof numbers)[number]] = number;
      }
    } else if (name === "features") {
      settings.features = value === "" ? [] : value.split(",").slice(0, 20);
    } else if (name === "layers") {
      settings.layers = value === "" ? [] : value.split(",").slice(0, layersAtMost + 3).map((part) => layer(part, words));
    } else if (name === "discretise" || name === "test") {
      view[name] = value === "1";
    } else if (name === "colour") {
      view.colour = value === "gradient" ? "gradient" : "value";
    } else if (name === "table") {
      address.table = value.slice(0, TABLE);
    } else if (name === "step") {
      const step = Number(value);
      if (Number.isSafeInteger(step) && step >= 0) address.step = step;
      else words.push(`step: expected a whole number, got “${shown(value)}”; 0 is used`);
    } else if (name === "weights") {
      const params = unpacked(value);
      if (params === undefined) words.push("weights: expected numbers as “Copy a link” writes them; the run starts anew");
      else address.params = params;
    } else {
      words.push(`${shown(name)}: no such setting; it is left out`);
    }
  }
  return address;
}

function layer(text: string, words: string[]): Layer {
  const [, neurons, activation] = /^(\d{1,9})-(.{0,20})$/.exec(text) ?? [];
  if (neurons === undefined || activation === undefined) {
    words.push(`layers: expected parts like 8-tanh, got “${shown(text)}”; 4-tanh is used`);
    return { neurons: 4, activation: "tanh" };
  }
  return { neurons: Number(neurons), activation };
}

/** At most twenty characters, none that would break a line. */
function shown(text: string): string {
  return text.slice(0, 20).replace(/\p{C}/gu, "�");
}

/** Doubles as text, bit by bit. */
export function packed(params: number[]): string {
  const bytes = new Uint8Array(new Float64Array(params).buffer);
  let text = "";
  for (const byte of bytes) text += String.fromCharCode(byte);
  return btoa(text).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

export function unpacked(text: string): number[] | undefined {
  try {
    const bytes = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
    if (bytes.length % 8 !== 0 || bytes.length === 0) return undefined;
    const array = Uint8Array.from(bytes, (byte) => byte.charCodeAt(0));
    const params = [...new Float64Array(array.buffer)];
    return params.every(Number.isFinite) ? params : undefined;
  } catch {
    return undefined;
  }
}

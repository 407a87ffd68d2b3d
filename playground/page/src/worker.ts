// The worker in which an engine runs: the page's thread never computes a derivative.

import engineUrl from "../wasm/engine.wasm?url";
import { Engine, EngineFault } from "./engine";

interface Post {
  id: number;
  question: unknown;
}

const scope = self as unknown as { onmessage: ((event: MessageEvent<Post>) => void) | null; postMessage(message: unknown, transfer?: Transferable[]): void };

async function load(): Promise<Engine> {
  const answer = await fetch(engineUrl);
  if (!answer.ok) throw new Error(`engine: expected ${engineUrl}, got ${answer.status}; build the page anew`);
  return Engine.start(await answer.arrayBuffer());
}

let engine = load();

scope.onmessage = async ({ data }) => {
  const since = performance.now();
  try {
    const { ok, numbers } = (await engine).ask(data.question);
    scope.postMessage({ id: data.id, ok, numbers, milliseconds: performance.now() - since }, [numbers.buffer]);
  } catch (error) {
    const known = error instanceof EngineFault;
    // A trap leaves an engine in no state to go on from: the next question finds a new one.
    if (!known) engine = load();
    const line = error instanceof Error ? error.message : String(error);
    scope.postMessage({ id: data.id, fault: known ? line : `engine: it stopped (${line}) and was started anew; press reset` });
  }
};

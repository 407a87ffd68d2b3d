// The engine's plain C interface: a question in JSON, an answer in JSON, and a picture's numbers beside it.

interface Exports {
  memory: WebAssembly.Memory;
  room(bytes: number): number;
  ask(): number;
  answer(): number;
  numbers(): number;
  numbers_len(): number;
}

/** An answer with the numbers of its picture. */
export interface Answer {
  ok: unknown;
  numbers: Float32Array<ArrayBuffer>;
}

/** The engine refused in one line. */
export class EngineFault extends Error {}

export class Engine {
  private constructor(private readonly exports: Exports) {}

  /** Starts an engine from its bytes. */
  static async start(bytes: BufferSource): Promise<Engine> {
    const imports = { page: { seconds: () => performance.now() / 1000 } };
    const { instance } = await WebAssembly.instantiate(bytes, imports);
    return new Engine(instance.exports as unknown as Exports);
  }

  ask(question: unknown): Answer {
    const bytes = new TextEncoder().encode(JSON.stringify(question));
    const { exports } = this;
    const at = exports.room(bytes.length);
    if (at === 0) throw new EngineFault(`question: expected at most 8 MB, got ${bytes.length} bytes; give less data`);
    new Uint8Array(exports.memory.buffer, at, bytes.length).set(bytes);
    const length = exports.ask();
    const text = new TextDecoder().decode(new Uint8Array(exports.memory.buffer, exports.answer(), length));
    const answer = JSON.parse(text) as { ok?: unknown; fault?: string };
    if (answer.fault !== undefined) throw new EngineFault(answer.fault);
    // A copy: the engine's memory may move.
    const numbers = new Float32Array(exports.memory.buffer, exports.numbers(), exports.numbers_len()).slice();
    return { ok: answer.ok, numbers };
  }
}

// The repository's handwritten digits, as a table.

import digitsUrl from "../../../data/digits.csv.gz?url";

/** The table's text. A server may have unpacked it on the way. */
export async function digits(): Promise<string> {
  const answer = await fetch(digitsUrl);
  if (!answer.ok) throw new Error(`digits: expected ${digitsUrl}, got ${answer.status}`);
  const bytes = new Uint8Array(await answer.arrayBuffer());
  if (bytes[0] !== 0x1f || bytes[1] !== 0x8b) return new TextDecoder().decode(bytes);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"))).text();
}

// Bytes that count how often a part is taken out of them. Every decoder here takes each element it reads as a subarray, so the count is
// its work in steps, the same on every machine: what a claim of linear work is tested with.

let steps = 0;

class CountedBytes extends Uint8Array {
  override subarray(begin?: number, end?: number): Uint8Array<ArrayBuffer> {
    steps++;
    return super.subarray(begin, end) as Uint8Array<ArrayBuffer>;
  }
}

/** How many parts `work` takes out of a copy of these bytes, and out of parts of it. What it throws is left to it. */
export const countSteps = (bytes: Uint8Array, work: (counted: Uint8Array) => unknown): number => {
  steps = 0;
  try {
    work(new CountedBytes(bytes));
  } catch {
    // A refusal costs steps too, and these are what is asked for.
  }
  return steps;
};

// How long to wait before something that failed is tried again.

export type BackOff = {
  /** After the first failure, before jitter. */
  readonly firstMs: number;
  readonly maxMs: number;
};

/** Doubles with each failure up to a maximum, and is a random part between half of that and all of it, so that what failed together comes back apart. */
export const backOffMs = (failures: number, { firstMs, maxMs }: BackOff, random: () => number): number =>
  Math.min(firstMs * 2 ** Math.max(failures - 1, 0), maxMs) * (0.5 + random() / 2);

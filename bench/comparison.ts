// One line of the bench: what was measured, what it is held against, and the ratio that is required. Absolute figures depend on the
// machine; ratios of two figures taken in the same run hold anywhere, so they alone decide.

/** A comparison of two figures of one run. */
export type Comparison = {
  readonly name: string;
  /** Figures with their units, as they are shown. */
  readonly measured: string;
  readonly against: string;
  readonly ratio: number;
  /** `at-least`: the ratio has to reach the figure; `at-most`: it must not pass it. */
  readonly required: { readonly kind: 'at-least' | 'at-most'; readonly figure: number };
};

/** A group of comparisons; `missing` says why it was not run. */
export type Topic = { readonly title: string; readonly notes: readonly string[]; readonly comparisons: readonly Comparison[] };

/** Whether a comparison reaches what is required of it. */
export const isMet = ({ ratio, required }: Comparison): boolean =>
  Number.isFinite(ratio) && (required.kind === 'at-least' ? ratio >= required.figure : ratio <= required.figure);

/** The middle value; of an even number, the mean of the two in the middle. Throws for an empty list. */
export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  const upper = sorted[sorted.length >> 1];
  const lower = sorted[(sorted.length - 1) >> 1];
  if (upper === undefined || lower === undefined) throw new Error('there is no median of no values');
  return (lower + upper) / 2;
};

/** A rate as text: `5,020/s`. */
export const perSecond = (rate: number): string => `${rate >= 100 ? Math.round(rate).toLocaleString('en-US') : rate.toFixed(1)}/s`;

/** A time as text: `27.3 ms`. */
export const milliseconds = (ms: number): string => `${ms.toFixed(1)} ms`;

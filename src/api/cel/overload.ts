// One form of a function: what it takes, what it gives, how it is reckoned and what that costs.

import type { CelType } from './types.ts';
import { sizeOf, type Value } from './values.ts';

export type Overload = {
  readonly name: string;
  /** Whether it is called on its first argument: `text.trim()`. */
  readonly isMember: boolean;
  readonly params: readonly CelType[];
  readonly result: CelType;
  /** Throws EvaluationError. */
  readonly run: (args: readonly Value[]) => Value;
  /** In steps, before it runs. */
  readonly cost: (args: readonly Value[]) => number;
};

type Run = (...args: never[]) => Value;
type Cost = (...args: never[]) => number;

const linear = (args: readonly Value[]): number => args.reduce<number>((sum, arg) => sum + sizeOf(arg), 10) / 10;

const overload =
  (isMember: boolean) =>
  (name: string, params: readonly CelType[], result: CelType, run: Run, cost?: Cost): Overload => ({
    name,
    isMember,
    params,
    result,
    // The checker hands over what the parameters say.
    run: (args) => (run as (...args: readonly Value[]) => Value)(...args),
    cost: cost === undefined ? linear : (args) => (cost as (...args: readonly Value[]) => number)(...args),
  });

/** `name(a, b)` */
export const fn = overload(false);
/** `a.name(b)` */
export const method = overload(true);

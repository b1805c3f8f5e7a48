// Values of options: lists, times, durations and words of a closed set, each refused with the option's name and what it should be.

import { Option } from '@commander-js/extra-typings';
import { CodedError, quote } from '../base/coded-error.ts';
import { durationMs } from '../base/duration.ts';

/** Adds the parts of a comma list to those already given; blanks around a part and empty parts are dropped. For `--x a,b --x c`. */
export const commaList = (text: string, before: readonly string[] | undefined): readonly string[] => [
  ...(before ?? []),
  ...text.split(',').flatMap((part) => (part.trim() === '' ? [] : [part.trim()])),
];

/** Adds one value to those already given, for values that may hold commas. */
export const repeated = (text: string, before: readonly string[] | undefined): readonly string[] => [...(before ?? []), text];

/** Parser of a duration in milliseconds, above zero. */
export const positiveDuration =
  (option: string) =>
  (text: string): number => {
    const value = durationMs(text, option);
    if (value > 0) return value;
    throw new CodedError('DurationInvalid', `cannot use ${option} ${quote(text)}: it must be longer than nothing`);
  };

/** Parser of a duration in milliseconds; zero is one. */
export const anyDuration =
  (option: string) =>
  (text: string): number =>
    durationMs(text, option);

/** An option that is a duration, with its usual value as people write it. */
export const durationOption = <const F extends string>(flags: F, about: string, standard: string, parse: (text: string) => number) =>
  new Option(flags, about).argParser<number>(parse).default(parse(standard), standard);

/** Parser of an RFC 3339 time, `2026-01-31T12:00:00Z`; a day alone is its first moment in UTC. */
export const rfc3339Time =
  (option: string) =>
  (text: string): Date => {
    const whole = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
    const time = /^\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,9})?(?:[Zz]|[+-]\d{2}:\d{2})$/.test(whole) ? new Date(whole) : undefined;
    // Date reads the 30th of February as the 2nd of March.
    const day = Number(text.slice(8, 10));
    const days = new Date(Date.UTC(Number(text.slice(0, 4)), Number(text.slice(5, 7)), 0)).getUTCDate();
    if (time !== undefined && !Number.isNaN(time.getTime()) && day <= days) return time;
    throw new CodedError('UsageInvalid', `cannot use ${option} ${quote(text)}: it is not a time of RFC 3339`, {
      hint: 'write it as 2026-01-31T12:00:00Z or 2026-01-31',
    });
  };

/** Parser of a whole number within bounds. */
export const wholeNumber =
  (option: string, min: number, max: number) =>
  (text: string): number => {
    const value = Number(text);
    if (/^\d{1,15}$/.test(text) && value >= min && value <= max) return value;
    throw new CodedError('UsageInvalid', `cannot use ${option} ${quote(text)}: it is not a whole number from ${min} to ${max}`);
  };

/** One of the words of a set; throws UsageInvalid listing them. */
export const oneOf = <T extends string>(option: string, text: string, words: readonly T[]): T => {
  const found = words.find((word) => word === text);
  if (found !== undefined) return found;
  throw new CodedError('UsageInvalid', `cannot use ${option} ${quote(text)}: it is not known`, { hint: `use one of ${words.join(', ')}` });
};

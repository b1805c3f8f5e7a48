// Times and durations as CEL writes and reads them.

import { Duration, EvaluationError, Timestamp } from './values.ts';

const second = 1_000_000_000n;
const unitNs: Readonly<Record<string, bigint>> = {
  h: 3600n * second,
  m: 60n * second,
  s: second,
  ms: 1_000_000n,
  us: 1000n,
  µs: 1000n,
  ns: 1n,
};

const fractionNs = (digits: string): bigint => BigInt(digits.slice(0, 9).padEnd(9, '0'));

/** `1h30m`, as Go reads it. Throws EvaluationError. */
export const parseDuration = (text: string): Duration => {
  const match = /^([+-]?)((?:(?:\d+\.?\d*|\.\d+)(?:h|ms|us|µs|ns|m|s)){1,20}|0)$/.exec(text);
  if (match === null || text.length > 100) throw new EvaluationError(`time: invalid duration ${JSON.stringify(text)}`);
  let ns = 0n;
  for (const [, whole = '', fraction = '', unit = ''] of (match[2] ?? '').matchAll(/(\d*)\.?(\d*)(h|ms|us|µs|ns|m|s)/g)) {
    const of = unitNs[unit] ?? 0n;
    ns += BigInt(whole || '0') * of + (fractionNs(fraction) * of) / second;
  }
  return new Duration(match[1] === '-' ? -ns : ns);
};

const fractionText = (ns: bigint): string => (ns === 0n ? '' : `.${String(ns).padStart(9, '0').replace(/0+$/, '')}`);

/** In seconds: `90s`. */
export const durationText = ({ ns }: Duration): string => {
  const size = ns < 0n ? -ns : ns;
  return `${ns < 0n ? '-' : ''}${size / second}${fractionText(size % second)}s`;
};

/** RFC 3339. Throws EvaluationError. */
export const parseTimestamp = (text: string): Timestamp => {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/i.exec(text);
  const ms = match === null ? Number.NaN : Date.parse(`${match[1]}${match[3]?.toUpperCase()}`);
  if (Number.isNaN(ms)) throw new EvaluationError(`invalid timestamp ${JSON.stringify(text)}`);
  return new Timestamp(BigInt(ms) * 1_000_000n + fractionNs(match?.[2] ?? '0'));
};

const floorMs = (ns: bigint): number => Number((ns - (((ns % 1_000_000n) + 1_000_000n) % 1_000_000n)) / 1_000_000n);

export const timestampText = ({ ns }: Timestamp): string => {
  const date = new Date(floorMs(ns));
  return `${date.toISOString().slice(0, 19)}${fractionText(((ns % second) + second) % second)}Z`;
};

/** A time as it stands on clocks elsewhere, as if it were in UTC there. Throws EvaluationError. */
export const zoned = ({ ns }: Timestamp, zone: string): Date => {
  const ms = floorMs(ns);
  const offset = /^([+-]?)(\d\d):(\d\d)$/.exec(zone);
  if (offset !== null) {
    const minutes = Number(offset[2]) * 60 + Number(offset[3]);
    return new Date(ms + (offset[1] === '-' ? -minutes : minutes) * 60_000);
  }
  try {
    const parts = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    }).formatToParts(new Date(ms));
    const part = (type: string): number => Number(parts.find((each) => each.type === type)?.value);
    return new Date(
      Date.UTC(
        part('year'),
        part('month') - 1,
        part('day'),
        part('hour'),
        part('minute'),
        part('second'),
        new Date(ms).getUTCMilliseconds(),
      ),
    );
  } catch {
    throw new EvaluationError(`unknown time zone ${zone}`);
  }
};

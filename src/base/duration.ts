// Durations as Go writes them (17520h, 1h30m, 500ms), plus d for days, which people write in plans and flags.

import { CodedError, quote } from './coded-error.ts';

const unitMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
const whole = /^(?:\d{1,9}(?:\.\d{1,6})?(?:ms|s|m|h|d))+$/;

/** Milliseconds of a duration such as `17520h`, `1h30m` or `45d`. Undefined where the text is not one; never negative. */
export const parseDurationMs = (text: string): number | undefined => {
  if (text.length > 64 || !whole.test(text)) return text === '0' ? 0 : undefined;
  let totalMs = 0;
  for (const [, amount, unit] of text.matchAll(/([\d.]+)(ms|s|m|h|d)/g)) totalMs += Number(amount) * (unitMs[unit ?? ''] ?? Number.NaN);
  return Number.isFinite(totalMs) ? Math.round(totalMs) : undefined;
};

/** As parseDurationMs; throws DurationInvalid naming the field. */
export const durationMs = (text: string, field: string): number => {
  const parsed = parseDurationMs(text);
  if (parsed === undefined)
    throw new CodedError('DurationInvalid', `cannot read ${field}: ${quote(text)} is not a duration`, {
      hint: 'write it as 8760h, 90m, 1h30m or 365d',
    });
  return parsed;
};

/** A short form for people, as Kubernetes prints ages: 364d, 23h, 59m, 12s. Negative input gives `<invalid>`, as kubeadm prints it. */
export const shortDuration = (ms: number): string => {
  if (ms < 0) return '<invalid>';
  const seconds = Math.floor(ms / 1000);
  if (seconds < 60) return `${seconds}s`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)}m`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)}h`;
  const days = Math.floor(seconds / 86_400);
  return days < 365 * 2 ? `${days}d` : `${Math.floor(days / 365)}y`;
};

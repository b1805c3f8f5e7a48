// The two ways X.509 writes times (RFC 5280 section 4.1.2.5): UTCTime through 2049, GeneralizedTime from 2050 on.

import { CodedError } from '../base/coded-error.ts';
import { type DerElement, type DerReader, element, readAny, tag } from './der.ts';

/** The latest time a certificate can say: 31 December 9999, meaning no end (RFC 5280 section 4.1.2.5). */
export const noExpiry = new Date('9999-12-31T23:59:59Z');

/** `YYYYMMDDHHMMSSZ` of a time whose year has at most four digits. */
const digitsOf = (at: Date): Uint8Array => {
  const year = at.getUTCFullYear();
  const date = [Math.floor(year / 100), year % 100, at.getUTCMonth() + 1, at.getUTCDate()];
  const pairs = [...date, at.getUTCHours(), at.getUTCMinutes(), at.getUTCSeconds()];
  const octets = new Uint8Array(15);
  for (let i = 0; i < 7; i++) {
    const pair = pairs[i] ?? 0;
    octets[2 * i] = 0x30 + Math.floor(pair / 10);
    octets[2 * i + 1] = 0x30 + (pair % 10);
  }
  octets[14] = 0x5a;
  return octets;
};

/** A time as the element RFC 5280 wants; fractions of a second are dropped. Throws TimeInvalid outside the years 1950..9999. */
export const encodeTime = (at: Date): Uint8Array => {
  const year = at.getUTCFullYear();
  if (!(year >= 1950 && year <= 9999)) throw new CodedError('TimeInvalid', 'cannot encode time: its year is not within 1950..9999');
  return year < 2050 ? element(tag.utcTime, digitsOf(at).subarray(2)) : element(tag.generalizedTime, digitsOf(at));
};

/** GeneralizedTime whatever the year, for the fields that want it. Throws TimeInvalid outside the years 0..9999. */
export const encodeGeneralizedTime = (at: Date): Uint8Array => {
  const year = at.getUTCFullYear();
  if (!(year >= 0 && year <= 9999)) throw new CodedError('TimeInvalid', 'cannot encode time: its year is not within 0..9999');
  return element(tag.generalizedTime, digitsOf(at));
};

/** The time an element says, to the second. Throws TimeInvalid for local times, fractions and days that do not exist. */
export const decodeTime = (found: DerElement, what: string): Date => {
  const digits = found.tag === tag.utcTime ? 12 : found.tag === tag.generalizedTime ? 14 : 0;
  const { content } = found;
  const invalid = (): never => {
    throw new CodedError('TimeInvalid', `cannot read ${what}: it is not YYMMDDHHMMSSZ or YYYYMMDDHHMMSSZ`);
  };
  if (digits === 0 || content.length !== digits + 1 || content[digits] !== 0x5a) return invalid();
  const at = (index: number): number => {
    const digit = (content[index] ?? 0) - 0x30;
    return digit >= 0 && digit <= 9 ? digit : Number.NaN;
  };
  const pair = (index: number): number => at(index) * 10 + at(index + 1);
  const yearDigits = digits - 10;
  const shortYear = pair(0);
  const year = yearDigits === 4 ? shortYear * 100 + pair(2) : shortYear < 50 ? 2000 + shortYear : 1900 + shortYear;
  const month = pair(yearDigits);
  const day = pair(yearDigits + 2);
  const hour = pair(yearDigits + 4);
  const minute = pair(yearDigits + 6);
  const second = pair(yearDigits + 8);
  const time = new Date(0);
  time.setUTCFullYear(year, month - 1, day);
  time.setUTCHours(hour, minute, second, 0);
  const exists =
    time.getUTCMonth() === month - 1 &&
    time.getUTCDate() === day &&
    hour < 24 &&
    minute < 60 &&
    second < 60 &&
    !Number.isNaN(time.getTime());
  return exists ? time : invalid();
};

/** Reads a Time: UTCTime or GeneralizedTime. */
export const readTime = (reader: DerReader, what: string): Date => decodeTime(readAny(reader), what);

/** Whether an element uses the encoding RFC 5280 wants for its year. */
export const isTimeEncodingRight = (found: DerElement, at: Date): boolean => (found.tag === tag.utcTime) === at.getUTCFullYear() < 2050;

// What SQLite's errors mean: that the disk refused (https://www.sqlite.org/rescode.html: FULL, IOERR, CANTOPEN, READONLY), or that a file does
// not hold what it should.

import { CodedError, quote } from '../base/coded-error.ts';

const refusals: ReadonlySet<number> = new Set([13, 10, 14, 8]);

const sqliteCode = (error: unknown): number | undefined => {
  if (!(error instanceof Error) || !('errcode' in error) || typeof error.errcode !== 'number') return undefined;
  // The low octet is the code, the rest its kind.
  return error.errcode & 0xff;
};

/** FileWriteFailed for what the disk refused; undefined for all else. */
export const sqliteRefusal = (error: unknown, path: string): CodedError | undefined => {
  const code = sqliteCode(error);
  if (code === undefined || !refusals.has(code) || !(error instanceof Error)) return undefined;
  return new CodedError('FileWriteFailed', `cannot write ${quote(path)}: ${error.message}`, { cause: error });
};

/** What is thrown for any other error of SQLite's; undefined where it is none. */
export const sqliteDamage = (error: unknown, damage: (problem: string) => CodedError): CodedError | undefined =>
  sqliteCode(error) === undefined || !(error instanceof Error) ? undefined : damage(error.message);

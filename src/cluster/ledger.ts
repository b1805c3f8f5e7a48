// The ledger of a CA: one JSON line for every signature, revocation and revocation list, in a file beside the CA that only ever grows.
// A line is on disk before what it records is handed out, so a line may stand for a certificate that a killed run never delivered; a
// certificate without a line is one that this program did not sign.
// A run killed in the middle of a line leaves a torn end, which the next append cuts off. Any other damage is told, never repaired.

import { closeSync, constants, fstatSync, fsyncSync, ftruncateSync, lstatSync, openSync, readSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { changing, type OnFileStep, readFileIfPresent, syncDirectory } from '../base/atomic-file.ts';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { type DirectoryLock, lockDirectory } from '../base/directory-lock.ts';
import { type LedgerEvent, parseLedgerLine } from './ledger-event.ts';

/** About 200,000 signatures. */
const maxLedgerBytes = 128 * 1024 * 1024;
const maxLineBytes = 1024 * 1024;
const lineFeed = 0x0a;
const openingBrace = 0x7b;

/** The ledger of a CA certificate's file: `ca.pem` → `ca.ledger.jsonl`, beside it. */
export const ledgerFileOf = (certificateFile: string): string =>
  join(dirname(certificateFile), `${basename(certificateFile).replace(/\.(?:pem|crt|cer)$/, '')}.ledger.jsonl`);

const damaged = (path: string, line: number): never => {
  throw new CodedError('LedgerInvalid', `cannot read ledger ${quote(path)}: line ${line} is not an event of a ledger`, {
    hint: `look at it with sed -n ${line}p ${path}, and restore the file from a backup`,
    details: { line },
  });
};

/** Every event in order; none where there is no ledger. A torn last line is passed over. Throws LedgerInvalid and FileUnreadable. */
export const readLedger = (path: string): readonly LedgerEvent[] => {
  const bytes = readFileIfPresent(path, maxLedgerBytes) ?? new Uint8Array();
  const events: LedgerEvent[] = [];
  for (let start = 0, line = 1; start < bytes.length; line++) {
    const found = bytes.indexOf(lineFeed, start);
    const end = found < 0 ? bytes.length : found;
    const text = end - start > maxLineBytes ? undefined : fromUtf8(bytes.subarray(start, end));
    const event = text === undefined ? undefined : parseLedgerLine(text);
    if (event !== undefined) events.push(event);
    else if (found >= 0) damaged(path, line);
    start = end + 1;
  }
  return events;
};

/** A link in the place of a ledger would have somebody else's file appended to, and cut. Throws PathRefused. */
const refuseLink = (path: string): void => {
  if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() === true)
    throw new CodedError('PathRefused', `cannot append to ledger ${quote(path)}: it is a symbolic link`, {
      hint: 'put the file itself there, or name it with --ledger where the command has that',
    });
};

/** Whether a line is an event; one that begins before what was read cannot be told, and is taken for one. */
const isEvent = (tail: Uint8Array, start: number, end: number): boolean => {
  const text = fromUtf8(tail.subarray(start, end));
  return text !== undefined && parseLedgerLine(text) !== undefined;
};

/** Where whole lines end, and whether the last of them lacks its line break. Only the begin of an event behind an event is ever cut off. */
const wholeLines = (descriptor: number, path: string): { readonly length: number; readonly needsBreak: boolean } => {
  const { size } = fstatSync(descriptor);
  const tail = Buffer.alloc(Math.min(size, maxLineBytes + 1));
  readSync(descriptor, tail, 0, tail.length, size - tail.length);
  if (size === 0) return { length: 0, needsBreak: false };
  const lastBreak = tail.lastIndexOf(lineFeed);
  if (lastBreak < 0 && tail.length < size)
    throw new CodedError('LedgerInvalid', `cannot append to ledger ${quote(path)}: its last line is longer than ${maxLineBytes} bytes`);
  if (lastBreak >= 0) {
    const before = tail.subarray(0, lastBreak).lastIndexOf(lineFeed);
    if ((before >= 0 || tail.length === size) && !isEvent(tail, before + 1, lastBreak)) throw notALedger(path);
  }
  if (lastBreak === tail.length - 1) return { length: size, needsBreak: false };
  if (isEvent(tail, lastBreak + 1, tail.length)) return { length: size, needsBreak: true };
  if (tail[lastBreak + 1] !== openingBrace) throw notALedger(path);
  return { length: size - tail.length + lastBreak + 1, needsBreak: false };
};

const notALedger = (path: string): CodedError =>
  new CodedError('LedgerInvalid', `cannot append to ledger ${quote(path)}: its end is not that of a ledger`, {
    hint: 'move that file elsewhere, or restore the ledger from a backup',
  });

const appendTo = (descriptor: number, path: string, text: string): void => {
  const { length, needsBreak } = wholeLines(descriptor, path);
  ftruncateSync(descriptor, length);
  const bytes = Buffer.from(needsBreak ? `\n${text}` : text, 'utf8');
  try {
    for (let offset = 0; offset < bytes.length; ) offset += writeSync(descriptor, bytes, offset, bytes.length - offset, length + offset);
    fsyncSync(descriptor);
  } catch (error) {
    // A disk that filled up half way through: what was not recorded whole is not handed out either.
    ftruncateSync(descriptor, length);
    throw error;
  }
};

const waitMs = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** Appends take milliseconds, so a ledger in use is waited for a while; the last refusal names the process. */
const lockSoon = async (directory: string): Promise<DirectoryLock> => {
  for (let attempt = 0; ; attempt++) {
    try {
      return lockDirectory(directory);
    } catch (error) {
      if (!(error instanceof CodedError) || error.code !== 'LockHeld' || attempt >= 100) throw error;
    }
    await waitMs(20);
  }
};

export type LedgerOptions = { readonly onStep?: OnFileStep | undefined };

/**
 * Adds what `decide` makes of the events so far, synced once, while no other process can add anything; no event is no change.
 * Throws LedgerInvalid, LockHeld, FileWriteFailed and what `decide` throws.
 */
export const extendLedger = async <E extends LedgerEvent>(
  path: string,
  decide: (events: readonly LedgerEvent[]) => readonly E[],
  options: LedgerOptions = {},
): Promise<readonly E[]> => append(path, () => decide(readLedger(path)), options);

const append = async <E extends LedgerEvent>(
  path: string,
  decide: () => readonly E[],
  { onStep }: LedgerOptions,
): Promise<readonly E[]> => {
  const lock = await lockSoon(dirname(path));
  try {
    const events = decide();
    if (events.length === 0) return events;
    onStep?.({ kind: 'append', path });
    refuseLink(path);
    const isNew = changing(path, () => {
      // Not opened for appending: on Linux such a descriptor writes at the end only, torn line or not.
      const writable = openSync(path, constants.O_RDWR | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
      try {
        const before = fstatSync(writable).size;
        appendTo(writable, path, events.map((event) => `${JSON.stringify(event)}\n`).join(''));
        return before === 0;
      } finally {
        closeSync(writable);
      }
    });
    if (isNew) await syncDirectory(dirname(path));
    return events;
  } finally {
    lock.release();
  }
};

/** Adds events, synced once. Only the end of the ledger is read. Throws LedgerInvalid, LockHeld and FileWriteFailed. */
export const appendLedger = async (path: string, events: readonly LedgerEvent[], options: LedgerOptions = {}): Promise<void> => {
  await append(path, () => events, options);
};

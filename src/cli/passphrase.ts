// Passphrases: from a file, from the environment, or asked for on a terminal. Never from an argument, which every user of the machine can
// read while the command runs.

import { CodedError, isCodedError } from '../base/coded-error.ts';
import { type Io, say } from './io.ts';
import { readTextInput } from './read-input.ts';

type Given = { readonly passphraseFile?: string | undefined };

/** The passphrase that was given, without asking. Undefined where none was; an empty first line is the empty passphrase. */
export const givenPassphrase = async (io: Io, { passphraseFile }: Given): Promise<string | undefined> => {
  if (passphraseFile === undefined) return io.settings.passphrase;
  const text = await readTextInput(io, passphraseFile);
  return text.split(/\r?\n/, 1)[0] ?? '';
};

const missing = (what: string): never => {
  throw new CodedError('PassphraseRequired', `cannot go on: ${what} needs a passphrase and no one is there to ask`, {
    hint: 'give --passphrase-file FILE, or set CERTWRIGHT_PASSPHRASE',
  });
};

/** Opens something that may be encrypted: with the passphrase given, else without, else with the one a person types. */
export const withPassphrase = async <T>(
  io: Io,
  given: Given,
  what: string,
  opened: (passphrase: string | undefined) => T | Promise<T>,
): Promise<T> => {
  const passphrase = await givenPassphrase(io, given);
  try {
    return await opened(passphrase);
  } catch (error) {
    if (passphrase !== undefined || !isCodedError(error) || error.code !== 'PassphraseRequired') throw error;
    const typed = await io.askSecret(`Passphrase of ${what}: `);
    if (typed === undefined) throw error;
    return opened(typed);
  }
};

/**
 * The passphrase for a key about to be made; undefined where it stays unencrypted. A passphrase file is given for a reason; one in the
 * environment may be there for another key, so it takes --encrypt.
 */
export const keyPassphrase = async (io: Io, given: Given & { readonly encrypt?: boolean | undefined }): Promise<string | undefined> => {
  if (given.encrypt === true || given.passphraseFile !== undefined) return newPassphrase(io, given, 'the key');
  if (io.settings.passphrase !== undefined)
    say(io, 'note: the key is not encrypted, although CERTWRIGHT_PASSPHRASE is set; --encrypt does that');
  return undefined;
};

/** A passphrase for something about to be made: given, or typed twice. Throws PassphraseRequired. */
export const newPassphrase = async (io: Io, given: Given, what: string): Promise<string> => {
  const passphrase = await givenPassphrase(io, given);
  if (passphrase !== undefined) return passphrase;
  const typed = await io.askSecret(`New passphrase for ${what}: `);
  if (typed === undefined) return missing(what);
  if ((await io.askSecret('Once more: ')) !== typed)
    throw new CodedError('UsageInvalid', `cannot encrypt ${what}: the two passphrases typed are not the same`);
  return typed;
};

// The CA that offline commands sign with: certificate, key and ledger, from files that a command line names. A cluster's own CAs are read
// by src/cluster/authority.ts, which is stricter about what may stand beside the certificate in its file.

import type { KeyObject } from 'node:crypto';
import { resolve } from 'node:path';
import { CodedError, quote } from '../base/coded-error.ts';
import { type Authority, authorityProblem, isIntermediateCa } from '../cluster/authority.ts';
import { ledgerFileOf } from '../cluster/ledger.ts';
import { formatName } from '../pki/name-text.ts';
import { importPrivateKey, requireKeyBelongsTo } from '../pki/private-key.ts';
import { keySigner, type Signer } from '../pki/signature-algorithm.ts';
import { certificateKey, parseFirstCertificate, type X509Certificate } from '../pki/x509-certificate.ts';
import type { Io } from './io.ts';
import { withPassphrase } from './passphrase.ts';
import { inputName, readInput } from './read-input.ts';

type Given = { readonly passphraseFile?: string | undefined };

/** A private key of a file, opened with the passphrase given or asked for. */
export const readPrivateKey = async (io: Io, path: string, given: Given, role = 'private key'): Promise<KeyObject> => {
  const what = `${role} ${inputName(path)}`;
  const bytes = await readInput(io, path);
  return withPassphrase(io, given, what, (passphrase) => importPrivateKey(bytes, { passphrase, what }));
};

/** The ledger beside a CA's certificate, or the one named. A certificate from standard input lies nowhere. */
export const ledgerPath = (io: Io, certificatePath: string, named: string | undefined): string => {
  if (named !== undefined) return resolve(io.cwd, named);
  if (certificatePath !== '-') return ledgerFileOf(resolve(io.cwd, certificatePath));
  throw new CodedError('UsageInvalid', 'cannot tell where the ledger of a CA from standard input lies', {
    hint: 'give --ca a file, or name the ledger with --ledger FILE',
  });
};

/** The CA certificate of a file, the first in it, judged at a time. Throws CaInvalid. */
export const readCaCertificate = async (io: Io, path: string): Promise<X509Certificate> => {
  const certificate = parseFirstCertificate(await readInput(io, path), `CA certificate ${inputName(path)}`);
  const problem = authorityProblem(certificate, io.now());
  if (problem !== undefined)
    throw new CodedError('CaInvalid', `cannot use CA ${inputName(path)}, ${quote(formatName(certificate.subject))}: ${problem}`);
  return certificate;
};

export type SigningCa = Authority & { readonly signer: Signer };

/** Certificate, key and ledger of a CA. Throws CaInvalid, KeyMismatch, PassphraseRequired, PassphraseWrong and what reading throws. */
export const readSigningCa = async (
  io: Io,
  options: Given & { readonly ca: string; readonly caKey: string; readonly ledger?: string | undefined },
): Promise<SigningCa> => {
  const ledgerFile = ledgerPath(io, options.ca, options.ledger);
  const certificate = await readCaCertificate(io, options.ca);
  const key = await readPrivateKey(io, options.caKey, options, 'CA key');
  const publicKey = certificateKey(certificate);
  requireKeyBelongsTo(key, publicKey, { key: `CA key ${inputName(options.caKey)}`, certificate: inputName(options.ca) });
  return {
    certificate,
    signer: keySigner(key, publicKey),
    isIntermediate: isIntermediateCa(certificate),
    certificateFile: options.ca === '-' ? '-' : resolve(io.cwd, options.ca),
    ledgerFile,
  };
};

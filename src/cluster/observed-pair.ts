// What lies on disk of a key pair or kubeconfig: each half absent, unreadable with the reason, or read. Nothing is judged here, and
// nothing thrown for what a file holds; certificate-differences.ts judges.

import type { KeyObject } from 'node:crypto';
import { statSync } from 'node:fs';
import { readFileIfPresent } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { importPrivateKey } from '../pki/private-key.ts';
import { type PublicKey, publicKeyOf } from '../pki/public-key.ts';
import { parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';
import { maxCertificateFileBytes, maxKeyFileBytes } from './authority.ts';
import { parseKubeconfig, type ReadKubeconfig } from './kubeconfig.ts';

/** A private key of this program's or a user's. */
export type KeyHalf = { readonly key: KeyObject; readonly publicKey: PublicKey };

export type Observed<T> =
  | { readonly state: 'absent' }
  /** `isEncrypted` where a passphrase would open it. */
  | { readonly state: 'unreadable'; readonly problem: string; readonly isEncrypted: boolean }
  | { readonly state: 'present'; readonly value: T };

/** A pair on disk; the chain has one certificate at least. */
export type ObservedPair = {
  readonly key: Observed<KeyHalf>;
  readonly chain: Observed<readonly [X509Certificate, ...X509Certificate[]]>;
  /** Permission bits of the file that holds the key. */
  readonly keyMode: number | undefined;
};

/** What is said of a file that `read` cannot make sense of; other errors are thrown on. */
const observe = <T>(read: () => T | undefined): Observed<T> => {
  try {
    const value = read();
    return value === undefined ? { state: 'absent' } : { state: 'present', value };
  } catch (error) {
    if (error instanceof CodedError && error.class === 'input')
      return { state: 'unreadable', problem: error.message, isEncrypted: error.code === 'PassphraseRequired' };
    throw error;
  }
};

const modeOf = (path: string): number | undefined => {
  const mode = statSync(path, { throwIfNoEntry: false })?.mode;
  return mode === undefined ? undefined : mode & 0o777;
};

const keyHalf = (pem: string | Uint8Array, what: string): KeyHalf => {
  const key = importPrivateKey(pem, { what });
  return { key, publicKey: publicKeyOf(key) };
};

const wholeChain = (certificates: readonly X509Certificate[], what: string): readonly [X509Certificate, ...X509Certificate[]] => {
  const [first, ...rest] = certificates;
  if (first === undefined) throw new CodedError('PemInvalid', `cannot read ${what}: it holds no certificate`);
  return [first, ...rest];
};

/** The private key of a file. */
export const observeKey = (path: string): Observed<KeyHalf> =>
  observe(() => {
    const bytes = readFileIfPresent(path, maxKeyFileBytes);
    return bytes === undefined ? undefined : keyHalf(bytes, `key ${quote(path)}`);
  });

/** The certificates of a file, the first of them the one that the file is for. */
export const observeChain = (path: string): ObservedPair['chain'] =>
  observe(() => {
    const bytes = readFileIfPresent(path, maxCertificateFileBytes);
    const what = `certificate ${quote(path)}`;
    return bytes === undefined ? undefined : wholeChain(parseCertificates(bytes, what), what);
  });

/** A pair of two files. */
export const observePair = (files: { readonly certificateFile: string; readonly keyFile: string }): ObservedPair => {
  const key = observeKey(files.keyFile);
  return { key, chain: observeChain(files.certificateFile), keyMode: key.state === 'absent' ? undefined : modeOf(files.keyFile) };
};

export type ObservedKubeconfig = { readonly content: Observed<ReadKubeconfig>; readonly pair: ObservedPair };

/** A kubeconfig and the pair inside it. Where the file cannot be read, neither can its halves, for the same reason. */
export const observeKubeconfig = (path: string): ObservedKubeconfig => {
  const what = `kubeconfig ${quote(path)}`;
  const content = observe(() => {
    const bytes = readFileIfPresent(path, maxCertificateFileBytes);
    return bytes === undefined ? undefined : parseKubeconfig(bytes, what);
  });
  if (content.state !== 'present') return { content, pair: { key: content, chain: content, keyMode: modeOf(path) } };
  const { keyPem, chain } = content.value;
  return {
    content,
    pair: {
      key: observe(() => (keyPem === undefined ? undefined : keyHalf(keyPem, `client-key-data of ${what}`))),
      chain: chain.length === 0 ? { state: 'absent' } : observe(() => wholeChain(chain, what)),
      keyMode: modeOf(path),
    },
  };
};

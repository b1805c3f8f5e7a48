// Values that several commands take about keys, names and usages, read into the core's terms.

import { CodedError, quote } from '../base/coded-error.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import type { GeneralSubtree, NameConstraints } from '../pki/extension.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { parseGeneralName } from '../pki/general-name-text.ts';
import { type KeyAlgorithm, keyAlgorithm } from '../pki/key-algorithm.ts';
import type { Name } from '../pki/name.ts';
import { subjectName } from '../pki/name.ts';
import { parseNameText } from '../pki/name-text.ts';
import { parseUsage, type Usage, usages } from '../pki/usage.ts';

/** Algorithms that completion offers; any size of RSA from 2048 to 8192 is taken. */
export const keyAlgorithmWords = [
  'ecdsa-p256',
  'ecdsa-p384',
  'ecdsa-p521',
  'ed25519',
  'rsa-2048',
  'rsa-3072',
  'rsa-4096',
  'ml-dsa-44',
  'ml-dsa-65',
  'ml-dsa-87',
] as const;

/** Usages that completion offers: Kubernetes' names with hyphens, which need no quoting. */
export const usageWords: readonly string[] = usages.map((usage) => usage.replace(/[ /]/g, '-'));

/** Parser of a key algorithm; a word that means none is told with the option's name. */
export const keyAlgorithmValue =
  (option: string) =>
  (text: string): KeyAlgorithm =>
    keyAlgorithm(text, option);

/** Usages of words. Throws UsageUnknown. */
export const usageValues = (words: readonly string[]): readonly Usage[] => words.map(parseUsage);

/** A subject alternative name of a word. Throws SanInvalid; a port, which no certificate can name, is told as such. */
export const sanValue = (word: string): GeneralName => {
  if (/^(?:\[[^\]]*\]|[^:/]+):\d+$/.test(word))
    throw new CodedError('SanInvalid', `cannot use ${quote(word)} as a subject alternative name: it has a port`, {
      hint: 'name the host alone; a certificate holds for every port',
    });
  return parseGeneralName(word);
};

export type SubjectOptions = {
  readonly subject?: string | undefined;
  readonly commonName?: string | undefined;
  readonly organizations?: readonly string[] | undefined;
};

/** The subject that options describe; undefined where none does. Throws NameInvalid, and UsageInvalid where two ways are mixed. */
export const subjectOf = ({ subject, commonName, organizations = [] }: SubjectOptions): Name | undefined => {
  if (subject !== undefined) {
    if (commonName !== undefined || organizations.length > 0)
      throw new CodedError(
        'UsageInvalid',
        'cannot take both --subject and its parts: give --subject alone, or --common-name and --organizations',
      );
    return parseNameText(subject);
  }
  if (commonName === undefined && organizations.length > 0)
    throw new CodedError('UsageInvalid', 'cannot make a subject: --organizations needs --common-name beside it');
  return commonName === undefined ? undefined : subjectName(commonName, organizations);
};

const prefixOctets = (octets: Uint8Array, prefix: number): Uint8Array => {
  const range = new Uint8Array(octets.length * 2);
  for (let i = 0; i < octets.length; i++) {
    const mask = (0xff00 >> Math.max(0, Math.min(8, prefix - i * 8))) & 0xff;
    range[i] = (octets[i] ?? 0) & mask;
    range[octets.length + i] = mask;
  }
  return range;
};

const ipRange = (option: string, word: string): GeneralSubtree | undefined => {
  const [, address = '', length] = /^(?:IP:)?([0-9a-fA-F.:]+)(?:\/(\d{1,3}))?$/i.exec(word) ?? [];
  const octets = parseIpAddress(address);
  if (octets === undefined) return undefined;
  const prefix = length === undefined ? octets.length * 8 : Number(length);
  if (prefix > octets.length * 8)
    throw new CodedError('UsageInvalid', `cannot use ${option} ${quote(word)}: its prefix is longer than ${octets.length * 8} bits`);
  return { base: { type: 'ip-range', octets: prefixOctets(octets, prefix) } };
};

/** What a name constraint is over: `.example.com` and `example.com` both mean the name and all below it, as RFC 5280 reads dNSName. */
const subtree = (option: string, word: string): GeneralSubtree => {
  const range = ipRange(option, word);
  if (range !== undefined) return range;
  const [, kind = 'dns', value = ''] = /^(?:(dns|email|uri|dirname):)?(.*)$/is.exec(word) ?? [];
  const invalid = (): never => {
    throw new CodedError('UsageInvalid', `cannot use ${option} ${quote(word)}: it is no range of names`, {
      hint: 'write it as example.com, 10.0.0.0/8, email:example.com, URI:example.com or dirName:O=Example',
    });
  };
  switch (kind.toLowerCase()) {
    case 'dirname':
      return { base: { type: 'directoryName', name: parseNameText(value) } };
    case 'email':
      return /^[\x21-\x7e]+$/.test(value) ? { base: { type: 'email', value } } : invalid();
    case 'uri':
      return /^[A-Za-z0-9.-]+$/.test(value) ? { base: { type: 'uri', value } } : invalid();
    default: {
      const name = value.replace(/^\./, '');
      return /^[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*$/.test(name) ? { base: { type: 'dns', value: name } } : invalid();
    }
  }
};

/** Name constraints of `--permit` and `--exclude`; undefined where there are none. */
export const nameConstraintsOf = (permit: readonly string[], exclude: readonly string[]): NameConstraints | undefined =>
  permit.length + exclude.length === 0
    ? undefined
    : {
        permitted: permit.map((word) => subtree('--permit', word)),
        excluded: exclude.map((word) => subtree('--exclude', word)),
      };

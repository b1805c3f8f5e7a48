// Key usages by the 23 names Kubernetes gives them (certificates.k8s.io KeyUsage), and how they split into the bits of keyUsage and the
// purposes of extendedKeyUsage (RFC 5280 sections 4.2.1.3 and 4.2.1.12).

import { CodedError, quote } from '../base/coded-error.ts';
import { oid } from './oid.ts';

/** Bits of keyUsage in the order of their numbers. */
export const keyUsageBits = [
  'digital signature',
  'content commitment',
  'key encipherment',
  'data encipherment',
  'key agreement',
  'cert sign',
  'crl sign',
  'encipher only',
  'decipher only',
] as const;

export type KeyUsageBit = (typeof keyUsageBits)[number];

/** Purposes by name; `s/mime` and `email protection` are one purpose by two names. */
export const extendedUsageOids = {
  any: oid.anyExtendedKeyUsage,
  'server auth': oid.serverAuth,
  'client auth': oid.clientAuth,
  'code signing': oid.codeSigning,
  'email protection': oid.emailProtection,
  's/mime': oid.emailProtection,
  'ipsec end system': oid.ipsecEndSystem,
  'ipsec tunnel': oid.ipsecTunnel,
  'ipsec user': oid.ipsecUser,
  timestamping: oid.timestamping,
  'ocsp signing': oid.ocspSigning,
  'microsoft sgc': oid.microsoftSgc,
  'netscape sgc': oid.netscapeSgc,
} as const;

export type ExtendedUsage = keyof typeof extendedUsageOids;

/** One of the 23 usages; `signing` is another name of `digital signature`. */
export type Usage = 'signing' | KeyUsageBit | ExtendedUsage;

export const usages: readonly Usage[] = ['signing', ...keyUsageBits, ...(Object.keys(extendedUsageOids) as ExtendedUsage[])];

const compact = (text: string): string => text.toLowerCase().replace(/[\s_/-]/g, '');
const usageByCompactName: ReadonlyMap<string, Usage> = new Map([
  ...usages.map((usage) => [compact(usage), usage] as const),
  ['nonrepudiation', 'content commitment'] as const,
  ['certsigning', 'cert sign'] as const,
  ['keycertsign', 'cert sign'] as const,
  ['crlsigning', 'crl sign'] as const,
]);

/** The usage a word means: Kubernetes' name, or the same in another case or joined (`serverAuth`, `server-auth`, `digitalSignature`). */
export const parseUsage = (text: string): Usage => {
  const usage = usageByCompactName.get(compact(text));
  if (usage !== undefined) return usage;
  throw new CodedError('UsageUnknown', `cannot use key usage ${quote(text)}: it is none of the 23 that Kubernetes names`, {
    hint: `the usages are: ${usages.join(', ')}`,
  });
};

export type SplitUsages = { readonly keyUsage: readonly KeyUsageBit[]; readonly extendedKeyUsage: readonly string[] };

const isBit = (usage: Usage): usage is KeyUsageBit => (keyUsageBits as readonly string[]).includes(usage);

/** Usages as keyUsage bits in order of their numbers, and extendedKeyUsage identifiers in the order given, each once. */
export const splitUsages = (wanted: readonly Usage[]): SplitUsages => {
  const bits = new Set<KeyUsageBit>();
  const purposes = new Set<string>();
  for (const usage of wanted) {
    if (usage === 'signing') bits.add('digital signature');
    else if (isBit(usage)) bits.add(usage);
    else purposes.add(extendedUsageOids[usage]);
  }
  return { keyUsage: keyUsageBits.filter((bit) => bits.has(bit)), extendedKeyUsage: [...purposes] };
};

const usageByOid: ReadonlyMap<string, ExtendedUsage> = new Map(
  (Object.entries(extendedUsageOids) as [ExtendedUsage, string][])
    .filter(([usage]) => usage !== 's/mime')
    .map(([usage, purpose]) => [purpose, usage]),
);

/** Kubernetes' name of a purpose, or its dotted identifier. */
export const extendedUsageName = (purpose: string): string => usageByOid.get(purpose) ?? purpose;

// The certificates and keys that a kubeconfig embeds, each with the name of the entry it stands in. Files that it only points to are named,
// not read. It loads YAML; whether a file is worth that is kubeconfig-look.ts.

import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';

/** One embedded piece: where it stands (`user "admin", client certificate`), and its bytes; or the file it is said to be in. */
export type KubeconfigPart = { readonly where: string } & ({ readonly bytes: Uint8Array } | { readonly file: string });

const fields = {
  cluster: { 'certificate-authority': 'certificate authority' },
  user: { 'client-certificate': 'client certificate', 'client-key': 'client key' },
} as const;

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** The parts of a kubeconfig, clusters first. Throws InspectUnrecognised for what is no YAML or JSON of that form. */
export const kubeconfigParts = async (bytes: Uint8Array, what: string): Promise<readonly KubeconfigPart[]> => {
  const invalid = (problem: string, cause?: unknown): never => {
    throw new CodedError('InspectUnrecognised', `cannot inspect kubeconfig ${what}: ${problem}`, { cause });
  };
  const { parse } = await import('yaml');
  let document: unknown;
  try {
    document = parse(fromUtf8(bytes) ?? invalid('it is not UTF-8 text'), { maxAliasCount: 100, logLevel: 'error' });
  } catch (cause) {
    if (cause instanceof CodedError) throw cause;
    // The parser's own words may quote a line that holds a key.
    return invalid('it is not YAML');
  }
  if (!isRecord(document)) return invalid('it is not a map');
  const parts: KubeconfigPart[] = [];
  for (const kind of ['cluster', 'user'] as const) {
    const list: unknown = document[`${kind}s`];
    for (const entry of Array.isArray(list) ? list : []) {
      const content: unknown = isRecord(entry) ? entry[kind] : undefined;
      if (!isRecord(entry) || !isRecord(content)) continue;
      for (const [key, title] of Object.entries(fields[kind])) {
        const where = `${kind} ${quote(String(entry['name']))}, ${title}`;
        const data: unknown = content[`${key}-data`];
        const file: unknown = content[key];
        if (typeof data === 'string' && data !== '') parts.push({ where, bytes: Buffer.from(data, 'base64') });
        else if (typeof file === 'string' && file !== '') parts.push({ where, file });
      }
    }
  }
  return parts.length === 0 ? invalid('it embeds no certificate and no key') : parts;
};

// kubeconfig files (kubectl's clientcmd v1): written with one cluster, one user and one context, everything embedded, the same input
// giving the same bytes; and read, as far as such a file speaks of certificates.
// Without a certificate it is a partial one, that waits for an external CA. Files it refers to by path are not followed.

import { parseDocument } from 'yaml';
import { fromUtf8 } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { certificatePem, parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';

/** Everything a kubeconfig of ours says. */
export type KubeconfigContent = {
  readonly clusterName: string;
  readonly server: string;
  readonly userName: string;
  readonly contextName: string;
  /** Whom the API server is believed by. */
  readonly trust: readonly X509Certificate[];
  /** The client's certificate and what it sends after it; undefined while it waits to be signed. */
  readonly chain: readonly X509Certificate[] | undefined;
  /** Private key as PEM. */
  readonly keyPem: string;
};

// Strings as JSON are YAML double-quoted scalars, whatever they hold (YAML 1.2 section 7.3.1).
const scalar = (text: string): string =>
  /^[A-Za-z][A-Za-z0-9._@/-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);
const embedded = (pem: string): string => Buffer.from(pem, 'utf8').toString('base64');

/** The text of a kubeconfig, keys in kubectl's own order. */
export const kubeconfigText = ({ clusterName, server, userName, contextName, trust, chain, keyPem }: KubeconfigContent): string =>
  [
    'apiVersion: v1',
    'clusters:',
    '- cluster:',
    `    certificate-authority-data: ${embedded(trust.map(certificatePem).join(''))}`,
    `    server: ${scalar(server)}`,
    `  name: ${scalar(clusterName)}`,
    'contexts:',
    '- context:',
    `    cluster: ${scalar(clusterName)}`,
    `    user: ${scalar(userName)}`,
    `  name: ${scalar(contextName)}`,
    `current-context: ${scalar(contextName)}`,
    'kind: Config',
    'users:',
    `- name: ${scalar(userName)}`,
    '  user:',
    ...(chain === undefined ? [] : [`    client-certificate-data: ${embedded(chain.map(certificatePem).join(''))}`]),
    `    client-key-data: ${embedded(keyPem)}`,
    '',
  ].join('\n');

/** What a kubeconfig says in the context that is current. Absent means not embedded. */
export type ReadKubeconfig = {
  readonly clusterName: string;
  readonly server: string;
  readonly userName: string;
  readonly contextName: string;
  readonly trust: readonly X509Certificate[];
  readonly chain: readonly X509Certificate[];
  readonly keyPem: string | undefined;
};

type Fields = Readonly<Record<string, unknown>>;

const fields = (value: unknown): Fields => (typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {});
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const invalid = (what: string, problem: string): CodedError =>
  new CodedError('KubeconfigInvalid', `cannot read ${what}: ${problem}`, {
    hint: 'kubectl config view --raw --flatten writes one that is whole',
  });

const named = (list: unknown, name: string, part: string, what: string): Fields => {
  const found = (Array.isArray(list) ? list : []).map(fields).find((entry) => entry['name'] === name);
  if (found === undefined) throw invalid(what, `it has no ${part} ${quote(name)}`);
  return fields(found[part]);
};

const decoded = (value: unknown, key: string, what: string): string | undefined => {
  if (value === undefined || value === null) return undefined;
  const base64 = text(value)?.replace(/\s+/g, '') ?? '';
  const pem = /^[A-Za-z0-9+/]*={0,2}$/.test(base64) ? fromUtf8(Buffer.from(base64, 'base64')) : undefined;
  if (pem === undefined || pem === '') throw invalid(what, `${key} is not base64 of PEM`);
  return pem;
};

/** Reads a kubeconfig by its current context. Throws KubeconfigInvalid and what parsing certificates throws; never quotes a key. */
export const parseKubeconfig = (bytes: Uint8Array, what: string): ReadKubeconfig => {
  const source = fromUtf8(bytes);
  if (source === undefined) throw invalid(what, 'it is not UTF-8');
  const document = parseDocument(source, { logLevel: 'silent', prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(what, `it is not YAML (${error.code})`);
  let root: Fields;
  try {
    root = fields(document.toJS({ maxAliasCount: 10 }));
  } catch {
    // Aliases nested to keep a reader busy.
    throw invalid(what, 'it has too many aliases');
  }
  const contextName = text(root['current-context']) ?? '';
  const context = named(root['contexts'], contextName, 'context', what);
  const clusterName = text(context['cluster']) ?? '';
  const userName = text(context['user']) ?? '';
  const cluster = named(root['clusters'], clusterName, 'cluster', what);
  const user = named(root['users'], userName, 'user', what);
  const trust = decoded(cluster['certificate-authority-data'], 'certificate-authority-data', what);
  const chain = decoded(user['client-certificate-data'], 'client-certificate-data', what);
  return {
    clusterName,
    server: text(cluster['server']) ?? '',
    userName,
    contextName,
    trust: trust === undefined ? [] : parseCertificates(trust, `certificate-authority-data of ${what}`),
    chain: chain === undefined ? [] : parseCertificates(chain, `client-certificate-data of ${what}`),
    keyPem: decoded(user['client-key-data'], 'client-key-data', what),
  };
};

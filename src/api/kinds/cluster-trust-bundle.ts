// ClusterTrustBundle (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/cluster-trust-bundle-v1beta1/): trust anchors
// for everyone. One that is linked to a signer is named after it, and its writer needs the verb `attest` for that signer.

import { isCodedError } from '../../base/coded-error.ts';
import { decodePem } from '../../pki/pem.ts';
import { isCa, parseCertificate } from '../../pki/x509-certificate.ts';
import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { segmentName, subdomainName } from '../metadata.ts';
import { type KubernetesObject, textAt } from '../object.ts';
import { type FieldProblem, invalidValue, required, tooLong } from '../status.ts';
import { signerNameProblem } from './signer-name.ts';

const maxBytes = 1024 * 1024;

const signerOf = (object: KubernetesObject): string => textAt(object['spec'], 'signerName');
const bundleOf = (object: KubernetesObject): string => textAt(object['spec'], 'trustBundle');

const nameProblem = (name: string, signerName: string): string | undefined => {
  if (signerName === '')
    return name.includes(':') ? 'ClusterTrustBundle without signer name must not have ":" in its name' : subdomainName(name);
  const prefix = `${signerName.replaceAll('/', ':')}:`;
  return name.startsWith(prefix)
    ? subdomainName(name.slice(prefix.length))
    : `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`;
};

const entryProblem = (label: string, hasHeaders: boolean, bytes: Uint8Array): string | undefined => {
  if (label !== 'CERTIFICATE') return `has bad block type: ${label}`;
  if (hasHeaders) return 'has PEM block headers';
  try {
    return isCa(parseCertificate(bytes)) ? undefined : 'does not have the CA bit set';
  } catch (error) {
    if (isCodedError(error)) return 'does not parse as X.509';
    throw error;
  }
};

const bundleProblems = (bundle: string): readonly string[] => {
  try {
    const blocks = bundle === '' ? [] : decodePem(bundle, 'spec.trustBundle');
    if (blocks.length === 0) return ['at least one trust anchor must be provided'];
    const found = blocks.flatMap(({ label, headers, bytes }, i) => {
      const problem = entryProblem(label, headers.size > 0, bytes);
      return problem === undefined ? [] : [`entry ${i} ${problem}`];
    });
    if (found.length > 0) return found;
    const indexes = new Map<string, number[]>();
    for (const [i, { bytes }] of blocks.entries()) {
      const key = Buffer.from(bytes).toString('base64');
      indexes.set(key, [...(indexes.get(key) ?? []), i]);
    }
    return [...indexes.values()].filter(({ length }) => length > 1).map((same) => `duplicate trust anchor (indices [${same.join(' ')}])`);
  } catch (error) {
    if (isCodedError(error)) return [error.message];
    throw error;
  }
};

const trustProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const bundle = bundleOf(object);
  if (Buffer.byteLength(bundle) > maxBytes) return [tooLong('spec.trustBundle', maxBytes)];
  return bundleProblems(bundle).map((problem) => invalidValue('spec.trustBundle', '<value omitted>', problem));
};

export const clusterTrustBundleKind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  kind: 'ClusterTrustBundle',
  plural: 'clustertrustbundles',
  model: 'V1beta1ClusterTrustBundle',
  isNamespaced: false,
  nameRule: segmentName,
  allowsUnconditionalUpdate: false,
  selectable: { 'spec.signerName': signerOf },
  columns: [nameColumn, text('SignerName', signerOf), ageColumn],
  problems: (object) => {
    const signerName = signerOf(object);
    const problem = nameProblem(object.metadata.name ?? '', signerName);
    const signerProblem = signerName === '' ? undefined : signerNameProblem(signerName);
    return [
      ...(problem === undefined ? [] : [invalidValue('metadata.name', object.metadata.name, problem)]),
      ...(signerProblem === undefined ? [] : [invalidValue('spec.signerName', signerName, signerProblem)]),
    ];
  },
  createProblems: (object) => (bundleOf(object) === '' ? [required('spec.trustBundle')] : trustProblems(object)),
  changeProblems: (object, old) => [
    ...(bundleOf(object) === bundleOf(old) ? [] : trustProblems(object)),
    ...(signerOf(object) === signerOf(old) ? [] : [invalidValue('spec.signerName', signerOf(object), 'field is immutable')]),
  ],
});

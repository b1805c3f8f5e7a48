// PodCertificateRequest (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#pod-certificate-requests): a
// kubelet asks a signer for a certificate that a pod gets in a volume. The spec never changes; the status becomes Issued, Denied or Failed,
// once, by someone who may `sign` for the signer.

import { constants, verify } from 'node:crypto';
import { isCodedError } from '../../base/coded-error.ts';
import { parseCsr, verifyCsr } from '../../pki/csr.ts';
import { decodePem, type PemBlock } from '../../pki/pem.ts';
import { type PublicKey, parsePublicKey, publicKeyObject } from '../../pki/public-key.ts';
import { certificateKey, parseCertificate, type X509Certificate } from '../../pki/x509-certificate.ts';
import { nameColumn, text } from '../column.ts';
import { defineKind, statusSubresource, type WriteContext } from '../kind.ts';
import { qualifiedNameProblem, subdomainName } from '../metadata.ts';
import { type Fields, fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt, without } from '../object.ts';
import { duplicateValue, type FieldProblem, forbidden, invalidValue, notSupported, required, tooLong } from '../status.ts';
import { isKubernetesSigner, signerNameProblem } from './signer-name.ts';

const plural = 'podcertificaterequests';
const minSeconds = 3600;
const defaultSeconds = 86_400;
const maxSeconds = 91 * 86_400;
const maxKubernetesSeconds = 86_400;
const maxKeyBytes = 10 * 1024;
const maxChainBytes = 100 * 1024;
const maxUid = 128;
const maxAnnotationBytes = 256 * 1024;
const minute = 60_000;

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');
const status = (object: KubernetesObject): Fields => fieldsAt(object, 'status');
const bytesAt = (fields: Fields, name: string): Buffer => Buffer.from(textAt(fields, name), 'base64');

/** What a parser makes of bytes; undefined where it refuses them. */
const parsed = <Value>(parse: () => Value): Value | undefined => {
  try {
    return parse();
  } catch (error) {
    if (isCodedError(error)) return undefined;
    throw error;
  }
};

const keyProblem = ({ algorithm }: PublicKey): string | undefined => {
  if (algorithm.startsWith('ecdsa-') || algorithm === 'ed25519') return undefined;
  if (!algorithm.startsWith('rsa-')) return 'unknown public key type; supported types are Ed25519, ECDSA, and RSA';
  return algorithm === 'rsa-3072' || algorithm === 'rsa-4096' ? undefined : 'RSA keys must have modulus size 3072 or 4096';
};

const omitted = '<value omitted>';

const stubProblems = (fields: Fields): readonly FieldProblem[] => {
  const path = 'spec.stubPKCS10Request';
  const der = bytesAt(fields, 'stubPKCS10Request');
  if (der.length > maxKeyBytes) return [tooLong(path, maxKeyBytes)];
  const csr = parsed(() => parseCsr(der));
  if (csr === undefined) return [invalidValue(path, omitted, 'must be a valid PKCS#10 CSR')];
  const problem = keyProblem(csr.publicKey);
  if (problem !== undefined) return [invalidValue(path, omitted, problem)];
  return parsed(() => verifyCsr(csr)) === undefined ? [invalidValue(path, omitted, 'invalid signature')] : [];
};

/** Whether a signature over the pod's uid is right, in the one way each kind of key signs it. */
const isProven = (key: PublicKey, podUid: string, proof: Uint8Array): boolean => {
  const handle = publicKeyObject(key);
  const data = Buffer.from(podUid);
  if (key.algorithm === 'ed25519') return verify(null, data, handle, proof);
  if (!key.algorithm.startsWith('rsa-')) return verify('sha256', data, handle, proof);
  const padding = { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: constants.RSA_PSS_SALTLEN_AUTO };
  return verify('sha256', data, { key: handle, ...padding }, proof);
};

const proofProblems = (fields: Fields): readonly FieldProblem[] => {
  const [spki, proof] = [bytesAt(fields, 'pkixPublicKey'), bytesAt(fields, 'proofOfPossession')];
  if (spki.length > maxKeyBytes) return [tooLong('spec.pkixPublicKey', maxKeyBytes)];
  if (proof.length > maxKeyBytes) return [tooLong('spec.proofOfPossession', maxKeyBytes)];
  const key = parsed(() => parsePublicKey(spki));
  if (key === undefined) return [invalidValue('spec.pkixPublicKey', omitted, 'must be a valid PKIX-serialized public key')];
  const problem = keyProblem(key);
  if (problem !== undefined) return [invalidValue('spec.pkixPublicKey', omitted, problem)];
  return isProven(key, textAt(fields, 'podUID'), proof)
    ? []
    : [invalidValue('spec.proofOfPossession', omitted, 'could not verify proof-of-possession signature')];
};

const keyProblems = (fields: Fields): readonly FieldProblem[] => {
  const has = ['stubPKCS10Request', 'pkixPublicKey', 'proofOfPossession'].map((name) => textAt(fields, name) !== '').join();
  if (has === 'true,false,false') return stubProblems(fields);
  if (has === 'false,true,true') return proofProblems(fields);
  return [invalidValue('spec', omitted, 'exactly one of (stubPKCS10Request) or (pkixPublicKey, proofOfPossession) must be set')];
};

const annotationProblems = (annotations: Fields): readonly FieldProblem[] => {
  const path = 'spec.unverifiedUserAnnotations';
  const wrong = Object.keys(annotations).flatMap((key) => {
    const problem = key.includes('/') ? qualifiedNameProblem(key.toLowerCase()) : 'must be a domain-prefixed key (such as "acme.io/foo")';
    return problem === undefined ? [] : [invalidValue(path, key, problem)];
  });
  const size = Object.entries(annotations).reduce(
    (sum, [key, value]) => sum + Buffer.byteLength(key) + Buffer.byteLength(String(value)),
    0,
  );
  return size > maxAnnotationBytes ? [...wrong, tooLong(path, maxAnnotationBytes)] : wrong;
};

const specProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const fields = spec(object);
  const found: FieldProblem[] = [];
  const signerName = textAt(fields, 'signerName');
  const signerProblem = signerNameProblem(signerName);
  if (signerName === '') found.push(required('spec.signerName'));
  else if (signerProblem !== undefined) found.push(invalidValue('spec.signerName', signerName, signerProblem));
  found.push(...annotationProblems(fieldsAt(fields, 'unverifiedUserAnnotations')));
  for (const name of ['podName', 'serviceAccountName', 'nodeName']) {
    const problem = subdomainName(textAt(fields, name));
    if (problem !== undefined) found.push(invalidValue(`spec.${name}`, textAt(fields, name), problem));
  }
  for (const name of ['podUID', 'serviceAccountUID', 'nodeUID']) {
    const uid = textAt(fields, name);
    if (uid === '') found.push(invalidValue(`spec.${name}`, uid, 'must not be empty'));
    if (uid.length > maxUid) found.push(tooLong(`spec.${name}`, maxUid));
  }
  const seconds = Number(fields['maxExpirationSeconds']);
  const most = isKubernetesSigner(signerName) ? maxKubernetesSeconds : maxSeconds;
  if (!(seconds >= minSeconds && seconds <= most))
    found.push(invalidValue('spec.maxExpirationSeconds', fields['maxExpirationSeconds'], `must be in the range [${minSeconds}, ${most}]`));
  return [...found, ...keyProblems(fields)];
};

const states = ['Issued', 'Denied', 'Failed'];
const conditionsOf = (object: KubernetesObject): readonly Fields[] => listAt(status(object), 'conditions').filter(isFields);
const stateOf = (object: KubernetesObject): string => textAt(conditionsOf(object).at(-1), 'type') || 'Pending';

const conditionProblems = (object: KubernetesObject): readonly FieldProblem[] =>
  conditionsOf(object).flatMap((condition, i) => {
    const path = `status.conditions[${i}]`;
    const type = textAt(condition, 'type');
    const found: FieldProblem[] = [];
    if (!states.includes(type)) found.push(notSupported(`${path}.type`, type, states));
    else if (
      conditionsOf(object)
        .slice(0, i)
        .some((other) => states.includes(textAt(other, 'type')))
    )
      found.push(invalidValue(`${path}.type`, type, 'There may be at most one condition with type "Issued", "Denied", or "Failed"'));
    if (conditionsOf(object).findIndex((other) => other['type'] === type) < i) found.push(duplicateValue(`${path}.type`, type));
    if (condition['status'] !== 'True') found.push(notSupported(`${path}.status`, condition['status'] ?? '', ['True']));
    if (textAt(condition, 'lastTransitionTime') === '') found.push(required(`${path}.lastTransitionTime`));
    const reason = textAt(condition, 'reason');
    if (reason === '') found.push(required(`${path}.reason`));
    else if (!/^[A-Za-z](?:[A-Za-z0-9_,:]*[A-Za-z0-9_])?$/.test(reason) || reason.length > 1024)
      found.push(
        invalidValue(
          `${path}.reason`,
          reason.slice(0, 64),
          "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
        ),
      );
    if (Buffer.byteLength(textAt(condition, 'message')) > 32 * 1024) found.push(tooLong(`${path}.message`, 32 * 1024));
    return found;
  });

const chainPath = 'status.certificateChain';
const wrongChain = (problem: string): FieldProblem => invalidValue(chainPath, '<certificate data>', problem);

const requestedKey = (fields: Fields): Uint8Array =>
  textAt(fields, 'stubPKCS10Request') === ''
    ? parsePublicKey(bytesAt(fields, 'pkixPublicKey')).spki
    : parseCsr(bytesAt(fields, 'stubPKCS10Request')).publicKey.spki;

const nameProblems = ({ subjectAltNames }: X509Certificate): readonly FieldProblem[] =>
  (subjectAltNames ?? []).flatMap((name) => {
    if (name.type === 'email')
      return /^[^@\s]+@[^@\s]+$/.test(name.value) ? [] : [wrongChain('leaf certificate should not contain invalid EmailAddress')];
    if (name.type !== 'dns') return [];
    if (name.value === '') return [wrongChain('leaf certificate should not contain empty DNSName')];
    if (name.value.includes('..')) return [wrongChain("leaf certificate's DNSName should not contain '..'")];
    return /^\.|\.$/.test(name.value) ? [wrongChain("leaf certificate's DNSName should not start or end with '.'")] : [];
  });

/** The chain's certificates, the leaf first; a problem where it is none. */
const readChain = (chain: string): readonly X509Certificate[] | FieldProblem => {
  if (Buffer.byteLength(chain) > maxChainBytes) return tooLong(chainPath, maxChainBytes);
  const blocks: readonly PemBlock[] | undefined = chain === '' ? [] : parsed(() => decodePem(chain, chainPath));
  if (blocks === undefined || blocks.length === 0) return wrongChain('issued certificate chain must contain at least one certificate');
  if (blocks.some(({ label }) => label !== 'CERTIFICATE'))
    return wrongChain('issued certificate chain must consist entirely of CERTIFICATE PEM blocks');
  const certificates: X509Certificate[] = [];
  for (const [i, { bytes }] of blocks.entries()) {
    const certificate = parsed(() => parseCertificate(bytes));
    if (certificate === undefined) return wrongChain(`${i === 0 ? 'leaf' : 'intermediate'} certificate does not parse as valid X.509`);
    certificates.push(certificate);
  }
  return certificates;
};

const timeProblems = (object: KubernetesObject, leaf: X509Certificate, now: Date): readonly FieldProblem[] => {
  const missing = ['notBefore', 'notAfter', 'beginRefreshAt'].filter((name) => textAt(status(object), name) === '');
  if (missing.length > 0)
    return missing.map((name) => required(`status.${name}`, 'must be present and consistent with the issued certificate'));
  const at = (name: string): number => Date.parse(textAt(status(object), name));
  const refuse = (name: string, problem: string): readonly FieldProblem[] => [
    invalidValue(`status.${name}`, textAt(status(object), name), problem),
  ];
  const [notBefore, notAfter, refresh] = [at('notBefore'), at('notAfter'), at('beginRefreshAt')];
  if (notBefore !== leaf.notBefore.getTime())
    return refuse('notBefore', 'must be set to the NotBefore time encoded in the leaf certificate');
  if (Math.abs(notBefore - now.getTime()) > 5 * minute)
    return refuse('notBefore', "must be set to within 5 minutes of kube-apiserver's current time");
  if (notAfter !== leaf.notAfter.getTime()) return refuse('notAfter', 'must be set to the NotAfter time encoded in the leaf certificate');
  const seconds = (notAfter - notBefore) / 1000;
  const most = Number(spec(object)['maxExpirationSeconds']);
  if (seconds < minSeconds) return [wrongChain('leaf certificate lifetime must be >= 1 hour')];
  if (seconds > most) return [wrongChain(`leaf certificate lifetime must be <= spec.maxExpirationSeconds (${most})`)];
  if (refresh < notBefore + 10 * minute) return refuse('beginRefreshAt', 'must be at least 10 minutes after status.notBefore');
  return refresh > notAfter - 10 * minute ? refuse('beginRefreshAt', 'must be at least 10 minutes before status.notAfter') : [];
};

const issuedProblems = (object: KubernetesObject, now: Date): readonly FieldProblem[] => {
  const chain = readChain(textAt(status(object), 'certificateChain'));
  if ('field' in chain) return [chain];
  const [leaf] = chain;
  if (leaf === undefined) return [];
  const names = nameProblems(leaf);
  const key = parsed(() => certificateKey(leaf));
  if (key === undefined || !Buffer.from(key.spki).equals(requestedKey(spec(object))))
    return [...names, wrongChain('leaf certificate was not issued to the requested public key')];
  return [...names, ...timeProblems(object, leaf, now)];
};

const statusProblems = (object: KubernetesObject, old: KubernetesObject, { now }: WriteContext): readonly FieldProblem[] => {
  const wrong = conditionProblems(object);
  if (wrong.length > 0) return wrong;
  if (stateOf(old) !== 'Pending')
    return isSameJson(status(object), status(old))
      ? []
      : [invalidValue('status', omitted, 'immutable after PodCertificateRequest is issued, denied, or failed')];
  const state = stateOf(object);
  if (state === 'Issued') return issuedProblems(object, now);
  if (state === 'Pending')
    return isSameJson(status(object), status(old))
      ? []
      : [invalidValue('status', omitted, 'status is immutable unless transitioning to "Issued", "Denied", or "Failed"')];
  return Object.keys(without(status(object), 'conditions')).length === 0
    ? []
    : [invalidValue('status', omitted, 'non-condition status fields must be empty when denying or failing the PodCertificateRequest')];
};

const nodePrefix = 'system:node:';

/** A node asks for its own pods alone, as they are: what NodeRestriction holds of it. Throws Forbidden. */
const requireOwnPod = (object: KubernetesObject, { user, transaction }: WriteContext): void => {
  if (!user.groups.includes('system:nodes') || !user.username.startsWith(nodePrefix)) return;
  const fields = spec(object);
  const { namespace = '', name = '' } = object.metadata;
  const refuse = (problem: string): never => {
    throw forbidden({ group: 'certificates.k8s.io', plural }, name, problem);
  };
  const said = (field: string): string => textAt(fields, field);
  if (said('nodeName') !== user.username.slice(nodePrefix.length))
    refuse(`PodCertificateRequest.Spec.NodeName=${JSON.stringify(said('nodeName'))}, which is not the requesting node`);
  const found = (resource: string, at: string, called: string): KubernetesObject =>
    transaction.get(resource, at, called)?.object ?? refuse(`${resource.slice(1)} ${JSON.stringify(called)} named in it is not there`);
  const node = found('/nodes', '', said('nodeName'));
  const pod = found('/pods', namespace, said('podName'));
  const account = found('/serviceaccounts', namespace, said('serviceAccountName'));
  if (pod.metadata.annotations?.['kubernetes.io/config.mirror'] !== undefined)
    refuse(`pod ${JSON.stringify(said('podName'))} is a mirror pod`);
  if (textAt(pod['spec'], 'nodeName') !== said('nodeName')) refuse(`pod ${JSON.stringify(said('podName'))} is not running on this node`);
  if (textAt(pod['spec'], 'serviceAccountName') !== said('serviceAccountName'))
    refuse(`pod ${JSON.stringify(said('podName'))} runs as another service account`);
  const uids = [
    ['nodeUID', node],
    ['podUID', pod],
    ['serviceAccountUID', account],
  ] as const;
  for (const [field, { metadata }] of uids) if (said(field) !== metadata.uid) refuse(`its ${field} is not that of the object now there`);
};

export const podCertificateRequestKind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  kind: 'PodCertificateRequest',
  plural,
  model: 'V1beta1PodCertificateRequest',
  isNamespaced: true,
  allowsUnconditionalUpdate: false,
  selectable: {
    'spec.signerName': (object) => textAt(object['spec'], 'signerName'),
    'spec.podName': (object) => textAt(object['spec'], 'podName'),
    'spec.nodeName': (object) => textAt(object['spec'], 'nodeName'),
  },
  columns: [
    nameColumn,
    text('PodName', (object) => textAt(object['spec'], 'podName')),
    text('ServiceAccountName', (object) => textAt(object['spec'], 'serviceAccountName')),
    text('NodeName', (object) => textAt(object['spec'], 'nodeName')),
    text('SignerName', (object) => textAt(object['spec'], 'signerName')),
    text('State', stateOf),
    text(
      'UnverifiedUserAnnotations',
      (object) =>
        Object.entries(fieldsAt(spec(object), 'unverifiedUserAnnotations'))
          .map(([key, value]) => `${key}=${value}`)
          .sort()
          .join(',') || '<none>',
      1,
    ),
  ],
  withDefaults: (object) => ({ ...object, spec: { maxExpirationSeconds: defaultSeconds, ...spec(object) } }),
  forCreate: (object, context) => {
    requireOwnPod(object, context);
    return { ...object, status: {} };
  },
  createProblems: specProblems,
  changeProblems: (object, old) => (isSameJson(spec(object), spec(old)) ? [] : [invalidValue('spec', omitted, 'field is immutable')]),
  subresources: [{ ...statusSubresource(), problems: statusProblems }],
});

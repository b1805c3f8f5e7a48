// CertificateSigningRequest (https://kubernetes.io/docs/reference/kubernetes-api/authentication-resources/certificate-signing-request-v1/).
// Who asks is never taken from the request: the server writes it down. Conditions come through /approval and /status, the certificate
// through /status, once.

import { isCodedError } from '../../base/coded-error.ts';
import { parseCsr, verifyCsr } from '../../pki/csr.ts';
import { decodePem } from '../../pki/pem.ts';
import { usages as knownUsages } from '../../pki/usage.ts';
import { parseCertificate } from '../../pki/x509-certificate.ts';
import { ageColumn, formatAge, nameColumn, text } from '../column.ts';
import { defineKind, type UserInfo } from '../kind.ts';
import { segmentName } from '../metadata.ts';
import { type Fields, fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt, without } from '../object.ts';
import { duplicateValue, type FieldProblem, forbiddenField, invalidValue, notSupported, required } from '../status.ts';
import { signerNameProblem } from './signer-name.ts';

const spec = (object: KubernetesObject): Fields => fieldsAt(object, 'spec');
const conditions = (object: KubernetesObject): readonly Fields[] => listAt(object['status'], 'conditions').filter(isFields);
const has = (object: KubernetesObject, type: string): boolean =>
  conditions(object).some((condition) => condition['type'] === type && condition['status'] === 'True');

const conditionText = (object: KubernetesObject): string =>
  [
    has(object, 'Denied') ? 'Denied' : has(object, 'Approved') ? 'Approved' : 'Pending',
    ...(has(object, 'Failed') ? ['Failed'] : []),
    ...(textAt(object['status'], 'certificate') === '' ? [] : ['Issued']),
  ].join(',');

const requestedDuration = (object: KubernetesObject): string => {
  const seconds = spec(object)['expirationSeconds'];
  return typeof seconds === 'number' ? formatAge(seconds * 1000) : '<none>';
};

const readRequest = (base64: string): string | undefined => {
  try {
    const [block, ...others] = decodePem(Buffer.from(base64, 'base64').toString('latin1'), 'spec.request');
    if (block?.label !== 'CERTIFICATE REQUEST' || others.length > 0) return 'PEM block type must be CERTIFICATE REQUEST';
    verifyCsr(parseCsr(block.bytes));
    return undefined;
  } catch (error) {
    if (isCodedError(error)) return error.message;
    throw error;
  }
};

const specProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const fields = spec(object);
  const problem = readRequest(textAt(fields, 'request'));
  if (problem !== undefined) problems.push(invalidValue('spec.request', textAt(fields, 'request').slice(0, 64), problem));
  const usages = listAt(fields, 'usages').map(String);
  if (usages.length === 0) problems.push(required('spec.usages'));
  for (const [i, usage] of usages.entries()) {
    if (!(knownUsages as readonly string[]).includes(usage))
      problems.push(notSupported(`spec.usages[${i}]`, usage, [...knownUsages].sort()));
    if (usages.indexOf(usage) < i) problems.push(duplicateValue(`spec.usages[${i}]`, usage));
  }
  const signerName = textAt(fields, 'signerName');
  const signerProblem = signerNameProblem(signerName);
  if (signerName === '') problems.push(required('spec.signerName'));
  else if (signerProblem !== undefined) problems.push(invalidValue('spec.signerName', signerName, signerProblem));
  else if (signerName === 'kubernetes.io/legacy-unknown')
    problems.push(invalidValue('spec.signerName', signerName, 'the legacy signerName is not allowed via this API version'));
  const seconds = fields['expirationSeconds'];
  if (typeof seconds === 'number' && seconds < 600)
    problems.push(invalidValue('spec.expirationSeconds', seconds, 'may not specify a duration less than 600 seconds (10 minutes)'));
  return problems;
};

const conditionProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  const seen = new Set<unknown>();
  for (const [i, condition] of conditions(object).entries()) {
    const path = `status.conditions[${i}]`;
    const type = textAt(condition, 'type');
    if (type === '') problems.push(required(`${path}.type`));
    if (textAt(condition, 'status') === '') problems.push(required(`${path}.status`));
    else if (['Approved', 'Denied', 'Failed'].includes(type) && condition['status'] !== 'True')
      problems.push(notSupported(`${path}.status`, condition['status'], ['True']));
    if (seen.has(type)) problems.push(duplicateValue(`${path}.type`, type));
    seen.add(type);
  }
  if (has(object, 'Approved') && has(object, 'Denied'))
    problems.push(invalidValue('status.conditions', 'Denied', 'Approved and Denied conditions are mutually exclusive'));
  return problems;
};

const certificateProblem = (base64: string): string | undefined => {
  try {
    const pem = Buffer.from(base64, 'base64').toString('latin1');
    const blocks = decodePem(pem, 'status.certificate');
    if (blocks.length === 0) return 'must contain at least one CERTIFICATE PEM block';
    for (const { label, headers, bytes } of blocks) {
      if (label !== 'CERTIFICATE') return 'only CERTIFICATE PEM blocks are allowed';
      if (headers.size > 0) return 'no PEM block headers are permitted';
      parseCertificate(bytes);
    }
    return undefined;
  } catch (error) {
    if (isCodedError(error)) return 'it is not a certificate';
    throw error;
  }
};

/** Conditions of these types as they are, in their order. */
const ofTypes = (object: KubernetesObject, ...types: readonly string[]): readonly Fields[] =>
  conditions(object).filter((condition) => types.includes(textAt(condition, 'type')));

const typesLost = (object: KubernetesObject, old: KubernetesObject, ...types: readonly string[]): readonly string[] =>
  types.filter((type) => ofTypes(old, type).length > 0 && ofTypes(object, type).length === 0);

/** Times that were left out are now; a transition is a change of the condition's status. */
const stamped = (list: readonly unknown[], old: KubernetesObject, now: Date): readonly unknown[] => {
  const time = `${now.toISOString().slice(0, 19)}Z`;
  return list.map((condition) => {
    if (!isFields(condition)) return condition;
    const before = conditions(old).find(({ type }) => type === condition['type']);
    const since = before?.['status'] === condition['status'] ? before?.['lastTransitionTime'] : undefined;
    return {
      ...condition,
      lastUpdateTime: condition['lastUpdateTime'] ?? time,
      lastTransitionTime: condition['lastTransitionTime'] ?? since ?? time,
    };
  });
};

const withStatus = (object: KubernetesObject, status: Fields): KubernetesObject =>
  Object.keys(status).length === 0 ? { ...without(object, 'status'), status: {} } : { ...object, status };

const askedBy = (user: UserInfo): Fields => ({
  username: user.username,
  ...(user.uid === undefined ? {} : { uid: user.uid }),
  groups: user.groups,
  ...(user.extra === undefined || Object.keys(user.extra).length === 0 ? {} : { extra: user.extra }),
});

export const certificateSigningRequestKind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  plural: 'certificatesigningrequests',
  model: 'V1CertificateSigningRequest',
  isNamespaced: false,
  shortNames: ['csr'],
  nameRule: segmentName,
  selectable: { 'spec.signerName': (object) => textAt(object['spec'], 'signerName') },
  columns: [
    nameColumn,
    ageColumn,
    text('SignerName', (object) => textAt(object['spec'], 'signerName') || '<none>'),
    text('Requestor', (object) => textAt(object['spec'], 'username')),
    text('RequestedDuration', requestedDuration),
    text('Condition', conditionText),
  ],
  forCreate: (object, { user }) => ({
    ...object,
    spec: { ...without(spec(object), 'username', 'uid', 'groups', 'extra'), ...askedBy(user) },
    status: {},
  }),
  forUpdate: (object, old) => ({ ...object, spec: old['spec'], status: old['status'] ?? {} }),
  problems: (object) => [...specProblems(object), ...conditionProblems(object)],
  subresources: [
    {
      name: 'approval',
      verbs: ['get', 'patch', 'update'],
      apply: (sent, old, { now }) =>
        withStatus(
          { ...sent, spec: old['spec'] },
          {
            ...without(fieldsAt(old, 'status'), 'conditions'),
            ...given('conditions', stamped(listAt(sent['status'], 'conditions'), old, now)),
          },
        ),
      problems: (object, old) =>
        typesLost(object, old, 'Approved', 'Denied', 'Failed').map((type) =>
          forbiddenField('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
        ),
    },
    {
      name: 'status',
      verbs: ['get', 'patch', 'update'],
      apply: (sent, old, { now }) =>
        withStatus(
          { ...sent, spec: old['spec'] },
          {
            ...fieldsAt(sent, 'status'),
            ...given('conditions', stamped(listAt(sent['status'], 'conditions'), old, now)),
          },
        ),
      problems: (object, old) => {
        const problems: FieldProblem[] = typesLost(object, old, 'Approved', 'Denied', 'Failed').map((type) =>
          forbiddenField('status.conditions', `updates may not remove a condition of type ${JSON.stringify(type)}`),
        );
        for (const type of ['Approved', 'Denied'])
          if (ofTypes(object, type).length > ofTypes(old, type).length)
            problems.push(forbiddenField('status.conditions', `updates may not add a condition of type ${JSON.stringify(type)}`));
          else if (ofTypes(object, type).length > 0 && !isSameJson(ofTypes(object, type), ofTypes(old, type)))
            problems.push(forbiddenField('status.conditions', `updates may not modify a condition of type ${JSON.stringify(type)}`));
        const [before, after] = [textAt(old['status'], 'certificate'), textAt(object['status'], 'certificate')];
        if (before !== '' && before !== after)
          problems.push(forbiddenField('status.certificate', 'updates may not modify existing certificate content'));
        else if (after !== '' && before === '') {
          const problem = certificateProblem(after);
          if (problem !== undefined) problems.push(invalidValue('status.certificate', '<certificate data>', problem));
        }
        return problems;
      },
    },
  ],
});

function given(name: string, list: readonly unknown[]): Fields {
  return list.length === 0 ? {} : { [name]: list };
}

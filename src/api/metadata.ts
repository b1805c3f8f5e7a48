// What metadata may hold, the same for every kind. Words are those of Kubernetes' own validation
// (https://kubernetes.io/docs/concepts/overview/working-with-objects/names/ and labels/).

import type { ObjectMeta } from './object.ts';
import { type FieldProblem, forbiddenField, invalidValue, required, tooLong } from './status.ts';

const labelRule = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?$/;
const subdomainRule = /^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const serviceRule = /^[a-z]([-a-z0-9]*[a-z0-9])?$/;
const qualifiedRule = /^([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;

const maxAnnotationBytes = 256 * 1024;

/** Says what is wrong with a name, undefined where it is right. */
export type NameRule = (name: string) => string | undefined;

const atMost = (length: number, name: string): string | undefined =>
  name.length > length ? `must be no more than ${length} characters` : undefined;

export const subdomainName: NameRule = (name) =>
  atMost(253, name) ??
  (subdomainRule.test(name)
    ? undefined
    : `a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')`);

export const labelName: NameRule = (name) =>
  atMost(63, name) ??
  (labelRule.test(name)
    ? undefined
    : `a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`);

export const serviceName: NameRule = (name) =>
  atMost(63, name) ??
  (serviceRule.test(name)
    ? undefined
    : `a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or 'abc-123', regex used for validation is '[a-z]([-a-z0-9]*[a-z0-9])?')`);

/** Anything that is one segment of a path. */
export const segmentName: NameRule = (name) =>
  name === '.' || name === '..' ? `may not be '${name}'` : /[/%]/.test(name) ? `may not contain '${/[/%]/.exec(name)?.[0]}'` : undefined;

const nameHint = `a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')`;

/** What is wrong with the key of a label or annotation, or with the name of a finalizer. */
export const qualifiedNameProblem = (key: string): string | undefined => {
  const parts = key.split('/');
  const name = parts.at(-1) ?? '';
  const prefix = parts.length === 2 ? parts[0] : undefined;
  if (parts.length > 2)
    return `a qualified name must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`;
  if (prefix !== undefined) {
    if (prefix === '') return 'prefix part must be non-empty';
    const problem = subdomainName(prefix);
    if (problem !== undefined) return `prefix part ${problem}`;
  }
  if (name === '') return 'name part must be non-empty';
  if (name.length > 63) return 'name part must be no more than 63 characters';
  return qualifiedRule.test(name)
    ? undefined
    : `name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')`;
};

/** What is wrong with the value of a label. */
export const labelValueProblem = (value: string): string | undefined =>
  value === '' ? undefined : (atMost(63, value) ?? (qualifiedRule.test(value) ? undefined : nameHint));

const standardFinalizers: ReadonlySet<string> = new Set([
  'orphan',
  'foregroundDeletion',
  'kubernetes',
  'customresourcecleanup.apiextensions.k8s.io',
]);

const finalizerProblems = (finalizers: readonly string[], path: string): readonly FieldProblem[] =>
  finalizers.flatMap((name, i) => {
    const problem = qualifiedNameProblem(name);
    if (problem !== undefined) return [invalidValue(`${path}[${i}]`, name, problem)];
    return name.includes('/') || standardFinalizers.has(name)
      ? []
      : [invalidValue(`${path}[${i}]`, name, 'name is neither a standard finalizer name nor is it fully qualified')];
  });

/** Every fault of the metadata of an object of a kind that is called by this rule. */
export const metadataProblems = (meta: ObjectMeta, rule: NameRule): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  if (meta.generateName !== undefined) {
    const stem = meta.generateName.replace(/-$/, '');
    const problem = rule(rule === segmentName ? meta.generateName : `${stem === '' ? meta.generateName : stem}`);
    if (problem !== undefined) problems.push(invalidValue('metadata.generateName', meta.generateName, problem));
  }
  if (meta.name === undefined || meta.name === '') problems.push(required('metadata.name', 'name or generateName is required'));
  else {
    const problem = rule(meta.name);
    if (problem !== undefined) problems.push(invalidValue('metadata.name', meta.name, problem));
  }
  for (const [key, value] of Object.entries(meta.labels ?? {})) {
    const keyProblem = qualifiedNameProblem(key);
    if (keyProblem !== undefined) problems.push(invalidValue('metadata.labels', key, keyProblem));
    const valueProblem = labelValueProblem(value);
    if (valueProblem !== undefined) problems.push(invalidValue('metadata.labels', value, valueProblem));
  }
  let annotationBytes = 0;
  for (const [key, value] of Object.entries(meta.annotations ?? {})) {
    const problem = qualifiedNameProblem(key.toLowerCase());
    if (problem !== undefined) problems.push(invalidValue('metadata.annotations', key, problem));
    annotationBytes += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (annotationBytes > maxAnnotationBytes) problems.push(tooLong('metadata.annotations', maxAnnotationBytes));
  for (const [i, owner] of (meta.ownerReferences ?? []).entries())
    for (const field of ['apiVersion', 'kind', 'name', 'uid'] as const)
      if ((owner[field] ?? '') === '')
        problems.push(
          invalidValue(`metadata.ownerReferences[${i}].${field}`, '', `${field === 'apiVersion' ? 'version' : field} must not be empty`),
        );
  if ((meta.ownerReferences ?? []).filter(({ controller }) => controller === true).length > 1)
    problems.push(invalidValue('metadata.ownerReferences', null, 'Only one reference can have Controller set to true'));
  return [...problems, ...finalizerProblems(meta.finalizers ?? [], 'metadata.finalizers')];
};

/** Every fault of a change of metadata. */
export const metadataChangeProblems = (meta: ObjectMeta, old: ObjectMeta): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  for (const field of ['uid', 'deletionTimestamp', 'deletionGracePeriodSeconds'] as const)
    if (meta[field] !== old[field]) problems.push(invalidValue(`metadata.${field}`, meta[field] ?? null, 'field is immutable'));
  const added = (meta.finalizers ?? []).filter((name) => old.finalizers?.includes(name) !== true);
  if (old.deletionTimestamp !== undefined && added.length > 0)
    problems.push(
      forbiddenField(
        'metadata.finalizers',
        `no new finalizers can be added if the object is being deleted, found new finalizers []string{${added.map((name) => JSON.stringify(name)).join(', ')}}`,
      ),
    );
  return problems;
};

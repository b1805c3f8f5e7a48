// Which webhooks are asked before custom resources are written
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/).

import { conditionProblems, webhookVariables } from '../admission-expressions.ts';
import { matchingProblems, rulesProblems, withMatchingDefaults } from '../admission-rules.ts';
import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { subdomainName } from '../metadata.ts';
import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';
import { duplicateValue, type FieldProblem, invalidValue, notSupported, required } from '../status.ts';

const reviewVersions = ['v1', 'v1beta1'];
const policies = ['Fail', 'Ignore'];
const sideEffects = ['None', 'NoneOnDryRun'];

const webhooksOf = (object: KubernetesObject): readonly Fields[] => listAt(object, 'webhooks').filter(isFields);

const urlProblems = (text: string, path: string): readonly FieldProblem[] => {
  const form = 'desired format: https://host[/path]';
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    return [required(path, `url must be a valid URL: it cannot be parsed; ${form}`)];
  }
  const said: readonly (readonly [boolean, string])[] = [
    [url.protocol !== 'https:', `'https' is the only allowed URL scheme; ${form}`],
    [url.hostname === '', `host must be specified; ${form}`],
    [url.username !== '' || url.password !== '', 'user information is not permitted in the URL'],
    [url.hash !== '', 'fragments are not permitted in the URL'],
    [url.search !== '', 'query parameters are not permitted in the URL'],
  ];
  // What may be a password is not repeated.
  const shown = url.username === '' && url.password === '' ? text : '';
  return said.filter(([isWrong]) => isWrong).map(([, detail]) => invalidValue(path, shown, detail));
};

const serviceProblems = (service: Fields, path: string): readonly FieldProblem[] => {
  const problems: FieldProblem[] = [];
  for (const field of ['name', 'namespace'])
    if (textAt(service, field) === '') problems.push(required(`${path}.${field}`, `service ${field} is required`));
  const { port } = service;
  if (typeof port === 'number' && (port < 1 || port > 65535))
    problems.push(invalidValue(`${path}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  const sent = textAt(service, 'path');
  if (sent === '' || sent === '/') return problems;
  if (!sent.startsWith('/')) problems.push(invalidValue(`${path}.path`, sent, "must start with a '/'"));
  for (const [i, step] of sent.slice(1).split('/').entries()) {
    const isLast = i === sent.slice(1).split('/').length - 1;
    if (step === '' && isLast) break;
    const problem = step === '' ? 'segment may not be empty' : subdomainName(step);
    if (problem !== undefined) problems.push(invalidValue(`${path}.path`, sent, `segment[${i}]: ${problem}`));
  }
  return problems;
};

const clientProblems = (client: Fields, path: string): readonly FieldProblem[] => {
  const { url, service } = client;
  if ((url === undefined) === (service === undefined)) return [required(path, 'exactly one of url or service is required')];
  return typeof url === 'string' ? urlProblems(url, `${path}.url`) : serviceProblems(fieldsAt(client, 'service'), `${path}.service`);
};

const oneOf = (value: unknown, allowed: readonly string[], path: string): readonly FieldProblem[] =>
  value === undefined || allowed.includes(String(value)) ? [] : [notSupported(path, value, allowed)];

const webhookProblems = (webhook: Fields, path: string): readonly FieldProblem[] => {
  const name = textAt(webhook, 'name');
  const versions = listAt(webhook, 'admissionReviewVersions');
  const { timeoutSeconds } = webhook;
  const problems: FieldProblem[] = [];
  const nameProblem = name === '' ? undefined : subdomainName(name);
  if (name === '') problems.push(required(`${path}.name`));
  else if (nameProblem !== undefined) problems.push(invalidValue(`${path}.name`, name, nameProblem));
  else if (name.split('.').length < 3)
    problems.push(invalidValue(`${path}.name`, name, 'should be a domain with at least three segments separated by dots'));
  if (versions.length === 0) problems.push(required(`${path}.admissionReviewVersions`, `must specify one of ${reviewVersions.join(', ')}`));
  else if (!versions.some((version) => reviewVersions.includes(String(version))))
    problems.push(invalidValue(`${path}.admissionReviewVersions`, versions, `must include at least one of ${reviewVersions.join(', ')}`));
  for (const [i, version] of versions.entries())
    if (versions.indexOf(version) < i) problems.push(invalidValue(`${path}.admissionReviewVersions[${i}]`, version, 'duplicate version'));
  if (webhook['sideEffects'] === undefined || webhook['sideEffects'] === '')
    problems.push(required(`${path}.sideEffects`, `must specify one of ${sideEffects.join(', ')}`));
  else problems.push(...oneOf(webhook['sideEffects'], sideEffects, `${path}.sideEffects`));
  if (typeof timeoutSeconds === 'number' && (timeoutSeconds < 1 || timeoutSeconds > 30))
    problems.push(invalidValue(`${path}.timeoutSeconds`, timeoutSeconds, 'the timeout value must be between 1 and 30 seconds'));
  return [
    ...problems,
    ...oneOf(webhook['failurePolicy'], policies, `${path}.failurePolicy`),
    ...oneOf(webhook['reinvocationPolicy'], ['IfNeeded', 'Never'], `${path}.reinvocationPolicy`),
    ...rulesProblems(listAt(webhook, 'rules'), `${path}.rules`),
    ...matchingProblems(webhook, path),
    ...conditionProblems(listAt(webhook, 'matchConditions'), webhookVariables, `${path}.matchConditions`),
    ...clientProblems(fieldsAt(webhook, 'clientConfig'), `${path}.clientConfig`),
  ];
};

const problems = (object: KubernetesObject): readonly FieldProblem[] => {
  const names = webhooksOf(object).map((webhook) => textAt(webhook, 'name'));
  return webhooksOf(object).flatMap((webhook, i) => [
    ...webhookProblems(webhook, `webhooks[${i}]`),
    ...(names.indexOf(names[i] ?? '') < i ? [duplicateValue(`webhooks[${i}].name`, names[i])] : []),
  ]);
};

const withDefaults =
  (more: Fields) =>
  (object: KubernetesObject): KubernetesObject => {
    if (!Array.isArray(object['webhooks'])) return object;
    const webhooks = webhooksOf(object).map((webhook) => {
      const client = fieldsAt(webhook, 'clientConfig');
      const service = client['service'];
      return {
        ...more,
        failurePolicy: 'Fail',
        timeoutSeconds: 10,
        ...withMatchingDefaults(webhook, 'rules'),
        ...(isFields(service) ? { clientConfig: { ...client, service: { ...service, port: service['port'] ?? 443 } } } : {}),
      };
    });
    return { ...object, webhooks };
  };

const common = {
  group: 'admissionregistration.k8s.io',
  version: 'v1',
  isNamespaced: false,
  hasGeneration: true,
  categories: ['api-extensions'],
  columns: [
    nameColumn,
    { ...text('Webhooks', (object: KubernetesObject) => webhooksOf(object).length), type: 'integer' as const },
    ageColumn,
  ],
  problems,
} as const;

export const validatingWebhookConfigurationKind = defineKind({
  ...common,
  kind: 'ValidatingWebhookConfiguration',
  plural: 'validatingwebhookconfigurations',
  model: 'V1ValidatingWebhookConfiguration',
  withDefaults: withDefaults({}),
});

export const mutatingWebhookConfigurationKind = defineKind({
  ...common,
  kind: 'MutatingWebhookConfiguration',
  plural: 'mutatingwebhookconfigurations',
  model: 'V1MutatingWebhookConfiguration',
  withDefaults: withDefaults({ reinvocationPolicy: 'Never' }),
});

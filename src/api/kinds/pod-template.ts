// What pods and their templates have in common: defaults, and what they cannot be without
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).

import { type Fields, fieldsAt, isFields, listAt, textAt } from '../object.ts';
import { duplicateValue, type FieldProblem, required } from '../status.ts';

const pullPolicy = (image: string): string => (/:[^/:@]+$|@/.test(image) && !image.endsWith(':latest') ? 'IfNotPresent' : 'Always');

/** The object with one of its fields changed, where it has that field as an object. */
const changed = (object: Fields, name: string, change: (value: Fields) => Fields): Fields => {
  const { [name]: value } = object;
  return isFields(value) ? { ...object, [name]: change(value) } : object;
};

/** The same of a list's entries. */
const changedItems = (object: Fields, name: string, change: (value: Fields) => Fields): Fields =>
  listAt(object, name).length === 0
    ? object
    : { ...object, [name]: listAt(object, name).map((item) => (isFields(item) ? change(item) : item)) };

/** Fields where there are none, or only zeros, which count as none. */
const orElse = (object: Fields, defaults: Fields): Fields => ({
  ...object,
  ...Object.fromEntries(Object.entries(defaults).filter(([name]) => (object[name] ?? 0) === 0 || object[name] === '')),
});

const withFieldRef = (object: Fields): Fields => changed(object, 'fieldRef', (reference) => orElse(reference, { apiVersion: 'v1' }));
const withHttpGet = (object: Fields): Fields => changed(object, 'httpGet', (get) => orElse(get, { path: '/', scheme: 'HTTP' }));
const withMode = (object: Fields): Fields => ({ defaultMode: 0o644, ...object });

const probe = (given: Fields): Fields =>
  changed(
    withHttpGet(orElse(given, { timeoutSeconds: 1, periodSeconds: 10, successThreshold: 1, failureThreshold: 3 })),
    'grpc',
    (grpc) => ({ service: '', ...grpc }),
  );

const container = (given: Fields, hostNetwork: boolean): Fields => {
  let object: Fields = {
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: pullPolicy(textAt(given, 'image')),
    resources: {},
    ...given,
  };
  object = changedItems(object, 'ports', (port) => ({
    protocol: 'TCP',
    ...port,
    ...(hostNetwork && (port['hostPort'] ?? 0) === 0 ? { hostPort: port['containerPort'] } : {}),
  }));
  object = changedItems(object, 'env', (entry) => changed(entry, 'valueFrom', withFieldRef));
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe']) object = changed(object, name, probe);
  return changed(object, 'lifecycle', (lifecycle) => changed(changed(lifecycle, 'postStart', withHttpGet), 'preStop', withHttpGet));
};

const projection = (given: Fields): Fields =>
  changed(
    changed(given, 'serviceAccountToken', (token) => ({ expirationSeconds: 3600, ...token })),
    'downwardAPI',
    (source) => changedItems(source, 'items', withFieldRef),
  );

const volume = (given: Fields): Fields => {
  let object: Fields = Object.keys(given).some((name) => name !== 'name') ? given : { ...given, emptyDir: {} };
  for (const name of ['secret', 'configMap']) object = changed(object, name, withMode);
  object = changed(object, 'downwardAPI', (source) => changedItems(withMode(source), 'items', withFieldRef));
  object = changed(object, 'projected', (source) => changedItems(withMode(source), 'sources', projection));
  return changed(object, 'hostPath', (source) => ({ type: '', ...source }));
};

/** A pod's spec with what it leaves out. */
export const podSpecDefaults = (spec: Fields): Fields => {
  // The older of two names of one thing is kept beside the newer.
  const account = textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount');
  const whole: Fields = {
    restartPolicy: 'Always',
    dnsPolicy: 'ClusterFirst',
    terminationGracePeriodSeconds: 30,
    schedulerName: 'default-scheduler',
    securityContext: {},
    ...spec,
    ...(account === '' ? {} : { serviceAccountName: account, serviceAccount: account }),
  };
  const withContainers = ['containers', 'initContainers'].reduce<Fields>(
    (object, name) => changedItems(object, name, (each) => container(each, spec['hostNetwork'] === true)),
    whole,
  );
  return changedItems(withContainers, 'volumes', volume);
};

/** Every fault of a pod's spec at this path. */
export const podSpecProblems = (spec: Fields, path: string): readonly FieldProblem[] => {
  const containers = listAt(spec, 'containers');
  const problems: FieldProblem[] = containers.length === 0 ? [required(`${path}.containers`)] : [];
  const names = [...listAt(spec, 'initContainers'), ...containers].map((each) => textAt(each, 'name'));
  for (const [i, each] of containers.entries()) {
    if (textAt(each, 'name') === '') problems.push(required(`${path}.containers[${i}].name`));
    else if (
      names.indexOf(textAt(each, 'name')) < names.lastIndexOf(textAt(each, 'name')) &&
      containers.findIndex((other) => textAt(other, 'name') === textAt(each, 'name')) < i
    )
      problems.push(duplicateValue(`${path}.containers[${i}].name`, textAt(each, 'name')));
    if (textAt(each, 'image') === '') problems.push(required(`${path}.containers[${i}].image`));
  }
  return problems;
};

/** The spec below `template` with defaults. */
export const templateDefaults = (spec: Fields): Fields => {
  const template = fieldsAt(spec, 'template');
  return { ...spec, template: { ...template, spec: podSpecDefaults(fieldsAt(template, 'spec')) } };
};
/** Faults of a workload: a selector that selects its own pods, and a template. */
export const workloadProblems = (spec: Fields): readonly FieldProblem[] => {
  const template = fieldsAt(spec, 'template');
  const labels = fieldsAt(fieldsAt(template, 'metadata'), 'labels');
  const wanted = Object.entries(fieldsAt(fieldsAt(spec, 'selector'), 'matchLabels'));
  const problems: FieldProblem[] = [];
  if (spec['selector'] === undefined) problems.push(required('spec.selector'));
  else if (wanted.some(([key, value]) => labels[key] !== value))
    problems.push({
      field: 'spec.template.metadata.labels',
      reason: 'FieldValueInvalid',
      message: `Invalid value: ${JSON.stringify(labels)}: \`selector\` does not match template \`labels\``,
    });
  return [...problems, ...podSpecProblems(fieldsAt(template, 'spec'), 'spec.template.spec')];
};

/** Names and images of a workload's containers, for wide tables. */
export const containerNames = (spec: Fields): string =>
  listAt(fieldsAt(fieldsAt(spec, 'template'), 'spec'), 'containers')
    .map((each) => textAt(each, 'name'))
    .join(',');
export const containerImages = (spec: Fields): string =>
  listAt(fieldsAt(fieldsAt(spec, 'template'), 'spec'), 'containers')
    .map((each) => textAt(each, 'image'))
    .join(',');

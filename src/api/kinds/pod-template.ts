// What pods and their templates have in common: defaults, and what they cannot be without
// (https://kubernetes.io/docs/reference/kubernetes-api/workload-resources/pod-v1/).

import { type Fields, fieldsAt, isFields, listAt, textAt } from '../object.ts';
import { duplicateValue, type FieldProblem, required } from '../status.ts';

const pullPolicy = (image: string): string => (/:[^/:@]+$|@/.test(image) && !image.endsWith(':latest') ? 'IfNotPresent' : 'Always');

const container = (given: unknown): unknown =>
  isFields(given)
    ? {
        terminationMessagePath: '/dev/termination-log',
        terminationMessagePolicy: 'File',
        imagePullPolicy: pullPolicy(textAt(given, 'image')),
        resources: {},
        ...given,
        ...(listAt(given, 'ports').length === 0
          ? {}
          : { ports: listAt(given, 'ports').map((port) => (isFields(port) ? { protocol: 'TCP', ...port } : port)) }),
      }
    : given;

/** A pod's spec with what it leaves out. */
export const podSpecDefaults = (spec: Fields): Fields => ({
  restartPolicy: 'Always',
  dnsPolicy: 'ClusterFirst',
  terminationGracePeriodSeconds: 30,
  schedulerName: 'default-scheduler',
  securityContext: {},
  ...spec,
  containers: listAt(spec, 'containers').map(container),
  ...(listAt(spec, 'initContainers').length === 0 ? {} : { initContainers: listAt(spec, 'initContainers').map(container) }),
});

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

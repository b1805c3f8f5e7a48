// `npm run schemas`: the shapes of Kubernetes' own kinds, out of the models of @kubernetes/client-node: names, types and which fields are
// required, no text. Written to src/api/kubernetes-models.json; --check says whether that file is what it would write.

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './repository.ts';

/** The kinds that are served, by their model; what these refer to comes with them. */
const roots = [
  'V1Namespace',
  'V1Node',
  'V1Secret',
  'V1ConfigMap',
  'V1Service',
  'V1ServiceAccount',
  'CoreV1Event',
  'EventsV1Event',
  'V1Lease',
  'V1Ingress',
  'V1IngressClass',
  'V1Pod',
  'V1StatefulSet',
  'V1Deployment',
  'V1ReplicaSet',
  'V1ControllerRevision',
  'V1Endpoints',
  'V1EndpointSlice',
  'V1CertificateSigningRequest',
  'V1Role',
  'V1ClusterRole',
  'V1RoleBinding',
  'V1ClusterRoleBinding',
  'V1ValidatingWebhookConfiguration',
  'V1MutatingWebhookConfiguration',
  'V1APIService',
  'V1beta1ClusterTrustBundle',
  'V1beta1PodCertificateRequest',
  'V1ValidatingAdmissionPolicy',
  'V1ValidatingAdmissionPolicyBinding',
  'V1CustomResourceDefinition',
  'V1TokenReview',
  'AuthenticationV1TokenRequest',
  'V1SelfSubjectReview',
  'V1SubjectAccessReview',
  'V1SelfSubjectAccessReview',
  'V1LocalSubjectAccessReview',
  'V1SelfSubjectRulesReview',
  'V1DeleteOptions',
  'V1Scale',
  'V1Eviction',
];

const models = join(root, 'node_modules/@kubernetes/client-node/dist/gen/models');
const target = join(root, 'src/api/kubernetes-models.json');

type Attribute = { readonly baseName: string; readonly type: string; readonly format: string };

/** A field's type in short: `string`, `int32`, `byte`, `[]T` for a list, `{}T` for a map, and the name of a model. */
const shortType = (type: string, format: string): string => {
  const list = /^Array<(.*)>$/.exec(type);
  if (list?.[1] !== undefined) return `[]${shortType(list[1], format)}`;
  const map = /^\{ \[key: string\]: (.*); \}$/.exec(type);
  if (map?.[1] !== undefined) return `{}${shortType(map[1], format)}`;
  if (type === 'string') return format === 'byte' ? 'byte' : 'string';
  if (type === 'number') return format === '' ? 'double' : format;
  if (type === 'Date') return 'time';
  if (type === 'V1MicroTime') return 'microtime';
  if (type === 'IntOrString') return 'intstr';
  return type;
};

type Model = Record<string, string>;

/** Fields that hold quantities, which may be written as numbers too. */
const quantities = new Set(['limits', 'requests', 'capacity', 'allocatable', 'overhead', 'sizeLimit', 'divisor', 'allocatedResources']);

const readModel = async (name: string): Promise<Model | undefined> => {
  const file = join(models, `${name}.js`);
  if (!existsSync(file)) return undefined;
  const module = (await import(file)) as Record<string, { attributeTypeMap: readonly Attribute[] } | undefined>;
  const declared = readFileSync(join(models, `${name}.d.ts`), 'utf8');
  const model: Model = {};
  for (const { baseName, type, format } of module[name]?.attributeTypeMap ?? []) {
    const isRequired = new RegExp(`^\\s*'${baseName.replace(/\W/g, '\\$&')}': `, 'm').test(declared);
    const short = shortType(type, format);
    const isQuantity = quantities.has(baseName) || (baseName === 'resources' && short === '{}string');
    model[baseName] = (isQuantity ? short.replace('string', 'quantity') : short) + (isRequired ? '!' : '');
  }
  return model;
};

const found: Record<string, Model> = {};
const wanted = [...roots];
for (let name = wanted.pop(); name !== undefined; name = wanted.pop()) {
  if (name in found) continue;
  const model = await readModel(name);
  if (model === undefined) throw new Error(`there is no model ${name}`);
  found[name] = model;
  for (const type of Object.values(model)) {
    const element = type.replace(/^(?:\[\]|\{\})+|!$/g, '');
    if (/^[A-Z]/.test(element) && existsSync(join(models, `${element}.js`))) wanted.push(element);
  }
}
const lines = Object.keys(found)
  .sort()
  .map((name) => `  ${JSON.stringify(name)}: ${JSON.stringify(found[name])}`);
const text = `{\n${lines.join(',\n')}\n}\n`;
if (process.argv.includes('--check')) {
  if (!existsSync(target) || readFileSync(target, 'utf8') !== text) {
    console.error('src/api/kubernetes-models.json is not what the models give; run npm run schemas');
    process.exitCode = 1;
  }
} else writeFileSync(target, text);

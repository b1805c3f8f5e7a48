// How fields of Kubernetes' own kinds are owned, where a schema alone does not say: which lists are owned entry by entry and by which keys,
// and which maps only as a whole (https://kubernetes.io/docs/reference/using-api/server-side-apply/#merge-strategy). Custom resources say it
// in their schemas. A list that is not here is owned as a whole.

import type { Schema } from '../api/schema.ts';
import { mergeKey } from './merge-keys.ts';

/** Owned as a whole, value by value, or entry by entry under these keys. */
export type ListType = 'atomic' | 'set' | readonly string[];

const keyed: Readonly<Record<string, readonly string[]>> = {
  'V1Container.ports': ['containerPort', 'protocol'],
  'V1EphemeralContainer.ports': ['containerPort', 'protocol'],
  'V1ServiceSpec.ports': ['port', 'protocol'],
  'V1PodSpec.topologySpreadConstraints': ['topologyKey', 'whenUnsatisfiable'],
  'V1PodSpec.resourceClaims': ['name'],
  'V1PodSpec.schedulingGates': ['name'],
  'V1ResourceRequirements.claims': ['name'],
  'V1CertificateSigningRequestStatus.conditions': ['type'],
  'V1CustomResourceDefinitionStatus.conditions': ['type'],
  'V1APIServiceStatus.conditions': ['type'],
  'V1beta1PodCertificateRequestStatus.conditions': ['type'],
  'V1ValidatingWebhookConfiguration.webhooks': ['name'],
  'V1MutatingWebhookConfiguration.webhooks': ['name'],
  'V1ValidatingWebhook.matchConditions': ['name'],
  'V1MutatingWebhook.matchConditions': ['name'],
  'V1ValidatingAdmissionPolicySpec.matchConditions': ['name'],
  'V1ValidatingAdmissionPolicySpec.variables': ['name'],
  'V1ValidatingAdmissionPolicyStatus.conditions': ['type'],
};

const atomicModels: ReadonlySet<string> = new Set([
  'CoreV1EndpointPort',
  'DiscoveryV1EndpointPort',
  'RbacV1Subject',
  'V1ConfigMapKeySelector',
  'V1EndpointAddress',
  'V1LabelSelector',
  'V1LocalObjectReference',
  'V1MatchResources',
  'V1NamedRuleWithOperations',
  'V1NodeSelector',
  'V1NodeSelectorTerm',
  'V1ObjectFieldSelector',
  'V1ObjectReference',
  'V1OwnerReference',
  'V1ParamKind',
  'V1ParamRef',
  'V1ResourceFieldSelector',
  'V1RoleRef',
  'V1SecretKeySelector',
  'V1SecretReference',
  'V1TypedLocalObjectReference',
  'V1TypedObjectReference',
]);

const atomicMaps: ReadonlySet<string> = new Set(['V1ServiceSpec.selector', 'V1PodSpec.nodeSelector']);

/** The list under a field. `schema` is the field's own. */
export const listTypeOf = (model: string | undefined, field: string, schema: Schema): ListType => {
  const said = schema['x-kubernetes-list-type'];
  if (said === 'set') return 'set';
  if (said === 'map') return schema['x-kubernetes-list-map-keys'] ?? 'atomic';
  const keys = keyed[`${model}.${field}`];
  if (keys !== undefined) return keys;
  const key = mergeKey(model, field);
  return key === undefined ? 'atomic' : key === 'set' ? 'set' : [key];
};

/** Whether the map under a field is owned as a whole. */
export const isAtomicMap = (model: string | undefined, field: string, schema: Schema): boolean =>
  schema['x-kubernetes-map-type'] === 'atomic' ||
  (schema.model !== undefined && atomicModels.has(schema.model)) ||
  atomicMaps.has(`${model}.${field}`);

/** What a key of an entry is where it is left out. */
export const keyDefault = (items: Schema | undefined, key: string): unknown =>
  items?.model === undefined ? items?.properties?.[key]?.default : key === 'protocol' ? 'TCP' : undefined;

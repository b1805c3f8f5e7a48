// The roles and bindings that are there from the start: those that clients notice (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#default-roles-and-role-bindings),
// those that the server's own controllers act under, and kubeadm's cluster administrators.

import type { Fields, KubernetesObject } from '../api/object.ts';

const apiVersion = 'rbac.authorization.k8s.io/v1';
const apiGroup = 'rbac.authorization.k8s.io';
const bootstrapping = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
/** Where it is `false` a start leaves the object as it is. */
export const autoUpdate = 'rbac.authorization.kubernetes.io/autoupdate';
const annotations = { [autoUpdate]: 'true' };

const rule = (apiGroups: readonly string[], resources: readonly string[], verbs: readonly string[], more: Fields = {}): Fields => ({
  apiGroups,
  resources,
  verbs,
  ...more,
});
const urls = (nonResourceURLs: readonly string[], verbs: readonly string[]): Fields => ({ nonResourceURLs, verbs });

const role = (
  name: string,
  rules: readonly Fields[],
  labels: Readonly<Record<string, string>> = {},
  more: Fields = {},
): KubernetesObject => ({
  apiVersion,
  kind: 'ClusterRole',
  metadata: { name, annotations, labels: { ...bootstrapping, ...labels } },
  rules,
  ...more,
});

const binding = (name: string, roleName: string, ...groups: readonly string[]): KubernetesObject => ({
  apiVersion,
  kind: 'ClusterRoleBinding',
  metadata: { name, annotations, labels: bootstrapping },
  roleRef: { apiGroup, kind: 'ClusterRole', name: roleName },
  subjects: groups.map((group) => ({ apiGroup, kind: 'Group', name: group })),
});

const named = (
  apiGroups: readonly string[],
  resources: readonly string[],
  verbs: readonly string[],
  ...resourceNames: readonly string[]
): Fields => rule(apiGroups, resources, verbs, { resourceNames });

const read = ['get', 'list', 'watch'];
const write = ['create', 'delete', 'deletecollection', 'patch', 'update'];
const allVerbs = [...read, ...write];
const workloads = ['deployments', 'replicasets', 'statefulsets'];
const aggregateTo = (name: string) => ({ [`rbac.authorization.k8s.io/aggregate-to-${name}`]: 'true' });
const aggregated = (name: string): Fields => ({ aggregationRule: { clusterRoleSelectors: [{ matchLabels: aggregateTo(name) }] } });

const viewed = [
  'configmaps',
  'endpoints',
  'events',
  'namespaces',
  'namespaces/status',
  'pods',
  'pods/log',
  'pods/status',
  'serviceaccounts',
  'services',
  'services/status',
];
const edited = ['configmaps', 'pods', 'secrets', 'serviceaccounts', 'services'];

const certificates = 'certificates.k8s.io';

/** What the server's own controllers may do, by the name of their service account in kube-system. */
const controllerRules: Readonly<Record<string, readonly Fields[]>> = {
  'certificate-controller': [
    rule([certificates], ['certificatesigningrequests'], ['delete', ...read]),
    rule([certificates], ['certificatesigningrequests/approval', 'certificatesigningrequests/status'], ['update']),
    named([certificates], ['signers'], ['approve'], 'kubernetes.io/kube-apiserver-client-kubelet'),
    named(
      [certificates],
      ['signers'],
      ['sign'],
      'kubernetes.io/kube-apiserver-client',
      'kubernetes.io/kube-apiserver-client-kubelet',
      'kubernetes.io/kubelet-serving',
      'kubernetes.io/legacy-unknown',
    ),
    rule(['authorization.k8s.io'], ['subjectaccessreviews'], ['create']),
    rule(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  ],
  'clusterrole-aggregation-controller': [rule([apiGroup], ['clusterroles'], ['escalate', 'patch', 'update', ...read])],
  'generic-garbage-collector': [
    rule(['*'], ['*'], ['delete', 'patch', 'update', ...read]),
    rule(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  ],
  'namespace-controller': [
    rule([''], ['namespaces'], ['delete', ...read]),
    rule([''], ['namespaces/finalize', 'namespaces/status'], ['update']),
    rule(['*'], ['*'], ['delete', 'deletecollection', ...read]),
  ],
  podcertificaterequestcleaner: [rule([certificates], ['podcertificaterequests'], ['delete', ...read])],
  'root-ca-cert-publisher': [
    rule([''], ['configmaps'], ['create', 'update']),
    rule(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  ],
  'service-account-controller': [
    rule([''], ['serviceaccounts'], ['create']),
    rule(['', 'events.k8s.io'], ['events'], ['create', 'patch', 'update']),
  ],
};

const signersOf = (name: string, signerName: string): KubernetesObject =>
  role(`system:certificates.k8s.io:${name}-approver`, [named([certificates], ['signers'], ['approve'], signerName)]);

export const bootstrapClusterRoles: readonly KubernetesObject[] = [
  ...Object.entries(controllerRules).map(([name, rules]) => role(`system:controller:${name}`, rules)),
  signersOf('kube-apiserver-client', 'kubernetes.io/kube-apiserver-client'),
  signersOf('kube-apiserver-client-kubelet', 'kubernetes.io/kube-apiserver-client-kubelet'),
  signersOf('kubelet-serving', 'kubernetes.io/kubelet-serving'),
  signersOf('legacy-unknown', 'kubernetes.io/legacy-unknown'),
  role('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [
    rule([certificates], ['certificatesigningrequests/nodeclient'], ['create']),
  ]),
  role('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [
    rule([certificates], ['certificatesigningrequests/selfnodeclient'], ['create']),
  ]),
  role('system:cluster-trust-bundle-discovery', [rule([certificates], ['clustertrustbundles'], read)]),
  role('cluster-admin', [rule(['*'], ['*'], ['*']), urls(['*'], ['*'])]),
  role('admin', [], {}, aggregated('admin')),
  role('edit', [], aggregateTo('admin'), aggregated('edit')),
  role('view', [], aggregateTo('edit'), aggregated('view')),
  role(
    'system:aggregate-to-admin',
    [rule([apiGroup], ['roles', 'rolebindings'], allVerbs), rule(['authorization.k8s.io'], ['localsubjectaccessreviews'], ['create'])],
    aggregateTo('admin'),
  ),
  role(
    'system:aggregate-to-edit',
    [
      rule([''], ['secrets'], read),
      rule([''], ['serviceaccounts'], ['impersonate']),
      rule([''], edited, write),
      rule([''], ['pods/eviction', 'serviceaccounts/token'], ['create']),
      rule(['', 'events.k8s.io'], ['events'], write),
      rule(['apps'], [...workloads, ...workloads.map((name) => `${name}/scale`)], write),
      rule(['networking.k8s.io'], ['ingresses'], write),
      rule(['coordination.k8s.io'], ['leases'], allVerbs),
    ],
    aggregateTo('edit'),
  ),
  role(
    'system:aggregate-to-view',
    [
      rule([''], viewed, read),
      rule(['events.k8s.io'], ['events'], read),
      rule(['apps'], ['controllerrevisions', ...workloads.flatMap((name) => [name, `${name}/scale`, `${name}/status`])], read),
      rule(['networking.k8s.io'], ['ingresses', 'ingresses/status'], read),
      rule(['discovery.k8s.io'], ['endpointslices'], read),
    ],
    aggregateTo('view'),
  ),
  role('system:discovery', [
    urls(
      ['/api', '/api/*', '/apis', '/apis/*', '/healthz', '/livez', '/openapi', '/openapi/*', '/readyz', '/version', '/version/'],
      ['get'],
    ),
  ]),
  role('system:basic-user', [
    rule(['authorization.k8s.io'], ['selfsubjectaccessreviews', 'selfsubjectrulesreviews'], ['create']),
    rule(['authentication.k8s.io'], ['selfsubjectreviews'], ['create']),
  ]),
  role('system:public-info-viewer', [urls(['/healthz', '/livez', '/readyz', '/version', '/version/'], ['get'])]),
  role('system:auth-delegator', [
    rule(['authentication.k8s.io'], ['tokenreviews'], ['create']),
    rule(['authorization.k8s.io'], ['subjectaccessreviews'], ['create']),
  ]),
];

export const bootstrapClusterRoleBindings: readonly KubernetesObject[] = [
  ...Object.keys(controllerRules).map((name) => ({
    ...binding(`system:controller:${name}`, `system:controller:${name}`),
    subjects: [{ kind: 'ServiceAccount', name, namespace: 'kube-system' }],
  })),
  binding('system:cluster-trust-bundle-discovery', 'system:cluster-trust-bundle-discovery', 'system:serviceaccounts'),
  binding('cluster-admin', 'cluster-admin', 'system:masters'),
  binding('kubeadm:cluster-admins', 'cluster-admin', 'kubeadm:cluster-admins'),
  binding('system:discovery', 'system:discovery', 'system:authenticated'),
  binding('system:basic-user', 'system:basic-user', 'system:authenticated'),
  binding('system:public-info-viewer', 'system:public-info-viewer', 'system:authenticated', 'system:unauthenticated'),
];

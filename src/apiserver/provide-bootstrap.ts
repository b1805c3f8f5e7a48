// What is there from the first start on: namespaces, the Service `kubernetes`, roles and bindings. A later start adds what is missing, as after
// an upgrade that brings rules of its own, and takes nothing away (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#auto-reconciliation).

import { type Kind, resourceKey } from '../api/kind.ts';
import { namespaceKind } from '../api/kinds/namespace.ts';
import { clusterRoleBindingKind, clusterRoleKind } from '../api/kinds/rbac.ts';
import { serviceKind } from '../api/kinds/service.ts';
import { isSameJson, type KubernetesObject, listAt } from '../api/object.ts';
import { rulesOf, uncovered } from '../api/rbac.ts';
import { aggregateRoles } from './aggregate-roles.ts';
import { autoUpdate, bootstrapClusterRoleBindings, bootstrapClusterRoles } from './bootstrap-roles.ts';
import type { ControllerWrite } from './controller.ts';

const initialNamespaces = ['default', 'kube-node-lease', 'kube-public', 'kube-system'] as const;

/** By which workloads find the API server; its address is one of the serving certificate's. */
const kubernetesService: KubernetesObject = {
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'kubernetes', labels: { component: 'apiserver', provider: 'kubernetes' } },
  spec: { clusterIP: '10.96.0.1', ports: [{ name: 'https', port: 443, protocol: 'TCP', targetPort: 6443 }] },
};

const missingRules = (wanted: KubernetesObject, found: KubernetesObject): readonly unknown[] =>
  listAt(wanted, 'rules').filter((_, i) => {
    const rule = rulesOf(wanted)[i];
    return rule !== undefined && uncovered(rulesOf(found), [rule]).length > 0;
  });

const missingSubjects = (wanted: KubernetesObject, found: KubernetesObject): readonly unknown[] =>
  listAt(wanted, 'subjects').filter((subject) => !listAt(found, 'subjects').some((known) => isSameJson(known, subject)));

const missing = { rules: missingRules, subjects: missingSubjects } as const;

/** Writes what is not there. */
export const provideBootstrap = (write: ControllerWrite): void => {
  const { transaction } = write;
  const provide = (kind: Kind, namespace: string, object: KubernetesObject, list?: keyof typeof missing): void => {
    const name = object.metadata.name ?? '';
    const found = transaction.get(resourceKey(kind), namespace, name)?.object;
    if (found === undefined) write.create(kind, namespace, object);
    else if (list !== undefined && found.metadata.annotations?.[autoUpdate] !== 'false' && found['aggregationRule'] === undefined) {
      const added = missing[list](object, found);
      if (added.length > 0)
        write.replace({ kind, namespace, name, isPatch: true, change: (old) => ({ ...old, [list]: [...listAt(old, list), ...added] }) });
    }
  };
  for (const name of initialNamespaces) provide(namespaceKind, '', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  for (const role of bootstrapClusterRoles) provide(clusterRoleKind, '', role, 'rules');
  for (const binding of bootstrapClusterRoleBindings) {
    const { name = '' } = binding.metadata;
    const found = transaction.get(resourceKey(clusterRoleBindingKind), '', name)?.object;
    // A binding to another role cannot be changed, only made anew.
    if (found !== undefined && found.metadata.annotations?.[autoUpdate] !== 'false' && !isSameJson(found['roleRef'], binding['roleRef']))
      write.remove(clusterRoleBindingKind, '', name);
    provide(clusterRoleBindingKind, '', binding, 'subjects');
  }
  provide(serviceKind, 'default', kubernetesService);
  // view goes into edit, edit into admin.
  for (let round = 0; round < 3; round++) aggregateRoles(write);
};

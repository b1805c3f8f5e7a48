// What the variables of admission expressions hold for one write.

import { Authorizer, ResourceCheck } from '../api/cel/authorizer-library.ts';
import type { Value } from '../api/cel/values.ts';
import type { Kind } from '../api/kind.ts';
import { fieldsAt, type KubernetesObject, without } from '../api/object.ts';
import { jsonValue } from '../api/rule-values.ts';
import { type AdmissionAttributes, inVersionOf, namespaceOf } from './admission-attributes.ts';
import { admissionRequest } from './admission-review.ts';
import { authorize } from './authorize.ts';
import type { Transaction } from './store.ts';

const namespaceValue = (namespace: KubernetesObject | undefined): Value => {
  if (namespace === undefined) return null;
  const { apiVersion, kind, metadata } = namespace;
  const spec = { finalizers: fieldsAt(namespace, 'spec')['finalizers'] ?? [] };
  const status = { phase: fieldsAt(namespace, 'status')['phase'] ?? '' };
  return jsonValue({ apiVersion, kind, metadata: without(metadata, 'managedFields', 'ownerReferences'), spec, status });
};

/** All but `params` and `variables`; `kind` is the version of it in which the object is shown. */
export const expressionValues = (
  attributes: AdmissionAttributes,
  kind: Kind,
  transaction: Transaction,
): Readonly<Record<string, Value>> => {
  const { object, oldObject, user, namespace, name, subresource } = inVersionOf(attributes, kind);
  const authorizer = new Authorizer((access, account) => {
    if (account === undefined) return authorize(transaction, user, access);
    const username = `system:serviceaccount:${account.namespace}:${account.name}`;
    const groups = ['system:serviceaccounts', `system:serviceaccounts:${account.namespace}`, 'system:authenticated'];
    return authorize(transaction, { username, groups }, access);
  });
  return {
    object: jsonValue(object ?? null),
    oldObject: jsonValue(oldObject ?? null),
    request: jsonValue(without(admissionRequest(attributes, kind), 'object', 'oldObject')),
    namespaceObject: namespaceValue(namespaceOf(attributes, transaction)),
    authorizer,
    'authorizer.requestResource': new ResourceCheck(authorizer, { group: kind.group, resource: kind.plural, subresource, namespace, name }),
  };
};

// Nobody hands out more than he has: writing a role needs its rules or the verb escalate, writing a binding the rules of its role or the verb
// bind; and what a CertificateSigningRequest's signer is asked needs a verb of its own
// (https://kubernetes.io/docs/reference/access-authn-authz/rbac/#privilege-escalation-prevention-and-bootstrapping).

import type { Kind, UserInfo } from '../api/kind.ts';
import { isSameJson, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import { type PolicyRule, roleRefOf, rulesOf, uncovered } from '../api/rbac.ts';
import { forbidden, forbiddenField, invalid } from '../api/status.ts';
import { readCsr } from '../pki/csr.ts';
import { oid } from '../pki/oid.ts';
import { authorize, grantsTo, isMaster, type RoleSource, referredRules } from './authorize.ts';

const rbacGroup = 'rbac.authorization.k8s.io';

const ruleText = ({ verbs, apiGroups, resources, resourceNames, nonResourceURLs }: PolicyRule): string => {
  const list = (name: string, values: readonly string[]): string =>
    values.length === 0 ? '' : `${name}:[${values.map((value) => JSON.stringify(value)).join(' ')}], `;
  return `{${`${list('APIGroups', apiGroups)}${list('Resources', resources)}${list('ResourceNames', resourceNames)}${list('NonResourceURLs', nonResourceURLs)}${list('Verbs', verbs)}`.slice(0, -2)}}`;
};

const requireHeld = (source: RoleSource, user: UserInfo, kind: Kind, object: KubernetesObject, rules: readonly PolicyRule[]): void => {
  const namespace = object.metadata.namespace ?? '';
  const owned = grantsTo(source, user, namespace).flatMap((grant) => grant.rules);
  const missing = uncovered(owned, rules);
  if (missing.length === 0) return;
  throw forbidden(
    kind,
    object.metadata.name ?? '',
    `user "${user.username}" (groups=[${user.groups.map((group) => JSON.stringify(group)).join(' ')}]) is attempting to grant RBAC permissions not currently held:\n${missing.map(ruleText).join('\n')}`,
  );
};

const mayOf = (source: RoleSource, user: UserInfo, verb: string, kind: Kind, object: KubernetesObject, name: string): boolean =>
  authorize(source, user, {
    verb,
    group: rbacGroup,
    resource: kind.plural,
    subresource: '',
    namespace: object.metadata.namespace ?? '',
    name,
  }).allowed;

const requireMayGrant = (
  source: RoleSource,
  user: UserInfo,
  kind: Kind,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
): void => {
  if (kind.kind === 'Role' || kind.kind === 'ClusterRole') {
    const isSame = isSameJson(object['rules'], old?.['rules']) && isSameJson(object['aggregationRule'], old?.['aggregationRule']);
    if (old !== undefined && isSame) return;
    if (mayOf(source, user, 'escalate', kind, object, object.metadata.name ?? '')) return;
    requireHeld(source, user, kind, object, rulesOf(object));
    // What is aggregated later cannot be judged now.
    if (object['aggregationRule'] !== undefined)
      requireHeld(source, user, kind, object, [
        { verbs: ['*'], apiGroups: ['*'], resources: ['*'], resourceNames: [], nonResourceURLs: [] },
        { verbs: ['*'], apiGroups: [], resources: [], resourceNames: [], nonResourceURLs: ['*'] },
      ]);
    return;
  }
  if (old !== undefined && isSameJson(object['subjects'], old['subjects']) && isSameJson(object['roleRef'], old['roleRef'])) return;
  const ref = roleRefOf(object);
  const role = { ...kind, plural: ref.kind === 'ClusterRole' ? 'clusterroles' : 'roles' };
  if (mayOf(source, user, 'bind', role, object, ref.name)) return;
  requireHeld(source, user, kind, object, referredRules(source, ref, object.metadata.namespace ?? ''));
};

/** Whether a user may ask something of a signer: by its whole name, or by its domain. */
const maySign = (source: RoleSource, user: UserInfo, verb: string, signerName: string): boolean =>
  [signerName, `${signerName.split('/')[0]}/*`].some(
    (name) =>
      authorize(source, user, { verb, group: 'certificates.k8s.io', resource: 'signers', subresource: '', namespace: '', name }).allowed,
  );

const conditionTypes = (object: KubernetesObject): readonly string[] =>
  listAt(object['status'], 'conditions').map((found) => textAt(found, 'type'));

const requireSigner = (
  source: RoleSource,
  user: UserInfo,
  kind: Kind,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  part: string,
): void => {
  const signerName = textAt(object['spec'], 'signerName');
  const refuse = (verb: string): never => {
    throw forbidden(
      kind,
      object.metadata.name ?? '',
      `user not permitted to ${verb} requests with signerName ${JSON.stringify(signerName)}`,
    );
  };
  if (part === 'approval' && !maySign(source, user, 'approve', signerName)) refuse('approve');
  const isSigning =
    textAt(object['status'], 'certificate') !== textAt(old?.['status'], 'certificate') ||
    conditionTypes(object).includes('Failed') !== (old !== undefined && conditionTypes(old).includes('Failed'));
  if (part === 'status' && isSigning && !maySign(source, user, 'sign', signerName)) refuse('sign');
};

/** A trust bundle that is linked to a signer is written by who may speak for it. */
const requireAttester = (
  source: RoleSource,
  user: UserInfo,
  kind: Kind,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
): void => {
  const signerName = textAt(object['spec'], 'signerName');
  if (signerName === '' || (old !== undefined && isSameJson(object['spec'], old['spec'])) || maySign(source, user, 'attest', signerName))
    return;
  throw forbidden(kind, object.metadata.name ?? '', `user not permitted to attest for signerName ${JSON.stringify(signerName)}`);
};

/** A pod's certificate is given, and refused, by who may sign for its signer. */
const requirePodSigner = (source: RoleSource, user: UserInfo, kind: Kind, object: KubernetesObject, old: KubernetesObject): void => {
  const signerName = textAt(object['spec'], 'signerName');
  if (isSameJson(object['status'], old['status']) || maySign(source, user, 'sign', signerName)) return;
  const problem = `User ${JSON.stringify(user.username)} is not permitted to "sign" for signer ${JSON.stringify(signerName)}`;
  throw invalid(kind, object.metadata.name ?? '', [forbiddenField('spec.signerName', problem)]);
};

const isSigningRequest = ({ group, plural }: Kind): boolean => group === 'certificates.k8s.io' && plural === 'certificatesigningrequests';

/** A client certificate of the cluster's own masters is asked for by nobody, whoever he is. */
const requireSubject = (kind: Kind, object: KubernetesObject): void => {
  if (textAt(object['spec'], 'signerName') !== 'kubernetes.io/kube-apiserver-client') return;
  const { subject } = readCsr(Buffer.from(textAt(object['spec'], 'request'), 'base64'));
  const isMasters = subject.rdns.flat().some(({ type, value }) => type === oid.organization && value === 'system:masters');
  if (isMasters)
    throw forbidden(
      kind,
      object.metadata.name ?? '',
      'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
    );
};

/** Refuses what a write would give away. `part` is the subresource, empty for the object itself. Throws Forbidden. */
export const requireNoEscalation = (
  source: RoleSource,
  user: UserInfo,
  kind: Kind,
  object: KubernetesObject,
  old: KubernetesObject | undefined,
  part: string,
): void => {
  if (isSigningRequest(kind) && old === undefined) requireSubject(kind, object);
  if (isMaster(user)) return;
  if (kind.group === rbacGroup) requireMayGrant(source, user, kind, object, old);
  if (isSigningRequest(kind)) requireSigner(source, user, kind, object, old, part);
  if (kind.group !== 'certificates.k8s.io') return;
  if (kind.plural === 'clustertrustbundles') requireAttester(source, user, kind, object, old);
  if (kind.plural === 'podcertificaterequests' && part === 'status' && old !== undefined) requirePodSigner(source, user, kind, object, old);
};

// The authorizer of admission expressions: whether somebody may do something, asked in steps
// (https://kubernetes.io/docs/reference/using-api/cel/#kubernetes-authorizer-library).

import type { Access } from '../rbac.ts';
import { method, type Overload } from './overload.ts';
import { bool, opaque, string } from './types.ts';
import { Opaque } from './values.ts';

export type AuthorizerAnswer = { readonly allowed: boolean; readonly reason: string };
/** Whether the one who asks may, or a service account in their place. */
export type Authorize = (
  access: Access,
  serviceAccount: { readonly namespace: string; readonly name: string } | undefined,
) => AuthorizerAnswer;

abstract class Step extends Opaque {
  override equals(other: Opaque): boolean {
    return other === this;
  }
}

/** What `authorizer` is. */
export class Authorizer extends Step {
  readonly typeName = 'kubernetes.authorization.Authorizer';
  readonly authorize: Authorize;
  readonly serviceAccount: Parameters<Authorize>[1];
  constructor(authorize: Authorize, serviceAccount?: Parameters<Authorize>[1]) {
    super();
    this.authorize = authorize;
    this.serviceAccount = serviceAccount;
  }
}

class PathCheck extends Step {
  readonly typeName = 'kubernetes.authorization.PathCheck';
  readonly of: Authorizer;
  readonly path: string;
  constructor(of: Authorizer, path: string) {
    super();
    this.of = of;
    this.path = path;
  }
}

class GroupCheck extends Step {
  readonly typeName = 'kubernetes.authorization.GroupCheck';
  readonly of: Authorizer;
  readonly group: string;
  constructor(of: Authorizer, group: string) {
    super();
    this.of = of;
    this.group = group;
  }
}

type Resource = {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
};

/** What `authorizer.requestResource` is too. */
export class ResourceCheck extends Step {
  readonly typeName = 'kubernetes.authorization.ResourceCheck';
  readonly of: Authorizer;
  readonly asked: Resource;
  constructor(of: Authorizer, asked: Resource) {
    super();
    this.of = of;
    this.asked = asked;
  }
  with(more: Partial<Resource>): ResourceCheck {
    return new ResourceCheck(this.of, { ...this.asked, ...more });
  }
}

class Decision extends Step {
  readonly typeName = 'kubernetes.authorization.Decision';
  readonly answer: AuthorizerAnswer;
  constructor(answer: AuthorizerAnswer) {
    super();
    this.answer = answer;
  }
}

export const authorizerType = opaque('kubernetes.authorization.Authorizer');
export const resourceCheckType = opaque('kubernetes.authorization.ResourceCheck');
const [pathCheck, groupCheck, decision] = ['PathCheck', 'GroupCheck', 'Decision'].map((name) =>
  opaque(`kubernetes.authorization.${name}`),
) as [ReturnType<typeof opaque>, ReturnType<typeof opaque>, ReturnType<typeof opaque>];

/** A question looks through every binding. */
const costOfCheck = (): number => 10_000;

export const authorizerLibrary: readonly Overload[] = [
  method('path', [authorizerType, string], pathCheck, (of: Authorizer, path: string) => new PathCheck(of, path)),
  method('group', [authorizerType, string], groupCheck, (of: Authorizer, group: string) => new GroupCheck(of, group)),
  method(
    'serviceAccount',
    [authorizerType, string, string],
    authorizerType,
    (of: Authorizer, namespace: string, name: string) => new Authorizer(of.authorize, { namespace, name }),
  ),
  method(
    'resource',
    [groupCheck, string],
    resourceCheckType,
    ({ of, group }: GroupCheck, resource: string) => new ResourceCheck(of, { group, resource, subresource: '', namespace: '', name: '' }),
  ),
  ...(['subresource', 'namespace', 'name'] as const).map((field) =>
    method(field, [resourceCheckType, string], resourceCheckType, (check: ResourceCheck, value: string) => check.with({ [field]: value })),
  ),
  // RBAC knows no selectors: what it allows, it allows for all.
  ...['fieldSelector', 'labelSelector'].map((name) =>
    method(name, [resourceCheckType, string], resourceCheckType, (check: ResourceCheck) => check),
  ),
  method(
    'check',
    [pathCheck, string],
    decision,
    ({ of, path }: PathCheck, verb: string) => new Decision(of.authorize({ verb, path }, of.serviceAccount)),
    costOfCheck,
  ),
  method(
    'check',
    [resourceCheckType, string],
    decision,
    ({ of, asked }: ResourceCheck, verb: string) => new Decision(of.authorize({ verb, ...asked }, of.serviceAccount)),
    costOfCheck,
  ),
  method('allowed', [decision], bool, ({ answer }: Decision) => answer.allowed),
  method('reason', [decision], string, ({ answer }: Decision) => answer.reason),
  method('errored', [decision], bool, () => false),
  method('error', [decision], string, () => ''),
];

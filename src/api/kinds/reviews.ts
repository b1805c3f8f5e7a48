// Kinds that are asked and answered, and never stored: who am I, may I, whose token is this
// (https://kubernetes.io/docs/reference/kubernetes-api/authorization-resources/ and authentication-resources/).

import { defineKind, type Kind } from '../kind.ts';
import { fieldsAt, type KubernetesObject, listAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue } from '../status.ts';

const review = (group: string, kind: string, plural: string, model: string, changes: Partial<Kind> = {}): Kind =>
  defineKind({ group, version: 'v1', kind, plural, model, isNamespaced: false, verbs: ['create'], nameRule: () => undefined, ...changes });

const authorization = 'authorization.k8s.io';
const authentication = 'authentication.k8s.io';

const attributeProblems = (spec: unknown): readonly FieldProblem[] => {
  const kinds = ['resourceAttributes', 'nonResourceAttributes'].filter((name) => Object.keys(fieldsAt(spec, name)).length > 0);
  const both =
    kinds.length === 2
      ? 'cannot be specified in combination with resourceAttributes'
      : 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
  return kinds.length === 1
    ? []
    : [invalidValue(kinds.length === 2 ? 'spec.nonResourceAttributes' : 'spec.resourceAttributes', null, both)];
};

const subjectProblems = ({ spec }: KubernetesObject): readonly FieldProblem[] => [
  ...attributeProblems(spec),
  ...(textAt(spec, 'user') === '' && listAt(spec, 'groups').length === 0
    ? [invalidValue('spec.user', '', 'at least one of user or group must be specified')]
    : []),
];

export const subjectAccessReviewKind = review(authorization, 'SubjectAccessReview', 'subjectaccessreviews', 'V1SubjectAccessReview', {
  problems: subjectProblems,
});
export const localSubjectAccessReviewKind = review(
  authorization,
  'LocalSubjectAccessReview',
  'localsubjectaccessreviews',
  'V1LocalSubjectAccessReview',
  {
    isNamespaced: true,
    problems: (object) => {
      const wanted = textAt(fieldsAt(object['spec'], 'resourceAttributes'), 'namespace');
      return wanted === (object.metadata.namespace ?? '')
        ? subjectProblems(object)
        : [...subjectProblems(object), invalidValue('spec.resourceAttributes.namespace', wanted, 'must match metadata.namespace')];
    },
  },
);
export const selfSubjectAccessReviewKind = review(
  authorization,
  'SelfSubjectAccessReview',
  'selfsubjectaccessreviews',
  'V1SelfSubjectAccessReview',
  { problems: ({ spec }) => attributeProblems(spec) },
);
export const selfSubjectRulesReviewKind = review(
  authorization,
  'SelfSubjectRulesReview',
  'selfsubjectrulesreviews',
  'V1SelfSubjectRulesReview',
);
export const selfSubjectReviewKind = review(authentication, 'SelfSubjectReview', 'selfsubjectreviews', 'V1SelfSubjectReview');
export const tokenReviewKind = review(authentication, 'TokenReview', 'tokenreviews', 'V1TokenReview');
/** What is sent to `serviceaccounts/token`; it has no path of its own. */
export const tokenRequestKind = review(authentication, 'TokenRequest', 'tokenrequests', 'AuthenticationV1TokenRequest');

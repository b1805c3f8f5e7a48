// Every kind that is served without a definition of its own. To add one: write its file, add it here.

import type { Kind } from '../kind.ts';
import { admissionPolicyBindingKind, admissionPolicyKind } from './admission-policy.ts';
import { certificateSigningRequestKind } from './certificate-signing-request.ts';
import { clusterTrustBundleKind } from './cluster-trust-bundle.ts';
import { configMapKind } from './config-map.ts';
import { customResourceDefinitionKind } from './custom-resource-definition.ts';
import { endpointSliceKind, endpointsKind } from './endpoints.ts';
import { eventKind, newEventKind } from './event.ts';
import { leaseKind } from './lease.ts';
import { namespaceKind } from './namespace.ts';
import { ingressClassKind, ingressKind } from './network.ts';
import { podKind } from './pod.ts';
import { podCertificateRequestKind } from './pod-certificate-request.ts';
import { clusterRoleBindingKind, clusterRoleKind, roleBindingKind, roleKind } from './rbac.ts';
import { apiServiceKind } from './registration.ts';
import {
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectReviewKind,
  selfSubjectRulesReviewKind,
  subjectAccessReviewKind,
  tokenReviewKind,
} from './reviews.ts';
import { secretKind } from './secret.ts';
import { serviceKind } from './service.ts';
import { serviceAccountKind } from './service-account.ts';
import { mutatingWebhookConfigurationKind, validatingWebhookConfigurationKind } from './webhook-configuration.ts';
import { controllerRevisionKind, deploymentKind, nodeKind, replicaSetKind, statefulSetKind } from './workload.ts';

export const builtInKinds: readonly Kind[] = [
  namespaceKind,
  configMapKind,
  secretKind,
  serviceAccountKind,
  eventKind,
  newEventKind,
  leaseKind,
  certificateSigningRequestKind,
  nodeKind,
  podKind,
  serviceKind,
  endpointsKind,
  deploymentKind,
  statefulSetKind,
  replicaSetKind,
  controllerRevisionKind,
  ingressKind,
  ingressClassKind,
  endpointSliceKind,
  apiServiceKind,
  clusterTrustBundleKind,
  podCertificateRequestKind,
  customResourceDefinitionKind,
  mutatingWebhookConfigurationKind,
  validatingWebhookConfigurationKind,
  admissionPolicyKind,
  admissionPolicyBindingKind,
  roleKind,
  clusterRoleKind,
  roleBindingKind,
  clusterRoleBindingKind,
  subjectAccessReviewKind,
  localSubjectAccessReviewKind,
  selfSubjectAccessReviewKind,
  selfSubjectRulesReviewKind,
  selfSubjectReviewKind,
  tokenReviewKind,
];

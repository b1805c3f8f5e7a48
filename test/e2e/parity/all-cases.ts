// Every case of the parity suite, and those that a server for custom resources alone can be asked.

import { admissionPolicyCases } from './admission-policy-cases.ts';
import { applyCases } from './apply-cases.ts';
import { celCases } from './cel-cases.ts';
import { certificateRequestCases } from './certificate-request-cases.ts';
import { customResourceCases } from './custom-resource-cases.ts';
import { deleteCases } from './delete-cases.ts';
import { discoveryCases } from './discovery-cases.ts';
import { eventCases } from './event-cases.ts';
import { identityCases } from './identity-cases.ts';
import { listCases } from './list-cases.ts';
import type { ParityCase } from './parity-case.ts';
import { podCertificateCases } from './pod-certificate-cases.ts';
import { scaleCases } from './scale-cases.ts';
import { watchCases } from './watch-cases.ts';
import { webhookCases } from './webhook-cases.ts';
import { workloadCases } from './workload-cases.ts';
import { writeCases } from './write-cases.ts';

/** Of custom resources: also asked of the current server, except where they say why not. */
export const customCases: readonly ParityCase[] = [...customResourceCases, ...celCases, ...scaleCases.filter(({ id }) => id === 'C109')];

export const allCases: readonly ParityCase[] = [
  ...discoveryCases,
  ...listCases,
  ...watchCases,
  ...writeCases,
  ...applyCases,
  ...deleteCases,
  ...certificateRequestCases,
  ...identityCases,
  ...customCases,
  ...workloadCases,
  ...eventCases,
  ...scaleCases.filter(({ id }) => id !== 'C109'),
  ...podCertificateCases,
  ...webhookCases,
  ...admissionPolicyCases,
];

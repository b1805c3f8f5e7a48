// Lease (https://kubernetes.io/docs/reference/kubernetes-api/cluster-resources/lease-v1/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind } from '../kind.ts';
import { fieldsAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue } from '../status.ts';

export const leaseKind = defineKind({
  group: 'coordination.k8s.io',
  version: 'v1',
  kind: 'Lease',
  plural: 'leases',
  model: 'V1Lease',
  isNamespaced: true,
  allowsUnconditionalUpdate: false,
  createsOnUpdate: true,
  columns: [nameColumn, text('Holder', (object) => textAt(object['spec'], 'holderIdentity')), ageColumn],
  problems: (object): readonly FieldProblem[] => {
    const spec = fieldsAt(object, 'spec');
    return [
      ...(['leaseDurationSeconds', 'leaseTransitions'] as const).flatMap((field) => {
        const value = spec[field];
        const least = field === 'leaseDurationSeconds' ? 1 : 0;
        return typeof value === 'number' && value < least
          ? [invalidValue(`spec.${field}`, value, `must be greater than ${least === 1 ? '' : 'or equal to '}0`)]
          : [];
      }),
    ];
  },
});

// What others register with the API server: APIService, as a stored object; nothing is aggregated
// (https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/).

import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, statusSubresource } from '../kind.ts';
import { segmentName } from '../metadata.ts';
import { fieldsAt, listAt, textAt } from '../object.ts';
import { invalidValue } from '../status.ts';

export const apiServiceKind = defineKind({
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  plural: 'apiservices',
  model: 'V1APIService',
  isNamespaced: false,
  nameRule: segmentName,
  columns: [
    nameColumn,
    text('Service', (object) => {
      const service = fieldsAt(fieldsAt(object, 'spec'), 'service');
      return textAt(service, 'name') === '' ? 'Local' : `${textAt(service, 'namespace')}/${textAt(service, 'name')}`;
    }),
    text(
      'Available',
      (object) =>
        textAt(
          listAt(object['status'], 'conditions').find((each) => textAt(each, 'type') === 'Available'),
          'status',
        ) || 'Unknown',
    ),
    ageColumn,
  ],
  subresources: [statusSubresource()],
  problems: (object) => {
    const wanted = `${textAt(object['spec'], 'version')}.${textAt(object['spec'], 'group')}`;
    return object.metadata.name === wanted
      ? []
      : [invalidValue('metadata.name', object.metadata.name, `must be \`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`)];
  },
});

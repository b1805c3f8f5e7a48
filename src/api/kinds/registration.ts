// What others register with the API server: webhooks, aggregated APIs, bundles of trust
// (https://kubernetes.io/docs/reference/kubernetes-api/extend-resources/ and authentication-resources/cluster-trust-bundle-v1beta1/).

import { isCodedError } from '../../base/coded-error.ts';
import { parseTrustBundle } from '../../pki/trust-bundle.ts';
import { ageColumn, nameColumn, text } from '../column.ts';
import { defineKind, statusSubresource } from '../kind.ts';
import { segmentName } from '../metadata.ts';
import { fieldsAt, type KubernetesObject, listAt, textAt } from '../object.ts';
import { type FieldProblem, invalidValue, required } from '../status.ts';

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

const bundleProblems = (object: KubernetesObject): readonly FieldProblem[] => {
  const signerName = textAt(object['spec'], 'signerName');
  const name = object.metadata.name ?? '';
  const problems: FieldProblem[] = [];
  const prefix = `${signerName.replaceAll('/', ':')}:`;
  if (signerName !== '' && !name.startsWith(prefix))
    problems.push(
      invalidValue('metadata.name', name, `ClusterTrustBundle for signerName ${signerName} must be named with prefix ${prefix}`),
    );
  if (signerName === '' && name.includes(':'))
    problems.push(invalidValue('metadata.name', name, 'ClusterTrustBundle without signer name must not have ":" in its name'));
  const bundle = textAt(object['spec'], 'trustBundle');
  if (bundle === '') return [...problems, required('spec.trustBundle')];
  try {
    parseTrustBundle(Buffer.from(bundle), { what: 'spec.trustBundle', onlyCas: true });
    return problems;
  } catch (error) {
    if (!isCodedError(error)) throw error;
    return [...problems, invalidValue('spec.trustBundle', '<value omitted>', error.message)];
  }
};

export const clusterTrustBundleKind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1beta1',
  kind: 'ClusterTrustBundle',
  plural: 'clustertrustbundles',
  model: 'V1beta1ClusterTrustBundle',
  isNamespaced: false,
  nameRule: segmentName,
  selectable: { 'spec.signerName': (object) => textAt(object['spec'], 'signerName') },
  columns: [nameColumn, text('SignerName', (object) => textAt(object['spec'], 'signerName') || '<none>'), ageColumn],
  problems: bundleProblems,
  changeProblems: (object, old) =>
    textAt(object['spec'], 'signerName') === textAt(old['spec'], 'signerName')
      ? []
      : [invalidValue('spec.signerName', textAt(object['spec'], 'signerName'), 'field is immutable')],
});

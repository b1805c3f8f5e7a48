// What a pod gets from its service account: secrets to pull images with, and a volume with a token, the cluster's CA and the namespace's name
// (https://kubernetes.io/docs/concepts/security/service-accounts/#assign-to-pod).

import { type Fields, fieldsAt, isFields, type KubernetesObject, listAt, textAt } from '../object.ts';

const mountPath = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Seven seconds over the hour, by which kubelets tell these tokens from others. */
const tokenSeconds = 3607;
const letters = 'bcdfghjklmnpqrstvwxz2456789';

export const accountOf = (spec: Fields): string => textAt(spec, 'serviceAccountName') || textAt(spec, 'serviceAccount') || 'default';

/** A name that follows from the pod's uid, in the manner of generated ones. */
const volumeName = ({ metadata: { uid = '' } }: KubernetesObject): string => {
  const octets = [...Buffer.from(uid.replaceAll('-', '').slice(-10), 'hex')];
  return `kube-api-access-${octets.map((octet) => letters[octet % letters.length]).join('')}`;
};

const tokenVolume = (name: string): Fields => ({
  name,
  projected: {
    defaultMode: 0o644,
    sources: [
      { serviceAccountToken: { expirationSeconds: tokenSeconds, path: 'token' } },
      { configMap: { items: [{ key: 'ca.crt', path: 'ca.crt' }], name: 'kube-root-ca.crt' } },
      { downwardAPI: { items: [{ fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' }, path: 'namespace' }] } },
    ],
  },
});

const hasMount = (container: unknown): boolean =>
  listAt(container, 'volumeMounts').some((mount) => textAt(mount, 'mountPath') === mountPath);

/** A new pod with what it has from its account. */
export const withAccount = (pod: KubernetesObject, account: KubernetesObject): KubernetesObject => {
  const spec = fieldsAt(pod, 'spec');
  const pullSecrets = listAt(account, 'imagePullSecrets');
  const pulling =
    listAt(spec, 'imagePullSecrets').length === 0 && pullSecrets.length > 0 ? { ...spec, imagePullSecrets: pullSecrets } : spec;
  const mounts = spec['automountServiceAccountToken'] ?? account['automountServiceAccountToken'] ?? true;
  const lists = ['containers', 'initContainers'].filter((name) => listAt(spec, name).length > 0);
  if (mounts !== true || lists.flatMap((name) => listAt(spec, name)).every(hasMount)) return { ...pod, spec: pulling };
  const name = volumeName(pod);
  const mounted = (container: unknown): unknown =>
    isFields(container) && !hasMount(container)
      ? { ...container, volumeMounts: [...listAt(container, 'volumeMounts'), { name, mountPath, readOnly: true }] }
      : container;
  return {
    ...pod,
    spec: {
      ...pulling,
      ...Object.fromEntries(lists.map((list) => [list, listAt(spec, list).map(mounted)])),
      volumes: [...listAt(spec, 'volumes'), tokenVolume(name)],
    },
  };
};

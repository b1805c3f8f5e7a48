// Lists that a strategic merge patch merges instead of replacing, by the model and field that hold them: the key by which entries are told
// apart, or `set` where the entries are plain values
// (https://kubernetes.io/docs/reference/kubernetes-api/, "Patch strategy" and "Patch merge key").

const keys: Readonly<Record<string, string>> = {
  'V1ObjectMeta.ownerReferences': 'uid',
  'V1ObjectMeta.finalizers': 'set',
  'V1PodSpec.containers': 'name',
  'V1PodSpec.initContainers': 'name',
  'V1PodSpec.ephemeralContainers': 'name',
  'V1PodSpec.volumes': 'name',
  'V1PodSpec.imagePullSecrets': 'name',
  'V1PodSpec.hostAliases': 'ip',
  'V1PodSpec.topologySpreadConstraints': 'topologyKey',
  'V1Container.env': 'name',
  'V1Container.ports': 'containerPort',
  'V1Container.volumeMounts': 'mountPath',
  'V1Container.volumeDevices': 'devicePath',
  'V1ServiceAccount.secrets': 'name',
  'V1ServiceSpec.ports': 'port',
  'V1PodStatus.conditions': 'type',
  'V1PodStatus.podIPs': 'ip',
  'V1DeploymentStatus.conditions': 'type',
  'V1StatefulSetStatus.conditions': 'type',
  'V1ReplicaSetStatus.conditions': 'type',
  'V1beta1PodCertificateRequestStatus.conditions': 'type',
  'V1NamespaceStatus.conditions': 'type',
  'V1ServiceStatus.conditions': 'type',
  'V1NodeStatus.conditions': 'type',
  'V1NodeStatus.addresses': 'type',
  'V1NodeSpec.podCIDRs': 'set',
};

/** The key of a list, `set` for one of plain values, undefined where a patch replaces the whole list. */
export const mergeKey = (model: string | undefined, field: string): string | undefined => keys[`${model}.${field}`];

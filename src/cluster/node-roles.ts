// What a machine of a plan may be, and what follows from it.
// Not here: which certificates a role gets; that is the layout's (kismatic-layout.ts, kubeadm-layout.ts).

/** The node groups of a plan file, in the order in which machines are listed. */
export const nodeRoles = ['etcd', 'master', 'worker', 'ingress', 'storage'] as const;

/** One node group of a plan file. */
export type NodeRole = (typeof nodeRoles)[number];

/** A component that must be restarted, by name, once a file it reads at start has changed. */
export type Component = 'etcd' | 'kube-apiserver' | 'kube-controller-manager' | 'kube-scheduler' | 'kubelet' | 'calico' | 'contiv-proxy';

/** Whether machines of this role run a kubelet: all but etcd's own. */
export const runsKubelet = (role: NodeRole): boolean => role !== 'etcd';

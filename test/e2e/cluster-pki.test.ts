// The PKI of a whole cluster under a real control plane, in both layouts, on our own CAs and on given intermediates.

import { clusterPkiContract } from './cluster-pki.contract.ts';

clusterPkiContract('layout kismatic', { layout: 'kismatic' });
clusterPkiContract('layout kubeadm', { layout: 'kubeadm' });

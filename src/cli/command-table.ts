// Every command with its sentence, in the order of help. A command's file is loaded when the command is chosen, and not before.

import type { CommandRow, GroupRow } from './command.ts';

export const groupRows: readonly GroupRow[] = [
  { path: ['cluster'], summary: "A cluster's own PKI, from one plan file" },
  { path: ['certificates'], summary: 'Client certificates for people and machines of a cluster' },
  { path: ['pki'], summary: 'Keys, requests, certificates and keystores in files: no cluster needed' },
  { path: ['pki', 'crl'], summary: 'Certificate revocation lists' },
  { path: ['pki', 'keystore'], summary: 'PKCS#12 and JKS keystores' },
];

export const commandRows: readonly CommandRow[] = [
  {
    path: ['up'],
    summary: 'A Kubernetes API on this machine, no cluster needed',
    load: async () => (await import('./up.ts')).defineUp,
  },
  {
    path: ['up', 'backup'],
    summary: "Back up the server's store and certificates, also while it runs",
    load: async () => (await import('./up-backup.ts')).defineUpBackup,
  },
  {
    path: ['up', 'restore'],
    summary: 'Restore the server from a backup',
    load: async () => (await import('./up-restore.ts')).defineUpRestore,
  },
  {
    path: ['cluster', 'init'],
    summary: 'Write a commented plan to edit',
    load: async () => (await import('./cluster-init.ts')).defineClusterInit,
  },
  {
    path: ['cluster', 'generate'],
    summary: "Make a plan's whole PKI, or what is missing of it",
    load: async () => (await import('./cluster-generate.ts')).defineClusterGenerate,
  },
  {
    path: ['cluster', 'check'],
    summary: 'Tell when what expires, and what differs from the plan',
    load: async () => (await import('./cluster-check.ts')).defineClusterCheck,
  },
  {
    path: ['cluster', 'renew'],
    summary: 'Renew leaves from the plan, with new keys',
    load: async () => (await import('./cluster-renew.ts')).defineClusterRenew,
  },
  {
    path: ['cluster', 'adopt'],
    summary: 'Read an existing directory of certificates into a plan',
    load: async () => (await import('./cluster-adopt.ts')).defineClusterAdopt,
  },
  {
    path: ['cluster', 'bundle'],
    summary: 'Pack the files that one machine needs',
    load: async () => (await import('./cluster-bundle.ts')).defineClusterBundle,
  },
  {
    path: ['cluster', 'kubeconfig'],
    summary: 'Write a kubeconfig for a certificate that is there',
    load: async () => (await import('./cluster-kubeconfig.ts')).defineClusterKubeconfig,
  },
  {
    path: ['certificates', 'generate'],
    summary: 'Make a certificate with which someone logs in to the cluster',
    load: async () => (await import('./certificates-generate.ts')).defineCertificatesGenerate,
  },
  {
    path: ['pki', 'genkey'],
    summary: 'Make a private key',
    load: async () => (await import('./pki-genkey.ts')).definePkiGenkey,
  },
  {
    path: ['pki', 'gencsr'],
    summary: 'Make a certificate request, and its key where there is none',
    load: async () => (await import('./pki-gencsr.ts')).definePkiGencsr,
  },
  {
    path: ['pki', 'sign'],
    summary: 'Sign a certificate request with a CA, or with its own key',
    load: async () => (await import('./pki-sign.ts')).definePkiSign,
  },
  {
    path: ['pki', 'verify'],
    summary: 'Verify certificates against a CA, for a purpose and a host',
    load: async () => (await import('./pki-verify.ts')).definePkiVerify,
  },
  {
    path: ['pki', 'bundle'],
    summary: 'Join, sift and sort certificates into one bundle or chain',
    load: async () => (await import('./pki-bundle.ts')).definePkiBundle,
  },
  {
    path: ['pki', 'crl', 'create'],
    summary: "Make a CA's next revocation list from its ledger",
    load: async () => (await import('./pki-crl-create.ts')).definePkiCrlCreate,
  },
  {
    path: ['pki', 'crl', 'show'],
    summary: 'Show a revocation list, and whether it may be believed',
    load: async () => (await import('./pki-crl-show.ts')).definePkiCrlShow,
  },
  {
    path: ['pki', 'revoke'],
    summary: 'Withdraw certificates, on record in the ledger of their CA',
    load: async () => (await import('./pki-revoke.ts')).definePkiRevoke,
  },
  {
    path: ['pki', 'inspect'],
    summary: 'Show what keys, certificates, requests, lists, keystores and kubeconfigs say',
    load: async () => (await import('./pki-inspect.ts')).definePkiInspect,
    loadPlain: async () => {
      const { inspectFiles } = await import('./inspect-files.ts');
      return (files, io) => inspectFiles(io, files, { output: 'text' });
    },
  },
  {
    path: ['pki', 'keystore', 'create'],
    summary: 'Make a keystore of a key with its chain, and of certificates to trust',
    load: async () => (await import('./pki-keystore-create.ts')).definePkiKeystoreCreate,
  },
  {
    path: ['pki', 'keystore', 'list'],
    summary: 'List the entries of a keystore',
    load: async () => (await import('./pki-keystore-list.ts')).definePkiKeystoreList,
  },
  {
    path: ['pki', 'keystore', 'convert'],
    summary: 'Write a keystore in another format, profile or password, or as PEM',
    load: async () => (await import('./pki-keystore-convert.ts')).definePkiKeystoreConvert,
  },
  {
    path: ['completion'],
    summary: 'Print the completion script of a shell',
    load: async () => (await import('./completion-command.ts')).defineCompletion,
  },
];

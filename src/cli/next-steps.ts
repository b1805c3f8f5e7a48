// What a person does once files are written: which goes where, what reads it, what must be restarted, and what revocation does not do. Pure;
// the words of flags are those of the components' own documentation.

import type { ClusterManifest, PlannedCertificate } from '../cluster/manifest.ts';
import { type Renewal, restartsFor } from '../cluster/renew.ts';
import { shellWord } from './shell-word.ts';

/** One thing to do, with the lines to type or to look up. */
export type NextStep = { readonly title: string; readonly lines: readonly string[] };

const kismaticReaders: readonly string[] = [
  'etcd                     --cert-file, --peer-cert-file HOST-etcd.pem; --trusted-ca-file, --peer-trusted-ca-file ca.pem',
  'kube-apiserver           --tls-cert-file HOST-apiserver.pem; --client-ca-file, --etcd-cafile, --kubelet-certificate-authority ca.pem',
  '                         --etcd-certfile etcd-client.pem; --kubelet-client-certificate apiserver-kubelet-client.pem',
  '                         --requestheader-client-ca-file proxy-client-ca.pem; --proxy-client-cert-file proxy-client.pem',
  '                         --service-account-key-file, --service-account-signing-key-file service-account-key.pem',
  'kube-controller-manager  kubeconfig with kube-controller-manager.pem; --service-account-private-key-file service-account-key.pem; --root-ca-file ca.pem',
  'kube-scheduler           kubeconfig with kube-scheduler.pem',
  'kubelet                  kubeconfig and tlsCertFile with HOST-kubelet.pem; authentication.x509.clientCAFile ca.pem',
  'calico                   etcd with etcd-client.pem and ca.pem',
];

const kubeadmReaders: readonly string[] = [
  'kubeadm finds every file under its own name: `kubeadm init phase certs all` and `kubeadm init phase kubeconfig all` keep what is there.',
];

/** At most this many machines are named one by one. */
const maxHosts = 12;

const hostList = (hosts: readonly string[]): string =>
  hosts.length <= maxHosts ? hosts.join(', ') : `${hosts.slice(0, maxHosts).join(', ')} and ${hosts.length - maxHosts} more`;

/** `--out` and `-f` where they are not the usual ones, for commands that are printed. */
export type CommandFlags = { readonly planFile: string; readonly out: string; readonly programName: string };

const placeFlags = ({ planFile, out }: CommandFlags): string =>
  `${planFile === 'kismatic-cluster.yaml' ? '' : ` -f ${shellWord(planFile)}`}${out === 'generated' ? '' : ` --out ${shellWord(out)}`}`;

/** The step for what a CA elsewhere has to sign; none where nothing was requested. */
export const requestSteps = (
  requests: readonly { readonly file: string; readonly answer: string }[],
  flags: CommandFlags,
): readonly NextStep[] =>
  requests.length === 0
    ? []
    : [
        {
          title: 'Have these signed by the CA, each into its file; the machines go on with what they have until then',
          lines: [
            ...requests.slice(0, maxHosts).map(({ file, answer }) => `${file} -> ${answer}`),
            ...(requests.length > maxHosts ? [`and ${requests.length - maxHosts} more`] : []),
          ],
        },
        { title: 'Pick them up', lines: [`${flags.programName} cluster generate${placeFlags(flags)}`] },
      ];

/** The step that names what to restart; none where nothing reads the new files at start. */
export const restartSteps = (restarts: Renewal['restarts']): readonly NextStep[] => {
  const hosts = new Map<string, string[]>();
  for (const { host, components } of restarts)
    for (const component of components) hosts.set(component, [...(hosts.get(component) ?? []), host]);
  return hosts.size === 0
    ? []
    : [
        {
          title: 'Copy the new files to their machines and restart what reads them, one machine after the other',
          lines: [...hosts].map(([component, names]) => `${component.padEnd(24)} on ${hostList(names)}`),
        },
      ];
};

const revocation: NextStep = {
  title: 'Know what revocation does not do',
  lines: [
    'kube-apiserver reads no revocation list: a leaked client certificate lets in until it ends. Remove its role bindings, or change the CA.',
  ],
};

/** With a root above the CA there are two things to believe in, and mixing them up lets every other CA of that root hand out logins. */
const trustRootLines: readonly string[] = [
  'what checks servers (--etcd-cafile, --kubelet-certificate-authority, --root-ca-file) may read server-trust.pem or .crt, with the root above',
  'what checks clients (--client-ca-file, --requestheader-client-ca-file, --trusted-ca-file, --peer-trusted-ca-file) never does',
];

const distribution = (
  manifest: ClusterManifest,
  hasTrustRoot: boolean,
  caKeys: readonly string[],
  flags: CommandFlags,
): readonly NextStep[] => {
  const hosts = manifest.machines.map(({ host }) => host);
  const [first = 'HOST'] = hosts;
  const isKubeadm = manifest.layout === 'kubeadm';
  const keeping: NextStep = {
    title: isKubeadm
      ? 'Keep the keys of the CAs here; masters need them only where kube-controller-manager signs (cluster bundle --ca-keys=masters)'
      : 'Keep the keys of the CAs here; no machine needs them',
    lines: caKeys.map((keyFile) => `${flags.out}/${keyFile}`),
  };
  return [
    ...(caKeys.length === 0 ? [] : [keeping]),
    {
      title: isKubeadm ? 'Copy each machine its own tree to /etc/kubernetes' : 'Give each machine its own files, in /etc/kubernetes/pki',
      lines: [
        `${flags.programName} cluster bundle --node ${first}${placeFlags(flags)} --archive - | ssh ${first} sudo tar -xzf - -C /etc/kubernetes`,
        `machines: ${hostList(hosts)}`,
      ],
    },
    {
      title: 'Point the components at them',
      lines: [...(isKubeadm ? kubeadmReaders : kismaticReaders), ...(hasTrustRoot ? trustRootLines : [])],
    },
  ];
};

const firstContact = (manifest: ClusterManifest, flags: CommandFlags): readonly NextStep[] => {
  if (manifest.layout === 'kismatic')
    return [
      {
        title: 'Look at the cluster as its administrator',
        lines: [`kubectl --kubeconfig ${shellWord(`${flags.out}/kubeconfig`)} get nodes`],
      },
    ];
  const master = manifest.machines.find(({ roles }) => roles.includes('master'))?.host ?? 'HOST';
  return [
    {
      title: 'Bind the administrators once, with super-admin.conf, then put that file away',
      lines: [
        `kubectl --kubeconfig ${shellWord(`${flags.out}/${master}/super-admin.conf`)} create clusterrolebinding kubeadm:cluster-admins --clusterrole=cluster-admin --group=kubeadm:cluster-admins`,
        `kubectl --kubeconfig ${shellWord(`${flags.out}/${master}/admin.conf`)} get nodes`,
      ],
    },
  ];
};

/** What to do after generating: everything for a new directory, else what concerns the files that were replaced. */
export const generateSteps = (
  manifest: ClusterManifest,
  {
    isNew,
    hasTrustRoot,
    caKeys,
    replaced,
    flags,
  }: {
    readonly isNew: boolean;
    readonly hasTrustRoot: boolean;
    /** Files of CA keys that are here, below the directory. */
    readonly caKeys: readonly string[];
    readonly replaced: readonly PlannedCertificate[];
    readonly flags: CommandFlags;
  },
): readonly NextStep[] => {
  const people: NextStep = {
    title: 'Let people in',
    lines: [
      `${flags.programName} certificates generate alice --organizations dev --kubeconfig${flags.out === 'generated' ? '' : ` --generated-assets-dir ${shellWord(flags.out)}`}`,
    ],
  };
  if (isNew) return [...distribution(manifest, hasTrustRoot, caKeys, flags), ...firstContact(manifest, flags), people, revocation];
  return restartSteps(restartsFor(manifest, replaced));
};

/** Steps as text, numbered. */
export const stepsText = (steps: readonly NextStep[]): string =>
  steps.length === 0
    ? ''
    : `\nNext steps\n${steps.map(({ title, lines }, i) => `${i + 1}. ${title}:\n${lines.map((line) => `     ${line}\n`).join('')}`).join('')}`;

// What adopting learnt of a cluster, as the YAML of a plan: known values as they are, guesses with a comment that begins with CHECK, and
// what cannot be known with one and a value that has to be replaced.

/** A value and, where it is not certain, why. */
export type Learnt<T> = { readonly value: T; readonly doubt?: string | undefined };

export type AdoptedMachine = {
  readonly host: string;
  readonly ip: Learnt<string>;
  readonly internalIp?: string | undefined;
  readonly roles: readonly ('etcd' | 'master' | 'worker')[];
  readonly extraSans: readonly string[];
  /** What is not certain about its roles. */
  readonly doubt?: string | undefined;
};

export type AdoptedPlan = {
  /** What the plan was made from, for its first line. */
  readonly source: string;
  readonly clusterName: Learnt<string>;
  readonly serviceCidr: Learnt<string>;
  readonly podCidr: Learnt<string>;
  readonly expiryHours: Learnt<number>;
  readonly caExpiryHours: Learnt<number>;
  readonly extraSans: readonly string[];
  readonly keyAlgorithm: Learnt<string>;
  readonly layout: 'kismatic' | 'kubeadm';
  readonly clusterDomain: Learnt<string>;
  readonly cniProvider: Learnt<string>;
  readonly loadBalancer: Learnt<string>;
  readonly machines: readonly AdoptedMachine[];
};

const yamlText = (text: string): string =>
  /^[A-Za-z][A-Za-z0-9-]*$/.test(text) && !/^(?:true|false|null|yes|no|on|off|y|n)$/i.test(text) ? text : JSON.stringify(text);

/** A comment holds no line break, whatever a certificate said. */
const comment = (text: string): string => text.replace(/\p{Cc}+/gu, ' ');

const line = (indent: number, key: string, { value, doubt }: Learnt<string | number>, suffix = ''): string => {
  const blanks = ' '.repeat(indent);
  const check = doubt === undefined ? '' : `${blanks}# CHECK: ${comment(doubt)}\n`;
  return `${check}${blanks}${key}: ${typeof value === 'number' ? value : yamlText(value)}${suffix}\n`;
};

const nodeText = ({ host, ip, internalIp, extraSans, doubt }: AdoptedMachine): string =>
  [
    ...(doubt === undefined ? [] : [`    # CHECK: ${comment(doubt)}\n`]),
    `    - host: ${yamlText(host)}\n`,
    line(6, 'ip', ip),
    `      internalip: ${JSON.stringify(internalIp ?? '')}\n`,
    ...(extraSans.length === 0 ? [] : [`      certwright:\n        extra_sans: ${JSON.stringify(extraSans)}\n`]),
  ].join('');

const groupText = (group: string, machines: readonly AdoptedMachine[], extra = ''): string => {
  const none = machines.length === 0 ? ' []\n' : '\n';
  return `${group}:\n  expected_count: ${machines.length}\n${extra}  nodes:${none}${machines.map(nodeText).join('')}`;
};

/** The YAML of an adopted plan. */
export const adoptedPlanText = (plan: AdoptedPlan): string => {
  const inGroup = (role: AdoptedMachine['roles'][number]) => plan.machines.filter(({ roles }) => roles.includes(role));
  return [
    `# A plan read from ${comment(plan.source)}.\n`,
    '# Lines after CHECK are guesses: compare them with the cluster before you generate anything.\n',
    'cluster:\n',
    line(2, 'name', plan.clusterName),
    '  networking:\n',
    line(4, 'pod_cidr_block', plan.podCidr),
    line(4, 'service_cidr_block', plan.serviceCidr),
    '  certificates:\n',
    line(4, 'expiry', { ...plan.expiryHours, value: `${plan.expiryHours.value}h` }),
    line(4, 'ca_expiry', { ...plan.caExpiryHours, value: `${plan.caExpiryHours.value}h` }),
    `    apiserver_cert_extra_sans: ${JSON.stringify(plan.extraSans.join(','))}\n`,
    '  certwright:\n',
    line(4, 'key_algorithm', plan.keyAlgorithm),
    `    layout: ${plan.layout}\n`,
    line(4, 'cluster_domain', plan.clusterDomain),
    'add_ons:\n  cni:\n',
    line(4, 'provider', plan.cniProvider),
    groupText('etcd', inGroup('etcd')),
    groupText('master', inGroup('master'), line(2, 'load_balancer', plan.loadBalancer)),
    groupText('worker', inGroup('worker')),
    'ingress:\n  expected_count: 0\n  nodes: []\n',
    'storage:\n  expected_count: 0\n  nodes: []\n',
  ].join('');
};

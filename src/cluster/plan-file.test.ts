import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { repositoryRoot } from '../testing/golden.ts';
import { runs, seed } from '../testing/runs.ts';
import type { Plan, PlanFinding } from './plan.ts';
import { findingLine, parsePlan } from './plan-file.ts';

const base = `cluster:
  name: kubernetes
  networking:
    pod_cidr_block: 172.16.0.0/16
    service_cidr_block: 172.20.0.0/16
  certificates:
    expiry: 17520h
    ca_expiry: 87600h
    apiserver_cert_extra_sans: ""
  certwright: {}
etcd:
  expected_count: 1
  nodes:
    - host: etcd1
      ip: 10.0.0.1
master:
  expected_count: 1
  load_balancer: api.example.com:6443
  nodes:
    - host: master1
      ip: 10.0.0.2
worker:
  expected_count: 1
  nodes:
    - host: worker1
      ip: 10.0.0.3
`;

/** The base plan with one piece of text replaced, which must be there. */
const changed = (from: string, to: string, text = base): string => {
  assert.ok(text.includes(from), `the plan has no ${JSON.stringify(from)}`);
  return text.replace(from, () => to);
};

const parse = (text: string): Plan => parsePlan(text, 'plan.yaml');

const problemsOf = (text: string): readonly PlanFinding[] => {
  try {
    parse(text);
  } catch (error) {
    assert.ok(isCodedError(error), `${error}`);
    assert.equal(error.code, 'PlanInvalid');
    return error.details?.['problems'] as readonly PlanFinding[];
  }
  return assert.fail('the plan was accepted');
};

const linesOf = (text: string): readonly string[] =>
  problemsOf(text).map((problem) => `${problem.line} ${problem.field}: ${problem.message}`);

describe('a plan that is right', () => {
  test('is read with every default filled in', () => {
    assert.deepEqual(parse(changed('  certwright: {}\n', '')), {
      fileName: 'plan.yaml',
      clusterName: 'kubernetes',
      podCidr: '172.16.0.0/16',
      serviceCidrs: ['172.20.0.0/16'],
      serviceIps: ['172.20.0.1'],
      dnsServiceIp: '172.20.0.2',
      expiryMs: 17_520 * 3_600_000,
      caExpiryMs: 87_600 * 3_600_000,
      apiServerExtraSans: [],
      loadBalancer: { host: 'api.example.com', port: 6443 },
      clusterDomain: 'cluster.local',
      layout: 'kismatic',
      keyAlgorithm: 'ecdsa-p256',
      cniProvider: 'calico',
      machines: [
        { host: 'etcd1', ip: '10.0.0.1', roles: ['etcd'], extraSans: [] },
        { host: 'master1', ip: '10.0.0.2', roles: ['master'], extraSans: [] },
        { host: 'worker1', ip: '10.0.0.3', roles: ['worker'], extraSans: [] },
      ],
      warnings: [],
    });
  });

  test('may have keys that say nothing about certificates, whatever they hold', () => {
    const plan = parse(`${base}docker: [1, {a: b}]\nnfs:\n  nfs_volume: &x {deep: [*x2]}\n`.replace('*x2', 'true'));
    assert.equal(plan.machines.length, 3);
  });

  test('is the example of three masters, to the last key of a Kismatic plan', () => {
    const plan = parse(readFileSync(`${repositoryRoot}/examples/three-masters.yaml`, 'utf8'));
    assert.deepEqual(
      plan.machines.map(({ host, roles }) => `${host} ${roles.join('+')}`),
      ['etcd1 etcd', 'etcd2 etcd', 'etcd3 etcd', 'master1 master', 'master2 master', 'master3 master'].concat([
        'worker1 worker+ingress',
        'worker2 worker+ingress',
        'worker3 worker',
      ]),
    );
    assert.deepEqual(plan.apiServerExtraSans, ['kubernetes.example.com', '203.0.113.10']);
    assert.deepEqual(plan.warnings, []);
  });

  test('may have Windows line ends and a byte order mark', () => {
    assert.equal(parse(`\ufeff${base.replaceAll('\n', '\r\n')}`).clusterName, 'kubernetes');
  });

  test('may share values by aliases and merges, as Kismatic reads them', () => {
    const text = changed(
      '    - host: worker1\n      ip: 10.0.0.3\n',
      '    - <<: *machine\n',
      changed('    - host: master1', '    - &machine\n      host: master1'),
    );
    assert.deepEqual(parse(text).machines.at(-1)?.roles, ['master', 'worker']);
  });

  test('has its own keys under cluster.certwright', () => {
    const own =
      'certwright: {key_algorithm: RSA-3072, layout: kubeadm, cluster_domain: k8s.example, second_service_cidr_block: "fd00:10:96::/112"}';
    const plan = parse(changed('certwright: {}', own));
    assert.equal(plan.keyAlgorithm, 'rsa-3072');
    assert.equal(plan.layout, 'kubeadm');
    assert.equal(plan.clusterDomain, 'k8s.example');
    assert.deepEqual(plan.serviceCidrs, ['172.20.0.0/16', 'fd00:10:96::/112']);
    assert.deepEqual(plan.serviceIps, ['172.20.0.1', 'fd00:10:96::1']);
  });

  test('gives a machine the extra names of all groups that list it, each once', () => {
    const machine = (sans: string) => `    - {host: one, ip: 10.0.0.9, certwright: {extra_sans: ${sans}}}\n`;
    let text = changed('    - host: master1\n      ip: 10.0.0.2\n', machine('[a.example, 192.0.2.1]'));
    text = changed('    - host: worker1\n      ip: 10.0.0.3\n', machine('[192.0.2.1, "*.b.example"]'), text);
    assert.deepEqual(parse(text).machines.at(-1), {
      host: 'one',
      ip: '10.0.0.9',
      roles: ['master', 'worker'],
      extraSans: ['a.example', '192.0.2.1', '*.b.example'],
    });
  });

  test('writes addresses in one way, so that two spellings of one are one machine', () => {
    let text = changed('    - host: master1\n      ip: 10.0.0.2\n', '    - {host: one, ip: "2001:DB8:0::5"}\n');
    text = changed('    - host: worker1\n      ip: 10.0.0.3\n', '    - {host: one, ip: "2001:db8::5"}\n', text);
    assert.deepEqual(parse(text).machines.at(-1), { host: 'one', ip: '2001:db8::5', roles: ['master', 'worker'], extraSans: [] });
  });

  test('keeps the letter case of hosts', () => {
    assert.equal(parse(changed('master1', 'Master-1.Example')).machines[1]?.host, 'Master-1.Example');
  });

  test('may leave out the optional groups, or count them as none', () => {
    assert.equal(parse(`${base}ingress:\n  expected_count: 0\n  nodes: []\nstorage:\n`).machines.length, 3);
  });
});

describe('addresses of services', () => {
  const cases = [
    ['172.20.0.0/16', 'kismatic', '172.20.0.1', '172.20.0.2'],
    ['10.96.0.0/12', 'kubeadm', '10.96.0.1', '10.96.0.10'],
    ['10.96.3.7/12', 'kismatic', '10.96.0.1', '10.96.0.2'],
    ['192.0.2.254/30', 'kismatic', '192.0.2.253', '192.0.2.254'],
    ['fd00:10:96::/112', 'kismatic', 'fd00:10:96::1', 'fd00:10:96::2'],
    ['fd00:10:96::/112', 'kubeadm', 'fd00:10:96::1', 'fd00:10:96::a'],
  ] as const;
  for (const [cidr, layout, service, dns] of cases)
    test(`of ${cidr} in layout ${layout} start with ${service}, and DNS has ${dns}`, () => {
      const plan = parse(changed('172.20.0.0/16', `"${cidr}"`, changed('certwright: {}', `certwright: {layout: ${layout}}`)));
      assert.deepEqual([plan.serviceIps, plan.dnsServiceIp], [[service], dns]);
    });
});

describe('durations', () => {
  const ca = '    ca_expiry: 87600h\n';
  for (const [text, hours] of [
    ['17520h', 17_520],
    ['730d', 17_520],
    ['1h30m', 1.5],
  ] as const)
    test(`of ${text} are ${hours} hours`, () => {
      assert.equal(parse(changed('expiry: 17520h', `expiry: ${text}`)).expiryMs, hours * 3_600_000);
    });
  for (const empty of ['', '    ca_expiry: ""\n', '    ca_expiry:\n'])
    test(`of a CA are 43800h where the plan has ${JSON.stringify(empty)}`, () => {
      assert.equal(parse(changed(ca, empty)).caExpiryMs, 43_800 * 3_600_000);
    });
});

describe('where the API servers are reached', () => {
  for (const [text, host, port] of [
    ['api.example.com:443', 'api.example.com', 443],
    ['10.0.0.2:6443', '10.0.0.2', 6443],
    ['"[2001:DB8::1]:6443"', '2001:db8::1', 6443],
    ['API:1', 'API', 1],
  ] as const)
    test(`is read from ${text}`, () => {
      assert.deepEqual(parse(changed('api.example.com:6443', text)).loadBalancer, { host, port });
    });

  test('is read from the older key of a name alone, and the short name is pointed out', () => {
    const plan = parse(
      changed('load_balancer: api.example.com:6443', 'load_balanced_fqdn: lb.example.com\n  load_balanced_short_name: lb'),
    );
    assert.deepEqual(plan.loadBalancer, { host: 'lb.example.com', port: 6443 });
    assert.deepEqual(
      plan.warnings.map(({ line, field }) => [line, field]),
      [[19, 'master.load_balanced_short_name']],
    );
  });
});

describe('a fault', () => {
  const node = (text: string) => changed('    - host: worker1\n      ip: 10.0.0.3\n', `    - ${text}\n`);
  const own = (text: string) => changed('certwright: {}', `certwright: {${text}}`);
  const long = 'a'.repeat(60);
  const cases: readonly (readonly [name: string, text: string, ...problems: string[]])[] = [
    ['no cluster name', changed('name: kubernetes', 'name: ""'), '2 cluster.name: is empty'],
    [
      'a cluster name that is a number',
      changed('name: kubernetes', 'name: 2018'),
      '2 cluster.name: "2018" is a number, and should be text',
    ],
    [
      'a cluster name that is a boolean',
      changed('name: kubernetes', 'name: true'),
      '2 cluster.name: "true" is a boolean, and should be text',
    ],
    ['a cluster name that is a list', changed('name: kubernetes', 'name: [a]'), '2 cluster.name: is a list, and should be text'],
    [
      'a cluster name beyond a common name',
      changed('name: kubernetes', `name: ${'x'.repeat(65)}`),
      `2 cluster.name: "${'x'.repeat(65)}" has 65 characters, and a common name has at most 64`,
    ],
    [
      'a cluster name with a line end in it',
      changed('name: kubernetes', 'name: "a\\nb"'),
      '2 cluster.name: "a\\nb" has a control character in it',
    ],
    [
      'a cluster name that cannot be encoded',
      changed('name: kubernetes', 'name: "\\ud800"'),
      '2 cluster.name: "\\ud800" has half of a surrogate pair in it',
    ],
    [
      'a cluster called like the second CA',
      changed('name: kubernetes', 'name: proxyClientCA'),
      '2 cluster.name: "proxyClientCA" is the name of the proxy-client CA, and two CAs may not share one',
    ],
    [
      'no section of the cluster at all',
      changed('  networking:', '  netwerking:'),
      '1 cluster.networking.pod_cidr_block: is missing',
      '1 cluster.networking.service_cidr_block: is missing',
    ],
    [
      'a pod block that is none',
      changed('172.16.0.0/16', '172.16.0.0'),
      '4 cluster.networking.pod_cidr_block: "172.16.0.0" is not a CIDR block',
    ],
    [
      'a service block that is none',
      changed('172.20.0.0/16', '172.20.0.0/33'),
      '5 cluster.networking.service_cidr_block: "172.20.0.0/33" is not a CIDR block',
    ],
    [
      'a service block of one address',
      changed('172.20.0.0/16', '172.20.0.0/32'),
      '5 cluster.networking.service_cidr_block: "172.20.0.0/32" has no second address for the Kubernetes service',
    ],
    [
      'a service block without an address for DNS',
      changed('172.20.0.0/16', '172.20.0.0/31'),
      '5 cluster.networking.service_cidr_block: "172.20.0.0/31" has no address 2 for cluster DNS',
    ],
    [
      'a service block without a tenth address in layout kubeadm',
      changed('172.20.0.0/16', '172.20.0.0/29', own('layout: kubeadm')),
      '5 cluster.networking.service_cidr_block: "172.20.0.0/29" has no address 10 for cluster DNS',
    ],
    ['no expiry', changed('    expiry: 17520h\n', ''), '6 cluster.certificates.expiry: is missing'],
    ['an expiry in words', changed('17520h', '17 months'), '7 cluster.certificates.expiry: "17 months" is not a duration'],
    ['an expiry without unit', changed('17520h', '17520'), '7 cluster.certificates.expiry: "17520" is a number, and should be text'],
    ['an expiry of nothing', changed('17520h', '0h'), '7 cluster.certificates.expiry: "0h" is no time at all'],
    ['an expiry below nothing', changed('17520h', '-1h'), '7 cluster.certificates.expiry: "-1h" is not a duration'],
    ['an expiry beyond dates', changed('87600h', '999999999h'), '8 cluster.certificates.ca_expiry: "999999999h" is longer than 1000 years'],
    [
      'a SAN that is none, among others',
      changed('sans: ""', 'sans: "ok.example, 10.0.0.300 ,,me@example.com"'),
      '9 cluster.certificates.apiserver_cert_extra_sans: "10.0.0.300" is neither an IP address nor a DNS name: it looks like an IP address',
      '9 cluster.certificates.apiserver_cert_extra_sans: "me@example.com" is neither an IP address nor a DNS name: label "me@example" has characters other than letters, digits and hyphens',
    ],
    ['SANs as a list', changed('sans: ""', 'sans: [a]'), '9 cluster.certificates.apiserver_cert_extra_sans: is a list, and should be text'],
    ['a key of ours misspelt', own('key_algoritm: p256'), '10 cluster.certwright.key_algoritm: is not a key that Certwright knows'],
    [
      'a key algorithm that is none',
      own('key_algorithm: rsa-1024'),
      '10 cluster.certwright.key_algorithm: "rsa-1024" is not a key algorithm',
    ],
    ['a layout that is none', own('layout: rke'), '10 cluster.certwright.layout: "rke" is not a layout'],
    [
      'a domain that is none',
      own('cluster_domain: cluster_local'),
      '10 cluster.certwright.cluster_domain: "cluster_local" is not a DNS domain: label "cluster_local" has characters other than letters, digits and hyphens',
    ],
    [
      'a second service block of the same family',
      own('second_service_cidr_block: 10.3.0.0/16'),
      '10 cluster.certwright.second_service_cidr_block: "10.3.0.0/16" is of the same IP family as service_cidr_block',
    ],
    [
      'a CNI provider that Kismatic has not',
      `${base}add_ons: {cni: {provider: Contiv}}`,
      '27 add_ons.cni.provider: "Contiv" is not a provider that Kismatic knows',
    ],
    ['no load balancer', changed('  load_balancer: api.example.com:6443\n', ''), '16 master.load_balancer: is missing'],
    ['a load balancer without port', changed(':6443', ''), '18 master.load_balancer: "api.example.com" has no port'],
    [
      'a load balancer on no port',
      changed(':6443', ':0'),
      '18 master.load_balancer: "api.example.com:0" has a port that is not between 1 and 65535',
    ],
    [
      'an IPv6 load balancer without brackets',
      changed('api.example.com:6443', '2001:db8::1'),
      '18 master.load_balancer: "2001:db8::1" has no port, and an IPv6 address needs brackets before one',
    ],
    ['a load balancer with a path', changed(':6443', ':6443/x'), '18 master.load_balancer: "api.example.com:6443/x" is not host:port'],
    [
      'a load balancer of no name',
      changed('api.example.com', 'api_1'),
      '18 master.load_balancer: "api_1:6443" names no host: label "api_1" has characters other than letters, digits and hyphens',
    ],
    ['a group that is missing', changed('worker:', 'wrker:'), '1 worker: is missing'],
    [
      'a group that is empty',
      changed('  expected_count: 1\n  nodes:\n    - host: etcd1\n      ip: 10.0.0.1\n', '  expected_count: 0\n  nodes: []\n'),
      '13 etcd.nodes: lists no machine, and needs at least one',
    ],
    ['a count that is missing', changed('  expected_count: 1\n', ''), '11 etcd.expected_count: is missing'],
    [
      'a count in quotes',
      changed('expected_count: 1', 'expected_count: "1"'),
      '12 etcd.expected_count: "1" is text, and should be a whole number from 0',
    ],
    [
      'a count that is not the length',
      changed('expected_count: 1', 'expected_count: 2'),
      '12 etcd.expected_count: "2" is not the number of machines listed, which is 1',
    ],
    [
      'a list that is none',
      changed('    - host: etcd1\n      ip: 10.0.0.1\n', '    host: etcd1\n'),
      '13 etcd.nodes: is a map, and should be a list',
    ],
    ['a machine that is no map', node('worker1'), '25 worker.nodes[0]: is no map, and should be a map'],
    ['no host', node('{ip: 10.0.0.3}'), '25 worker.nodes[0].host: is missing'],
    ['no address', node('{host: w, ip: }'), '25 worker.nodes[0].ip: is empty'],
    ['a host that is a number', node('{host: 42, ip: 10.0.0.3}'), '25 worker.nodes[0].host: "42" is a number, and should be text'],
    [
      'a host that climbs out of its directory',
      node('{host: ../etcd1, ip: 10.0.0.3}'),
      '25 worker.nodes[0].host: "../etcd1" is not a host name (RFC 1123): it has an empty label',
    ],
    [
      'a host with a separator',
      node('{host: a/b, ip: 10.0.0.3}'),
      '25 worker.nodes[0].host: "a/b" is not a host name (RFC 1123): label "a/b" has characters other than letters, digits and hyphens',
    ],
    [
      'a host that is an address',
      node('{host: 10.0.0.3, ip: 10.0.0.3}'),
      '25 worker.nodes[0].host: "10.0.0.3" is an address, and should be the host name',
    ],
    [
      'a wildcard host',
      node('{host: "*.example", ip: 10.0.0.3}'),
      '25 worker.nodes[0].host: "*.example" is not a host name (RFC 1123): it has a wildcard',
    ],
    [
      'a host too long for the name of its kubelet',
      node(`{host: ${long}, ip: 10.0.0.3}`),
      `25 worker.nodes[0].host: "${long}" makes a common name of 72 characters (system:node:<host>), and one has at most 64`,
    ],
    ['an address that is none', node('{host: w, ip: 010.0.0.3}'), '25 worker.nodes[0].ip: "010.0.0.3" is not an IP address'],
    [
      'an internal address that is none',
      node('{host: w, ip: 10.0.0.3, internalip: yes}'),
      '25 worker.nodes[0].internalip: "yes" is not an IP address',
    ],
    [
      'an extra name that is none',
      node('{host: w, ip: 10.0.0.3, certwright: {extra_sans: [a_b, ""]}}'),
      '25 worker.nodes[0].certwright.extra_sans[0]: "a_b" is neither an IP address nor a DNS name: label "a_b" has characters other than letters, digits and hyphens',
      '25 worker.nodes[0].certwright.extra_sans[1]: is empty',
    ],
    [
      'extra names that are no list, and a key nobody knows',
      node('{host: w, ip: 10.0.0.3, certwright: {extra_sans: a, sans: b}}'),
      '25 worker.nodes[0].certwright.extra_sans: "a" is text, and should be a list',
      '25 worker.nodes[0].certwright.sans: is not a key that Certwright knows',
    ],
    [
      'one host with two addresses',
      node('{host: etcd1, ip: 10.0.0.3}'),
      '25 worker.nodes[0].host: "etcd1" belongs to another machine already, the one on line 14',
    ],
    [
      'one address with two hosts',
      node('{host: w, ip: 10.0.0.1}'),
      '25 worker.nodes[0].ip: "10.0.0.1" belongs to another machine already, the one on line 14',
    ],
    [
      'one machine that has an internal address in one group only',
      node('{host: etcd1, ip: 10.0.0.1, internalip: 192.168.0.1}'),
      '25 worker.nodes[0].host: "etcd1" belongs to another machine already, the one on line 14',
      '25 worker.nodes[0].ip: "10.0.0.1" belongs to another machine already, the one on line 14',
    ],
    [
      'one internal address of two machines',
      changed('ip: 10.0.0.1', 'ip: 10.0.0.1\n      internalip: 192.168.0.1', node('{host: w, ip: 10.0.0.3, internalip: 192.168.0.1}')),
      '26 worker.nodes[0].internalip: "192.168.0.1" belongs to another machine already, the one on line 14',
    ],
    [
      'hosts that differ in letter case only',
      node('{host: ETCD1, ip: 10.0.0.3}'),
      '25 worker.nodes[0].host: "ETCD1" differs only in letter case from the host on line 14',
    ],
    [
      'one machine twice in a group',
      changed('count: 1\n  nodes:\n    - host: worker1', 'count: 2\n  nodes:\n    - {host: worker1, ip: 10.0.0.3}\n    - host: worker1'),
      '26 worker.nodes[1].host: "worker1" is listed twice in this group, first on line 25',
    ],
    [
      'a host in the place of the CAs of layout kubeadm',
      changed('host: worker1', 'host: PKI', own('layout: kubeadm')),
      '25 worker.nodes[0].host: "PKI" cannot be a host in layout kubeadm',
    ],
    ['a key given twice', `${base}nfs: {a: 1}\nnfs: {}\n`, '28 nfs: the key is given twice, first on line 27'],
    ['a section that is no map', changed('certwright: {}', 'certwright: yes'), '10 cluster.certwright: "yes" is text, and should be a map'],
  ];
  for (const [name, text, ...expected] of cases)
    test(`of ${name} is named with its line and field`, () => {
      assert.deepEqual(linesOf(text), expected);
    });

  test('of one kind does not hide another: all are listed in the order of the file, each with a hint', () => {
    const text = changed('172.16.0.0/16', 'x', changed('17520h', 'y', changed('ip: 10.0.0.3', 'ip: z')));
    const problems = problemsOf(text);
    assert.deepEqual(
      problems.map(({ line, column, field, value }) => ({ line, column, field, value })),
      [
        { line: 4, column: 21, field: 'cluster.networking.pod_cidr_block', value: 'x' },
        { line: 7, column: 13, field: 'cluster.certificates.expiry', value: 'y' },
        { line: 26, column: 11, field: 'worker.nodes[0].ip', value: 'z' },
      ],
    );
    for (const problem of problems) assert.notEqual(problem.hint, '');
  });

  test('is shown to people as one line with file, line, field, value and what to write', () => {
    assert.throws(() => parse(changed('17520h', '17 months')), {
      code: 'PlanInvalid',
      message:
        'cannot use plan plan.yaml: it has a fault\nplan.yaml:7: cluster.certificates.expiry: "17 months" is not a duration (write it as 17520h or 730d)',
    });
    assert.equal(findingLine('p', { line: 3, column: 1, field: '', message: 'm', hint: 'h' }), 'p:3: m (h)');
  });

  test('repeated thousands of times fills no screen', () => {
    const nodes = Array.from({ length: 3000 }, () => '    - {}\n').join('');
    assert.throws(
      () => parse(changed('    - host: worker1\n      ip: 10.0.0.3\n', nodes)),
      (error) => isCodedError(error) && error.message.split('\n').length === 102 && error.message.endsWith('and 5901 more'),
    );
  });

  test('never repeats a password', () => {
    for (const secret of ['"hunter2\\q"', '"hunter2"hunter2', '[hunter2', '!hunter2 *hunter2'])
      assert.throws(
        () => parse(changed('172.16.0.0/16', 'x', `${base}docker_registry:\n  password: ${secret}\n`)),
        (error) => isCodedError(error) && !`${error.message} ${JSON.stringify(error.details)}`.includes('hunter2'),
      );
  });
});

describe('a plan that is accepted with a word', () => {
  const cases: readonly (readonly [name: string, text: string, ...warnings: string[]])[] = [
    [
      'certificates that outlive their CA',
      changed('87600h', '8760h'),
      '7 cluster.certificates.expiry: is longer than ca_expiry; certificates will end when their CA does',
    ],
    [
      'certificates that outlive a CA without expiry',
      changed('17520h', '50000h', changed('    ca_expiry: 87600h\n', '')),
      '7 cluster.certificates.expiry: is longer than the 43800h of a CA without ca_expiry; certificates will end when their CA does',
    ],
    [
      'ML-DSA keys',
      changed('certwright: {}', 'certwright: {key_algorithm: ml-dsa-65}'),
      `10 cluster.certwright.key_algorithm: "ml-dsa-65" is not understood by Kubernetes' components`,
    ],
    [
      'Ed25519 keys',
      changed('certwright: {}', 'certwright: {key_algorithm: ed25519}'),
      '10 cluster.certwright.key_algorithm: "ed25519" is not accepted by every client of a cluster, browsers among them',
    ],
    [
      'blocks that overlap',
      changed('172.16.0.0/16', '172.0.0.0/8'),
      '5 cluster.networking.service_cidr_block: "172.20.0.0/16" overlaps the pod block 172.0.0.0/8',
    ],
    ['certificates that live as long as their CA', changed('87600h', '17520h')],
  ];
  for (const [name, text, ...expected] of cases)
    test(`about ${name}: ${expected.length === 0 ? 'there is none' : 'it is named with its line'}`, () => {
      assert.deepEqual(
        parse(text).warnings.map((warning) => `${warning.line} ${warning.field}: ${warning.message}`),
        expected,
      );
    });
});

describe('whatever the text', () => {
  const isPlanOrFaults = (text: string): void => {
    try {
      const plan = parse(text);
      assert.ok(plan.machines.length > 0 && plan.serviceIps.length > 0 && plan.expiryMs > 0);
    } catch (error) {
      if (!isCodedError(error)) throw error;
      assert.equal(error.code, 'PlanInvalid');
      const problems = error.details?.['problems'] as readonly PlanFinding[];
      assert.ok(problems.length > 0);
      for (const { line, column, message, hint } of problems) assert.ok(line >= 1 && column >= 1 && message !== '' && hint !== '');
    }
  };

  test('a plan or a list of faults comes back', () => {
    const yaml = fc.array(
      fc.constantFrom(
        'a',
        ': ',
        '\n',
        '  ',
        '- ',
        '&a ',
        '*a',
        '[',
        ']',
        '{',
        '}',
        '"',
        "'",
        '|\n',
        '>',
        '? ',
        '<<: ',
        '!x ',
        '#',
        '---\n',
        ',',
        '\t',
        '%YAML 1.1\n',
        '\u0000',
      ),
      { maxLength: 40 },
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          yaml.map((parts) => parts.join('')),
        ),
        isPlanOrFaults,
      ),
      { seed, numRuns: runs(500, 50_000) },
    );
  });

  test('also where it is a plan with a piece cut out, doubled or exchanged', () => {
    const text = readFileSync(`${repositoryRoot}/examples/three-masters.yaml`, 'utf8');
    const piece = fc.tuple(
      fc.nat(text.length),
      fc.nat(30),
      fc.oneof(fc.string({ maxLength: 6 }), fc.constantFrom('\n', ': ', '[', '{', '- ', '&a ', '*a ', '0', '""')),
    );
    fc.assert(
      fc.property(fc.array(piece, { minLength: 1, maxLength: 3 }), (pieces) => {
        isPlanOrFaults(pieces.reduce((old, [at, length, put]) => old.slice(0, at) + put + old.slice(at + length), text));
      }),
      { seed, numRuns: runs(200, 10_000) },
    );
  });

  test('also where values have another form than they should', () => {
    const values = base.split('\n').flatMap((line, index) => (/: \S/.test(line) ? [index] : []));
    fc.assert(
      fc.property(
        fc.uniqueArray(fc.constantFrom(...values), { minLength: 1, maxLength: 4 }),
        fc.constantFrom(
          '',
          '1',
          'true',
          'null',
          '[]',
          '{}',
          '[[1]]',
          '{a: 1}',
          '1.5',
          '0x10',
          '.inf',
          '-1',
          '~',
          '2018-01-01',
          '|\n        x',
        ),
        (indices, value) => {
          const lines = base.split('\n').map((line, index) => (indices.includes(index) ? line.replace(/: .*/, () => `: ${value}`) : line));
          isPlanOrFaults(lines.join('\n'));
        },
      ),
      { seed, numRuns: runs(300, 10_000) },
    );
  });
});

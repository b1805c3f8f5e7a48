import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import { basePlan as base, changedPlan as changed } from '../testing/plan-text.ts';
import type { PlanFinding } from './plan.ts';
import { findingLine, parsePlan } from './plan-file.ts';

const parse = (text: string) => parsePlan(text, 'plan.yaml');

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
    [
      "a machine with a service's address",
      changed('ip: 10.0.0.3', 'ip: 172.20.0.1'),
      '26 worker.nodes[0].ip: "172.20.0.1" lies in the service block 172.20.0.0/16, whose addresses belong to services',
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
      'an address of everything',
      node('{host: w, ip: 0.0.0.0}'),
      '25 worker.nodes[0].ip: "0.0.0.0" stands for every address, and should be that of the machine',
    ],
    [
      'an address of a group',
      node('{host: w, ip: "ff02::1"}'),
      '25 worker.nodes[0].ip: "ff02::1" is the address of a group or reserved, and should be that of the machine',
    ],
    [
      'an IPv4 address written as IPv6',
      node('{host: w, ip: "::ffff:10.0.0.1"}'),
      '25 worker.nodes[0].ip: "::ffff:10.0.0.1" is an IPv4 address written as IPv6',
    ],
    [
      'a block of everything',
      changed('172.16.0.0/16', '0.0.0.0/0'),
      '4 cluster.networking.pod_cidr_block: "0.0.0.0/0" is every address there is',
    ],
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

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { isCodedError } from '../base/coded-error.ts';
import { repositoryRoot } from '../testing/golden.ts';
import { basePlan as base, changedPlan as changed } from '../testing/plan-text.ts';
import { runs, seed } from '../testing/runs.ts';
import type { Plan, PlanFinding } from './plan.ts';
import { parsePlan } from './plan-file.ts';

const parse = (text: string): Plan => parsePlan(text, 'plan.yaml');

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

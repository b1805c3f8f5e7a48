import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { builtInKinds } from '../api/kinds/all.ts';
import { groupVersion } from '../api/object.ts';
import { coded } from '../testing/coded-errors.ts';
import { repositoryRoot } from '../testing/golden.ts';
import { runs } from '../testing/runs.ts';
import { decodeProtobuf } from './protobuf.ts';
import { messageOf } from './protobuf-messages.ts';

const varint = (number: number): readonly number[] =>
  number < 0x80 ? [number] : [(number & 0x7f) | 0x80, ...varint(Math.floor(number / 128))];
const field = (number: number, ...content: readonly number[]): readonly number[] => [
  ...varint(number * 8 + 2),
  ...varint(content.length),
  ...content,
];
const text = (number: number, value: string): readonly number[] => field(number, ...Buffer.from(value));
const int = (number: number, value: number): readonly number[] => [...varint(number * 8), ...varint(value)];
const envelope = (apiVersion: string, kind: string, raw: readonly number[]): Uint8Array =>
  Uint8Array.from([...Buffer.from('k8s\0'), ...field(1, ...text(1, apiVersion), ...text(2, kind)), ...field(2, ...raw)]);
const decode = (body: Uint8Array) => decodeProtobuf(body, messageOf);

/** Without null, empty text and empty objects and lists, which mean the same as nothing. */
const withoutEmpty = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  if (typeof value !== 'object' || value === null) return value;
  const isEmpty = (field: unknown): boolean =>
    field === null || field === '' || (typeof field === 'object' && Object.keys(field as object).length === 0);
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, field]) => [name, withoutEmpty(field)] as const)
      .filter(([, field]) => !isEmpty(field)),
  );
};

const meta = (...content: readonly number[]): readonly number[] => field(1, ...content);

describe('a protobuf body', () => {
  test('of a ConfigMap is read, empty text and zero times left out', () => {
    const body = envelope('v1', 'ConfigMap', [
      ...meta(...text(1, 'c'), ...text(3, ''), ...field(8), ...field(11, ...text(1, 'app'), ...text(2, 'x'))),
      ...field(2, ...text(1, 'key'), ...text(2, 'ä')),
      ...field(2, ...text(1, 'empty'), ...text(2, '')),
      ...field(3, ...text(1, 'bin'), ...field(2, 0, 255)),
      ...int(4, 1),
    ]);
    assert.deepEqual(decode(body), {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'c', labels: { app: 'x' } },
      data: { key: 'ä', empty: '' },
      binaryData: { bin: 'AP8=' },
      immutable: true,
    });
  });

  test('of a request has its conditions, times and lists', () => {
    const condition = [...text(1, 'Approved'), ...text(6, 'True'), ...field(4, ...int(1, 1_700_000_000), ...int(2, 0))];
    const body = envelope('certificates.k8s.io/v1', 'CertificateSigningRequest', [
      ...meta(...text(1, 'r')),
      ...field(
        2,
        ...field(1, 1, 2, 3),
        ...text(4, 'g1'),
        ...text(4, 'g2'),
        ...text(5, 'client auth'),
        ...field(6, ...text(1, 'k'), ...field(2, ...text(1, 'v'))),
        ...int(8, 600),
      ),
      ...field(3, ...field(1, ...condition)),
    ]);
    assert.deepEqual(decode(body), {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'r' },
      spec: { request: 'AQID', groups: ['g1', 'g2'], usages: ['client auth'], extra: { k: ['v'] }, expirationSeconds: 600 },
      status: { conditions: [{ type: 'Approved', status: 'True', lastUpdateTime: '2023-11-14T22:13:20Z' }] },
    });
  });

  test('of a pod has what a volume holds, and zeros only where they mean something', () => {
    const volume = [...text(1, 'v'), ...field(2, ...field(2))];
    const container = [
      ...text(1, 'c'),
      ...field(6, ...int(2, 0), ...int(3, 80)),
      ...field(8, ...field(1, ...text(1, 'cpu'), ...field(2, ...text(1, '100m')))),
      ...field(10, ...field(1, ...field(2, ...field(2, ...int(1, 1), ...int(2, 0), ...text(3, 'http')))), ...int(2, 0), ...int(4, 10)),
      ...int(16, 0),
    ];
    const spec = [...field(1, ...volume), ...field(2, ...container), ...int(4, 0), ...int(11, 0), ...int(21, 0), ...field(14)];
    assert.deepEqual(decode(envelope('v1', 'Pod', [...meta(...text(1, 'p')), ...field(2, ...spec), ...field(3)])), {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'p' },
      spec: {
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [
          {
            name: 'c',
            ports: [{ containerPort: 80 }],
            resources: { limits: { cpu: '100m' } },
            livenessProbe: { httpGet: { port: 'http' }, periodSeconds: 10 },
          },
        ],
        terminationGracePeriodSeconds: 0,
        automountServiceAccountToken: false,
        securityContext: {},
      },
    });
  });

  test('has its numbers whole, negative and large ones too', () => {
    const negative = [0xfb, ...Array.from({ length: 8 }, () => 0xff), 0x01];
    const pod = decode(envelope('v1', 'Pod', [...meta(...text(1, 'p')), ...field(2, ...int(4, 2 ** 52 + 1))]));
    assert.deepEqual(pod['spec'], { terminationGracePeriodSeconds: 2 ** 52 + 1 });
    const grace = decode(envelope('v1', 'DeleteOptions', [...varint(8), ...negative]));
    assert.equal(grace['gracePeriodSeconds'], -5);
  });

  test('has lists of numbers', () => {
    const security = field(14, ...int(4, 5), ...int(4, 6));
    const pod = decode(envelope('v1', 'Pod', [...meta(...text(1, 'p')), ...field(2, ...security)]));
    assert.deepEqual(pod['spec'], { securityContext: { supplementalGroups: [5, 6] } });
    assert.throws(() => decode(envelope('v1', 'Pod', [...field(2, ...int(1, 5))])), coded('BadRequest'));
  });

  test('of every kind says what Kubernetes itself says in JSON', () => {
    // One object of each kind with random fields, marshalled twice by the Go types of k8s.io/api 0.36.
    const vectors = JSON.parse(readFileSync(join(repositoryRoot, 'test/vectors/kubernetes-protobuf.json'), 'utf8')) as readonly {
      readonly apiVersion: string;
      readonly kind: string;
      readonly protobuf: string;
      readonly json: unknown;
    }[];
    const served = vectors.filter(({ apiVersion, kind }) => messageOf(apiVersion, kind) !== undefined);
    assert.ok(served.length > 30, String(served.length));
    for (const { protobuf, json } of served) {
      const { apiVersion: _, kind, ...read } = decode(Buffer.from(protobuf, 'base64'));
      assert.deepEqual(withoutEmpty(read), withoutEmpty(json), String(kind));
    }
  });

  test('is read under names of the kind alone', () => {
    for (const { group, version, kind, schema } of builtInKinds) {
      const message = messageOf(groupVersion(group, version), kind);
      const found = Object.values(message ?? {}).map(([name]) => name);
      assert.deepEqual(
        found.filter((name) => schema.properties?.[name] === undefined),
        [],
        kind,
      );
    }
  });

  test('fields of later versions are passed over', () => {
    const body = envelope('v1', 'ConfigMap', [
      ...meta(...text(1, 'c'), ...text(99, 'new')),
      ...int(77, 5),
      ...varint(78 * 8 + 5),
      1,
      2,
      3,
      4,
    ]);
    assert.deepEqual(decode(body), { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'c' } });
  });

  test('of an unknown kind, without its mark, cut short or of wrong types is refused', () => {
    const whole = envelope('v1', 'ConfigMap', [...meta(...text(1, 'name'))]);
    // Cut there it is whole: an envelope around nothing.
    const boundary = envelope('v1', 'ConfigMap', []).length - 2;
    const wrong: readonly Uint8Array[] = [
      envelope('batch/v1', 'Job', []),
      Uint8Array.from([]),
      Buffer.from('{"kind":"ConfigMap"}'),
      ...Array.from({ length: whole.length - 6 }, (_, i) => whole.subarray(0, i + 5)).filter(({ length }) => length !== boundary),
      envelope('v1', 'ConfigMap', int(1, 5)),
      envelope('v1', 'ConfigMap', [...meta(...field(1, 0xff))]),
      envelope('v1', 'ConfigMap', field(2, ...text(1, '__proto__'), ...text(2, 'x'))),
      envelope(
        'v1',
        'ConfigMap',
        Array.from({ length: 20 }, () => 0xff),
      ),
    ];
    for (const body of wrong) assert.throws(() => decode(body), coded('BadRequest'), Buffer.from(body).toString('hex'));
  });

  test('of arbitrary bytes is read or refused', () => {
    const kinds = fc.constantFrom(
      ['v1', 'ConfigMap'],
      ['v1', 'Secret'],
      ['v1', 'DeleteOptions'],
      ['v1', 'Pod'],
      ['certificates.k8s.io/v1', 'CertificateSigningRequest'],
    );
    const octets = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(fc.constantFrom(0x0a, 0x12, 0x02, 0x08, 0x00, 0x22, 0x01), { maxLength: 40 }).map((list) => Uint8Array.from(list)),
    );
    fc.assert(
      fc.property(kinds, octets, ([apiVersion = '', kind = ''], raw) => {
        try {
          decode(envelope(apiVersion, kind, [...raw]));
        } catch (error) {
          assert.ok(coded('BadRequest')(error), String(error));
        }
      }),
      { numRuns: runs(2000, 200_000) },
    );
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { conform } from '../api/conform.ts';
import { modelSchema } from '../api/schema.ts';
import { coded } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { readBody } from './read-body.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text);
const json = (text: string) => readBody(bytes(text), 'application/json');
const yaml = (text: string) => readBody(bytes(text), 'application/yaml');

describe('a body', () => {
  test('is JSON, or YAML as Kubernetes reads it', () => {
    assert.deepEqual(json('{"a":[1,null]}'), { a: [1, null] });
    assert.deepEqual(yaml('{"a": 1}'), { a: 1 });
    assert.deepEqual(yaml('a: yes\nb: "yes"\nc: 0x10\n'), { a: true, b: 'yes', c: 16 });
  });

  test('that is none, no object, or nests too deeply is refused', () => {
    const deep = (levels: number) => `${'{"a":'.repeat(levels)}1${'}'.repeat(levels)}`;
    assert.doesNotThrow(() => json(deep(90)));
    for (const wrong of ['', '{', '[]', '1', 'null', deep(200), deep(100_000), '{"a":1}x'])
      assert.throws(() => json(wrong), coded('BadRequest'), wrong.slice(0, 20));
    for (const wrong of ['', 'a: b: c', '- 1', 'a: [', 'text']) assert.throws(() => yaml(wrong), coded('BadRequest'), wrong);
    assert.throws(() => readBody(Uint8Array.of(0x7b, 0xff, 0x7d), 'application/json'), coded('BadRequest'));
  });

  test('with aliases that grow without bound is refused', () => {
    const lines = ['a0: &a0 [x, x, x, x, x, x, x, x, x]'];
    for (let i = 1; i < 9; i++)
      lines.push(
        `a${i}: &a${i} [${Array(9)
          .fill(`*a${i - 1}`)
          .join(', ')}]`,
      );
    assert.throws(() => yaml(lines.join('\n')), coded('BadRequest'));
  });

  test('in YAML that takes long to read is refused, or read in time that grows with its length', () => {
    const keys = (count: number) => Array.from({ length: count }, (_, i) => `key${i}: value`).join('\n');
    assert.equal(Object.keys(yaml(keys(20_000))).length, 20_000);
    assert.throws(() => yaml(keys(100_000)), coded('RequestEntityTooLarge'));
    assert.throws(() => yaml(`k: &a v\n${Array.from({ length: 5000 }, (_, i) => `k${i}: *a`).join('\n')}`), coded('BadRequest'));
    for (const deep of ['['.repeat(50_000), '- '.repeat(50_000), '? '.repeat(50_000), `a: ${'{a: '.repeat(20_000)}`])
      assert.throws(() => yaml(deep), coded('BadRequest'), deep.slice(0, 10));
  });

  test('gives no prototype to what it becomes', () => {
    for (const [text, type] of [
      ['{"__proto__": {"polluted": true}, "constructor": {"prototype": {"polluted": true}}}', 'application/json'],
      ['__proto__: {polluted: true}\nconstructor: {prototype: {polluted: true}}\n', 'application/yaml'],
      ['a: &a {__proto__: {polluted: true}}\n<<: *a\n', 'application/yaml'],
    ] as const) {
      const value = readBody(bytes(text), type);
      assert.equal(Object.getPrototypeOf(value), Object.prototype, text);
      assert.equal((value as Record<string, unknown>)['polluted'], undefined, text);
      assert.equal(({} as Record<string, unknown>)['polluted'], undefined, text);
      const config = modelSchema('V1ConfigMap');
      const given = { apiVersion: 'v1', kind: 'ConfigMap', metadata: {}, data: value };
      assert.throws(() => conform(given, config, 'ConfigMap', 'v1'), coded('BadRequest'), text);
    }
  });

  test('of arbitrary bytes is an object or BadRequest', () => {
    const type = fc.constantFrom('application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf');
    const input = fc.oneof(fc.uint8Array({ maxLength: 80 }), fc.string({ maxLength: 60 }).map(bytes), fc.json({ maxDepth: 4 }).map(bytes));
    fc.assert(
      fc.property(input, type, (body, as) => {
        try {
          assert.equal(typeof readBody(body, as as 'application/json'), 'object');
        } catch (error) {
          assert.ok(coded('BadRequest')(error), String(error));
        }
      }),
      { numRuns: runs(1000, 100_000) },
    );
  });
});

describe('an object of a kind', () => {
  const read = (value: object) => conform(value as Readonly<Record<string, unknown>>, modelSchema('V1Secret'), 'Secret', 'v1');

  test('has the fields of the kind; others are named, null is absent', () => {
    const { value, unknownFields } = read({ data: { a: 'YQ==' }, type: null, wrong: 1, metadata: { name: 's', odd: { x: 1 } } });
    assert.deepEqual(value, { data: { a: 'YQ==' }, metadata: { name: 's' } });
    assert.deepEqual([...unknownFields].sort(), ['metadata.odd', 'wrong']);
  });

  test('whose types do not fit is refused with the path', () => {
    for (const [wrong, path] of [
      [{ data: [] }, 'data'],
      [{ data: { a: 1 } }, 'data.a'],
      [{ data: { a: 'not base64' } }, 'data.a'],
      [{ metadata: { labels: { a: 1 } } }, 'metadata.labels.a'],
      [{ metadata: { creationTimestamp: 'yesterday' } }, 'metadata.creationTimestamp'],
      [{ immutable: 'yes' }, 'immutable'],
      [{ metadata: { generation: 1.5 } }, 'metadata.generation'],
      [{ metadata: { finalizers: [1] } }, 'metadata.finalizers[0]'],
    ] as const)
      assert.throws(
        () => read(wrong),
        (error: unknown) => coded('BadRequest')(error) && String(error).includes(`Secret: ${path}: `),
        path,
      );
  });

  test('with a field called __proto__ is refused', () => {
    assert.throws(() => read(JSON.parse('{"data": {"__proto__": "YQ=="}}')), coded('BadRequest'));
  });

  test('times are normalised', () => {
    const { value } = read({ metadata: { creationTimestamp: '2026-01-02T03:04:05.000+01:00' } });
    assert.deepEqual(value, { metadata: { creationTimestamp: '2026-01-02T02:04:05Z' } });
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { parseJsonPath } from './json-path.ts';
import { isFields } from './object.ts';
import { structureProblems } from './schema-structure.ts';
import { prune, type Structural, schemaProblems, withDefaults } from './structural-schema.ts';

const spec = (schema: Structural, ...required: readonly string[]): Structural => ({ type: 'object', properties: { a: schema }, required });
const faults = (schema: Structural, value: unknown) =>
  schemaProblems({ a: value }, spec(schema)).map(({ field, message }) => `${field}: ${message}`);

describe('a structural schema', () => {
  test('names every kind of fault', () => {
    const cases: readonly (readonly [Structural, unknown, RegExp | undefined])[] = [
      [{ type: 'string' }, 1, /a: Invalid value: "integer": a in body must be of type string: "integer"/],
      [{ type: 'integer' }, 1.5, /must be of type integer/],
      [{ type: 'number' }, 1, undefined],
      [{ type: 'integer', minimum: 1 }, 0, /should be greater than or equal to 1/],
      [{ type: 'integer', maximum: 1, exclusiveMaximum: true }, 1, /should be less than 1/],
      [{ type: 'integer', multipleOf: 3 }, 4, /should be a multiple of 3/],
      [{ type: 'string', minLength: 2 }, '🙂', /should be at least 2 chars long/],
      [{ type: 'string', maxLength: 1 }, '🙂', undefined],
      [{ type: 'string', pattern: '^a+$' }, 'b', /should match '\^a\+\$'/],
      [{ type: 'string', enum: ['x', 'y'] }, 'z', /Unsupported value: "z": supported values: "x", "y"/],
      [{ type: 'string', format: 'date-time' }, 'today', /must be of type date-time/],
      [{ type: 'string', format: 'date-time' }, '2026-11-23T00:00:00Z', undefined],
      [{ type: 'string', format: 'ipv4' }, '1.2.3.256', /must be of type ipv4/],
      [{ type: 'array', items: { type: 'string' }, minItems: 1 }, [], /should have at least 1 items/],
      [{ type: 'array', items: { type: 'string' } }, ['x', 2], /^a\[1\]: /],
      [{ type: 'array', items: { type: 'string' }, 'x-kubernetes-list-type': 'set' }, ['x', 'x'], /^a\[1\]: Duplicate value: "x"/],
      [
        { type: 'object', maxProperties: 1, additionalProperties: { type: 'string' } },
        { x: '1', y: '2' },
        /should have at most 1 properties/,
      ],
      [{ 'x-kubernetes-int-or-string': true }, true, /must be of type integer,string/],
      [{ 'x-kubernetes-int-or-string': true }, '80%', undefined],
      [{ type: 'string', nullable: true }, null, undefined],
      [{ type: 'string' }, null, /must be of type string: "null"/],
      [{ type: 'integer', anyOf: [{ minimum: 5 }, { maximum: 1 }] }, 3, /at least one schema \(anyOf\)/],
      [{ type: 'integer', oneOf: [{ minimum: 1 }, { minimum: 2 }] }, 3, /one and only one schema \(oneOf\)\. Found 2 valid/],
      [{ type: 'integer', not: { minimum: 1 } }, 3, /must not validate the schema/],
      [{ type: 'integer', allOf: [{ minimum: 5 }] }, 3, /greater than or equal to 5/],
    ];
    for (const [schema, value, wanted] of cases) {
      const found = faults(schema, value);
      if (wanted === undefined) assert.deepEqual(found, [], JSON.stringify([schema, value]));
      else assert.match(found.join('\n'), wanted, JSON.stringify([schema, value]));
    }
  });

  test('matches a pattern in time in proportion to the text', () => {
    const started = process.cpuUsage();
    assert.equal(faults({ type: 'string', pattern: '^(a+)+$' }, `${'a'.repeat(50_000)}!`).length, 1);
    assert.ok(process.cpuUsage(started).user < 5_000_000);
  });

  test('prunes what is not specified and says where it was', () => {
    const schema: Structural = {
      type: 'object',
      properties: {
        a: { type: 'object', properties: { b: { type: 'string' } } },
        free: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true, properties: { known: { type: 'object', properties: {} } } },
        embedded: { type: 'object', 'x-kubernetes-embedded-resource': true, properties: {} },
        map: { type: 'object', additionalProperties: { type: 'object', properties: {} } },
        list: { type: 'array', items: { type: 'object', properties: {} } },
      },
    };
    const unknown: string[] = [];
    const kept = prune(
      {
        kind: 'X',
        a: { b: '1', c: 2 },
        free: { x: { y: 1 }, known: { z: 1 } },
        embedded: { kind: 'Pod', metadata: {}, spec: {} },
        map: { one: { deep: 1 } },
        list: [{ odd: 1 }],
        extra: 1,
      },
      schema,
      (path) => unknown.push(path),
    );
    assert.deepEqual(kept, {
      kind: 'X',
      a: { b: '1' },
      free: { x: { y: 1 }, known: {} },
      embedded: { kind: 'Pod', metadata: {} },
      map: { one: {} },
      list: [{}],
    });
    assert.deepEqual(unknown.sort(), ['a.c', 'embedded.spec', 'extra', 'free.known.z', 'list[0].odd', 'map.one.deep']);
  });

  test('fills in defaults, also in items and for null, and never shares them', () => {
    const schema: Structural = {
      type: 'object',
      properties: {
        a: { type: 'object', default: { list: [] }, properties: { x: { type: 'integer', default: 1 } } },
        items: { type: 'array', items: { type: 'object', properties: { y: { type: 'string', default: 'd' } } } },
        kept: { type: 'string', nullable: true, default: 'z' },
      },
    };
    const filled = withDefaults({ a: null, items: [{}, { y: 'own' }], kept: null }, schema) as Record<string, unknown>;
    assert.deepEqual(filled, { a: { list: [], x: 1 }, items: [{ y: 'd' }, { y: 'own' }], kept: null });
    assert.notEqual((withDefaults({}, schema) as Record<string, unknown>)['a'], (withDefaults({}, schema) as Record<string, unknown>)['a']);
  });

  test('whatever is given, pruning is stable, and so is filling in', () => {
    const schema: Structural = {
      type: 'object',
      properties: {
        a: { type: 'object', properties: { b: { type: 'string', default: 'x' } } },
        list: { type: 'array', items: { type: 'object', properties: { c: { type: 'integer', default: 1 } } } },
      },
      additionalProperties: false as never,
    };
    const value = fc.dictionary(fc.constantFrom('a', 'list', 'other', '__proto__', 'toString'), fc.jsonValue({ maxDepth: 3 }));
    fc.assert(
      fc.property(value, (given) => {
        const once = withDefaults(
          prune(given, schema, () => undefined),
          schema,
        );
        assert.deepEqual(
          withDefaults(
            prune(once, schema, () => undefined),
            schema,
          ),
          once,
        );
        assert.ok(isFields(once) && Object.keys(once).every((name) => ['a', 'list', 'apiVersion', 'kind', 'metadata'].includes(name)));
        schemaProblems(once, schema);
      }),
      { numRuns: runs(500, 20_000) },
    );
  });
});

describe('the structure of a schema', () => {
  const problems = (schema: unknown) => structureProblems(schema, 's').map(({ field, reason }) => `${field} ${reason}`);
  test('is complete, and says nothing that would not be enforced', () => {
    assert.deepEqual(problems({ type: 'object', properties: { a: { type: 'string' } } }), []);
    assert.deepEqual(problems({ type: 'object', properties: { a: {} } }), ['s.properties[a].type FieldValueRequired']);
    assert.deepEqual(problems({ type: 'object', properties: { a: { type: 'list' } } }), ['s.properties[a].type FieldValueNotSupported']);
    assert.deepEqual(problems({ type: 'object', properties: { a: { type: 'array' } } }), ['s.properties[a].items FieldValueRequired']);
    assert.deepEqual(problems({ type: 'object', properties: { a: { type: 'string', pattern: '(' } } }), [
      's.properties[a].pattern FieldValueInvalid',
    ]);
    assert.deepEqual(problems({ type: 'object', 'x-kubernetes-validations': [{ rule: 'true' }] }), []);
    assert.deepEqual(problems({ type: 'object', 'x-kubernetes-validations': [{ rule: 'self.a' }] }), [
      's.x-kubernetes-validations[0].rule FieldValueInvalid',
    ]);
    assert.deepEqual(problems({ type: 'object', properties: { a: { type: 'integer', default: 'x' } } }), [
      's.properties[a].default FieldValueTypeInvalid',
    ]);
    assert.deepEqual(problems({ type: 'object', anyOf: [{ type: 'object' }] }), ['s.anyOf[0].type FieldValueForbidden']);
    assert.deepEqual(problems({ type: 'string' }), ['s.type FieldValueInvalid']);
    let deep: object = { type: 'object' };
    for (let i = 0; i < 60; i++) deep = { type: 'object', properties: { a: deep } };
    assert.match(problems(deep).join(), /FieldValueForbidden/);
  });
});

describe('a JSON path', () => {
  const value = {
    status: {
      conditions: [
        { type: 'A', status: 'x' },
        { type: 'Ready', status: 'True' },
      ],
      'a.b': 1,
      list: [1, 2, 3],
      zero: 0,
    },
  };
  test('leads to members, indices, wildcards and filtered items', () => {
    const cases: readonly (readonly [string, readonly unknown[]])[] = [
      ['.status.conditions[?(@.type=="Ready")].status', ['True']],
      [".status.conditions[?(@.type == 'A')].status", ['x']],
      ['.status.conditions[?(@.type!="A")].type', ['Ready']],
      ['.status.conditions[*].type', ['A', 'Ready']],
      ['.status.conditions[0].type', ['A']],
      ['.status.list[-1]', [3]],
      ['.status.a\\.b', [1]],
      [".status['a.b']", [1]],
      ['.status.zero', [0]],
      ['.status.none.deeper', []],
      ['.status.toString', []],
    ];
    for (const [path, wanted] of cases) assert.deepEqual(parseJsonPath(path)?.(value), wanted, path);
  });

  test('that is none is told', () => {
    for (const path of ['status', '.a[', '.a[?(@.b)]', '.a[?(@.b=="x"', '..a', '.a[x]']) assert.equal(parseJsonPath(path), undefined, path);
  });
});

// Rules in CEL that the schema of a custom resource carries.

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { ApiPeer, Json, Reply } from '../../../src/testing/api-peer.ts';
import { create, eventually, expectStatus, newNamespace, type ParityCase, parityCase } from './parity-case.ts';

const definitions = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions';
const since = 'rules came with 1.25';

const definitionOf = (group: string, spec: Json): Json => ({
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: `ruleds.${group}` },
  spec: {
    group,
    scope: 'Namespaced',
    names: { plural: 'ruleds', kind: 'Ruled' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        schema: { openAPIV3Schema: { type: 'object', properties: { spec } } },
      },
    ],
  },
});

const newGroup = (): string => `cel${randomBytes(4).toString('hex')}.example.com`;

type Ruled = {
  create(spec: Json): Promise<Reply>;
  update(spec: Json): Promise<Reply>;
};

/** Objects whose spec has this schema, each under a name of its own. */
const ruled = async (api: ApiPeer, spec: Json): Promise<Ruled> => {
  const group = newGroup();
  await create(api, definitions, definitionOf(group, spec));
  const { name: namespace } = await newNamespace(api);
  const path = `/apis/${group}/v1/namespaces/${namespace}/ruleds`;
  await eventually('it is served', async () => (await api.send('GET', path)).status === 200);
  let count = 0;
  const object = (given: Json): Json => ({ apiVersion: `${group}/v1`, kind: 'Ruled', metadata: { name: `r${count}` }, spec: given });
  return {
    create: (given) => {
      count++;
      return api.send('POST', path, { body: object(given) });
    },
    update: (given) => api.send('PATCH', `${path}/r${count}`, { body: { spec: given }, contentType: 'application/merge-patch+json' }),
  };
};

const causes = (reply: Reply): readonly (readonly [string, string, string])[] =>
  expectStatus(reply, 422, 'Invalid')
    .json.details.causes.map(({ reason, field, message }: Record<string, string>) => [reason, field, message] as const)
    .toSorted();

const integer = { type: 'integer' };
const text = { type: 'string', maxLength: 100 };
const texts = { type: 'array', maxItems: 10, items: text };
const rule = (source: string, more: Json = {}): Json => ({ 'x-kubernetes-validations': [{ rule: source, ...more }] });

/** Expressions over `self`, with what they are true and what they are false of. */
const expressions: readonly (readonly [string, Json, Json])[] = [
  ['self.a <= self.b', { a: 1, b: 2 }, { a: 3, b: 2 }],
  ['!has(self.a) || self.a % 2 == 0', { b: 1 }, { a: 3 }],
  ['self.name.startsWith("x") && self.name.size() == 3', { name: 'xyz' }, { name: 'xy' }],
  ['self.name.matches("^(a+)+$")', { name: 'aaa' }, { name: 'aaab' }],
  ['self.list.all(x, x.contains("o"))', { list: ['one', 'two'] }, { list: ['one', 'three'] }],
  ['self.list.exists_one(x, x == "a")', { list: ['a', 'b'] }, { list: ['a', 'a'] }],
  ['self.list.map(x, size(x)).sum() < 5', { list: ['ab', 'c'] }, { list: ['abc', 'de'] }],
  ['self.list.isSorted()', { list: ['a', 'b'] }, { list: ['b', 'a'] }],
  ['self.list.indexOf("b") == 1', { list: ['a', 'b'] }, { list: ['b'] }],
  ['"k" in self.map && self.map["k"] == "v"', { map: { k: 'v' } }, { map: { k: 'w' } }],
  ['self.map.all(k, k.lowerAscii() == k)', { map: { a: '1' } }, { map: { A: '1' } }],
  ['self.name.split(",").size() == 2', { name: 'a,b' }, { name: 'a' }],
  ['self.name.replace("a", "b") == "bb"', { name: 'ab' }, { name: 'cc' }],
  ['self.name.find("[0-9]+") == "12"', { name: 'a12b' }, { name: 'ab' }],
  ['isURL(self.name) && url(self.name).getHostname() == "a.example"', { name: 'https://a.example:1/x' }, { name: 'https://b.example' }],
  ['isQuantity(self.name) && quantity(self.name).isLessThan(quantity("1Gi"))', { name: '500Mi' }, { name: '2Gi' }],
  ['isIP(self.name) && ip(self.name).family() == 4', { name: '192.0.2.1' }, { name: '2001:db8::1' }],
  ['cidr("10.0.0.0/8").containsIP(self.name)', { name: '10.1.2.3' }, { name: '192.0.2.1' }],
  ['duration(self.name) < duration("1h")', { name: '30m' }, { name: '2h' }],
  ['self.port == 80 || self.port == "http"', { port: 'http' }, { port: 81 }],
  ['self.?name.orValue("x") == "x"', {}, { name: 'y' }],
  ['(self.a > 0 ? "pos" : "neg") == self.name', { a: 1, name: 'pos' }, { a: -1, name: 'pos' }],
  ['self.a + self.b == 3 && double(self.a) / 2.0 == 0.5', { a: 1, b: 2 }, { a: 2, b: 1 }],
  ['self.items.exists(i, i.name == "x" && i.level > 1)', { items: [{ name: 'x', level: 2 }] }, { items: [{ name: 'x', level: 1 }] }],
  ['self.__namespace__ == "n"', { namespace: 'n' }, { namespace: 'm' }],
  ['timestamp(self.when).getFullYear() == 2026', { when: '2026-01-02T03:04:05Z' }, { when: '2025-01-02T03:04:05Z' }],
];

const properties = {
  a: integer,
  b: integer,
  name: text,
  namespace: text,
  list: texts,
  map: { type: 'object', maxProperties: 10, additionalProperties: text },
  port: { 'x-kubernetes-int-or-string': true, maxLength: 20 },
  items: {
    type: 'array',
    maxItems: 10,
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': ['name'],
    items: { type: 'object', required: ['name'], properties: { name: text, level: integer } },
  },
  when: { type: 'string', maxLength: 40 },
};

export const celCases: readonly ParityCase[] = [
  ...expressions.map(([source, yes, no]) =>
    parityCase(
      'cel-expressions',
      `\`${source}\` holds or is told`,
      async (api) => {
        const { create: put } = await ruled(api, { type: 'object', properties, ...rule(source) });
        expectStatus(await put(yes), 201);
        assert.deepEqual(causes(await put(no)), [['FieldValueInvalid', 'spec', `Invalid value: failed rule: ${source}`]]);
      },
      since,
    ),
  ),
  parityCase(
    'cel-messages',
    'a broken rule says what it was told to say, of the field and for the reason that it names',
    async (api) => {
      const { create: put } = await ruled(api, {
        type: 'object',
        properties: { a: { ...integer, ...rule('self < 5') }, b: integer, items: properties.items },
        'x-kubernetes-validations': [
          { rule: '!has(self.b) || self.b < 5', message: 'b is too much', reason: 'FieldValueForbidden', fieldPath: '.b' },
          { rule: '!has(self.b) || self.b < 7', messageExpression: '"b is " + "odd"', message: 'not said' },
          { rule: 'self.items.all(i, i.name != "bad")', message: 'a bad name' },
        ],
      });
      expectStatus(await put({ a: 1, b: 1, items: [] }), 201);
      assert.deepEqual(causes(await put({ a: 9, b: 8, items: [{ name: 'bad' }] })), [
        ['FieldValueForbidden', 'spec.b', 'Forbidden: b is too much'],
        ['FieldValueInvalid', 'spec', 'Invalid value: a bad name'],
        ['FieldValueInvalid', 'spec', 'Invalid value: b is odd'],
        ['FieldValueInvalid', 'spec.a', 'Invalid value: 9: failed rule: self < 5'],
      ]);
    },
    since,
  ),
  parityCase(
    'cel-transitions',
    'rules about what was before are asked where there was something, of entries with keys too',
    async (api) => {
      const { create: put, update } = await ruled(api, {
        type: 'object',
        properties: {
          a: { ...integer, ...rule('self >= oldSelf', { message: 'a never falls' }) },
          b: { ...integer, ...rule('!oldSelf.hasValue() || self == oldSelf.value()', { message: 'b stays', optionalOldSelf: true }) },
          items: {
            ...properties.items,
            items: { ...properties.items.items, ...rule('!has(oldSelf.level) || self.level >= oldSelf.level', { message: 'levels grow' }) },
          },
        },
      });
      expectStatus(await put({ a: 3, b: 1, items: [{ name: 'x', level: 2 }] }), 201);
      expectStatus(await update({ a: 4 }), 200);
      assert.deepEqual(causes(await update({ a: 2 })), [['FieldValueInvalid', 'spec.a', 'Invalid value: 2: a never falls']]);
      assert.deepEqual(causes(await update({ b: 2 })), [['FieldValueInvalid', 'spec.b', 'Invalid value: 2: b stays']]);
      expectStatus(
        await update({
          items: [
            { name: 'y', level: 1 },
            { name: 'x', level: 3 },
          ],
        }),
        200,
      );
      assert.deepEqual(causes(await update({ items: [{ name: 'x', level: 1 }] })), [
        ['FieldValueInvalid', 'spec.items[0]', 'Invalid value: levels grow'],
      ]);
    },
    since,
  ),
  parityCase(
    'cel-definitions',
    'a definition with a rule that cannot be is refused at the rule',
    async (api) => {
      for (const [spec, field] of [
        [{ type: 'object', properties, ...rule('self.none == 1') }, 'rule'],
        [{ type: 'object', properties, ...rule('self.a +') }, 'rule'],
        [{ type: 'object', properties, ...rule('self.a') }, 'rule'],
        [{ type: 'object', properties, ...rule('self.a == "x"') }, 'rule'],
        [{ type: 'object', properties, ...rule('nothing(self)') }, 'rule'],
        [{ type: 'object', properties, ...rule('self.name.matches("(")') }, 'rule'],
        [{ type: 'object', properties, ...rule('true', { messageExpression: '1' }) }, 'messageExpression'],
        [{ type: 'object', properties, ...rule('true', { fieldPath: '.none' }) }, 'fieldPath'],
        [{ type: 'object', properties, ...rule('true', { reason: 'Why' }) }, 'reason'],
        [{ type: 'object', properties: { list: { ...texts, items: { ...text, ...rule('self == oldSelf') } } } }, 'rule'],
      ] as const) {
        const group = newGroup();
        const { json } = expectStatus(await api.send('POST', definitions, { body: definitionOf(group, spec) }), 422, 'Invalid');
        const fields = json.details.causes.map((cause: { field: string }) => cause.field);
        assert.ok(
          fields.every((each: string) => each.includes('x-kubernetes-validations[0]') && each.endsWith(field)),
          `${JSON.stringify(spec)}: ${fields.join(' ')}`,
        );
      }
    },
    since,
  ),
];

// What clients send, damaged: every decoder of the API server gives a value or an error that becomes a Status, leaves the prototypes of
// everybody alone, and works no longer than its input is.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { toUtf8 } from '../base/bytes.ts';
import { type ApiDecoderName, apiDecoderNames, apiDecoders, takes } from '../testing/api-decoders.ts';
import { countApiSteps } from '../testing/count-steps.ts';
import { runs } from '../testing/runs.ts';

const name = fc.constantFrom(...apiDecoderNames);
const pieces = [
  ...['__proto__', 'constructor', 'prototype', 'polluted', '$patch', 'null', 'true', '1e999', '-1', '0', '9'.repeat(30)],
  ...[
    '{',
    '}',
    '[',
    ']',
    '(',
    ')',
    '"',
    "'",
    ':',
    ',',
    '.',
    '/',
    '~',
    '\\',
    '=',
    '!',
    '<',
    '>',
    ';',
    '&',
    '*',
    '#',
    '|',
    '%',
    '%zz',
    '@',
    '?',
  ],
  ...['\n', '\t', ' ', '\0', 'é', '\ud83d\ude00', '- ', ': ', '<<: ', '&a ', '*a', '---\n', '!!binary ', 'eyJ9', 'AAAA'],
];

/** A sample with pieces cut out, put in and doubled. */
const damaged = (samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.constantFrom(...samples),
      fc.array(
        fc.record({
          at: fc.nat(2000),
          cut: fc.nat(12),
          put: fc.oneof(fc.constantFrom(...pieces).map(toUtf8), fc.uint8Array({ maxLength: 4 })),
          isDoubled: fc.boolean(),
        }),
        { minLength: 1, maxLength: 5 },
      ),
    )
    .map(([sample, cuts]) =>
      cuts.reduce((bytes, { at, cut, put, isDoubled }) => {
        const from = at % (bytes.length + 1);
        const rest = bytes.subarray(from + cut);
        return Uint8Array.from([...bytes.subarray(0, from), ...put, ...(isDoubled ? bytes.subarray(from, from + 20) : []), ...rest]);
      }, sample),
    );

const near = name.chain((decoder) => damaged(apiDecoders[decoder].samples).map((bytes) => [decoder, bytes] as const));

const prototypes = (): readonly (readonly string[])[] =>
  [Object.prototype, Array.prototype, Function.prototype, String.prototype].map((prototype) => Object.getOwnPropertyNames(prototype));

describe('decoders of what clients send', () => {
  test('take the samples they are given, so that what follows starts from what is right', () => {
    const refused = apiDecoderNames.flatMap((decoder) =>
      apiDecoders[decoder].samples.filter((sample) => !takes(decoder, sample)).map(() => decoder),
    );
    // One sample is left open so that it is damaged already; and no header is both a body's and a patch's.
    assert.deepEqual(refused, ['YAML body', 'Content-Type header', 'Content-Type header']);
  });

  test('give a value or a coded error for arbitrary bytes', () => {
    fc.assert(
      fc.property(name, fc.uint8Array({ maxLength: 100 }), (decoder, bytes) => {
        takes(decoder, bytes);
      }),
      { numRuns: runs(3000, 200_000) },
    );
  });

  test('give a value or a coded error for what is nearly right, and leave every prototype as it was', () => {
    const before = prototypes();
    fc.assert(
      fc.property(near, ([decoder, bytes]) => {
        takes(decoder, bytes);
      }),
      { numRuns: runs(5000, 200_000) },
    );
    assert.deepEqual(prototypes(), before);
  });

  test('pollute nothing through names that reach a prototype', () => {
    const evil =
      '{"__proto__": {"polluted": 1}, "constructor": {"prototype": {"polluted": 1}}, "metadata": {"__proto__": {"polluted": 1}}}';
    const operations = ['/__proto__/polluted', '/constructor/prototype/polluted', '/metadata/__proto__/polluted'].flatMap((path) => [
      `[{"op": "add", "path": "${path}", "value": 1}]`,
      `[{"op": "replace", "path": "${path}", "value": 1}]`,
      `[{"op": "copy", "from": "/kind", "path": "${path}"}]`,
    ]);
    const inputs: Readonly<Partial<Record<ApiDecoderName, readonly string[]>>> = {
      'JSON body': [evil],
      'YAML body': [`# no JSON\n${evil}`, 'a: &a {polluted: 1}\n__proto__: *a\n', '__proto__: {polluted: 1}\n'],
      'merge patch': [evil],
      'strategic merge patch': [evil, '{"spec": {"containers": [{"name": "__proto__", "__proto__": {"polluted": 1}}]}}'],
      'JSON patch': operations,
    };
    for (const [decoder, given] of Object.entries(inputs))
      for (const text of given) {
        takes(decoder as ApiDecoderName, toUtf8(text));
        assert.equal(({} as Record<string, unknown>)['polluted'], undefined, `${decoder}: ${text}`);
      }
  });

  test('work no longer than their input is', async () => {
    const repeated: readonly (readonly [ApiDecoderName, (times: number) => string])[] = [
      ['JSON body', (times) => `{"metadata": {"labels": {${Array.from({ length: times }, (_, i) => `"k${i}": "v"`).join(',')}}}}`],
      ['JSON body', (times) => `{${Array.from({ length: times }, (_, i) => `"k${i}": 1`).join(',')}}`],
      ['JSON body', (times) => `{"a": ${'['.repeat(times)}`],
      ['YAML body', (times) => `metadata:\n  labels:\n${Array.from({ length: times }, (_, i) => `    k${i}: v\n`).join('')}`],
      ['merge patch', (times) => `{"metadata": {${Array.from({ length: times }, (_, i) => `"k${i}": {"a": null}`).join(',')}}}`],
      ['label selector', (times) => Array.from({ length: times }, (_, i) => `k${i} in (a,b)`).join(',')],
      ['label selector', (times) => `a in (${'x,'.repeat(times)}x)`],
      ['label selector', (times) => '('.repeat(times)],
      ['label selector', (times) => `a${' '.repeat(times)}`],
      ['field selector', (times) => 'metadata.name=a,'.repeat(times)],
      ['field selector', (times) => '\\'.repeat(times)],
      ['token', (times) => 'a.'.repeat(times)],
      ['continue token', (times) => 'A'.repeat(times * 10)],
      ['JSONPath', (times) => '.a'.repeat(times)],
      ['JSONPath', (times) => `[${' '.repeat(times)}`],
      ['JSONPath', (times) => `[?(@${'.a'.repeat(times)}`],
      ['Accept header', (times) => 'a;b=c,'.repeat(times)],
      ['Accept header', (times) => `a${';b=c'.repeat(times)}`],
      ['request path', (times) => `/apis/${'%61/'.repeat(times)}`],
      ['request path', (times) => '/'.repeat(times)],
    ];
    const factors = [500, 1000, 2000] as const;
    const work = repeated.flatMap(([decoder, make]) => factors.map((times) => ({ decoder, bytes: toUtf8(make(times)) })));
    const steps = await countApiSteps(work);
    for (const [i, [decoder, make]] of repeated.entries()) {
      const [first = 0, second = 0, third = 0] = steps.slice(i * factors.length);
      // Twice the input, twice the work beyond what is done once: with the square it would be three times the first difference and more.
      assert.ok(third - second <= 2.4 * Math.max(second - first, 500), `${decoder} of ${make(2)}: ${first}, ${second}, ${third} steps`);
    }
  });
});

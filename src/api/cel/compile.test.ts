import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../../testing/runs.ts';
import { type Budget, compile } from './compile.ts';
import { CompileError } from './parse.ts';
import { dyn, listOf, string } from './types.ts';
import { BudgetExceeded, EvaluationError, type Value } from './values.ts';

const evaluate = (source: string, self: Value = '', left = 1_000_000, type = dyn): Value => {
  const budget: Budget = { left };
  return compile(source, { self: type }).evaluate({ self }, budget);
};
const refused = (source: string, pattern: RegExp, type = dyn): void =>
  assert.throws(
    () => compile(source, { self: type }),
    (error) => error instanceof CompileError && pattern.test(error.message),
    source,
  );

describe('an expression', () => {
  test('gives what the language says', () => {
    for (const [source, value] of [
      ['1 + 2 * 3 == 7', true],
      ['dyn(1) == dyn(1.0)', true],
      ['"a" in ["a", "b"] && !("c" in {"d": 1})', true],
      ['[1, 2, 3].map(x, x * 2).exists(x, x == 6)', true],
      ['has({"a": 1}.a)', true],
      ['"x".matches("^[a-z]$") ? "y" : "n"', 'y'],
      ['false || [1][0] == 1', true],
      ['true || [1][5] == 1', true],
      ['string(-9223372036854775807 - 1)', '-9223372036854775808'],
      ['duration("90m") == duration("1h30m")', true],
      ['type(1) == int', true],
      ['quantity("1.5Gi") == quantity("1536Mi")', true],
    ] as const)
      assert.equal(evaluate(source), value, source);
  });
  test('that is none, or of nothing known, is refused before it runs', () => {
    for (const source of ['', '1 +', '(', '"a', 'self.', '1 2', 'a ? b', '[1,', '{1:}', "b'\\xzz'"]) refused(source, /./);
    refused('nothing == 1', /undeclared|nothing/);
    refused('nothing(self)', /nothing/);
    refused('1 == 1.0', /no matching overload/);
    refused('timestamp("x") < timestamp("y")', /timestamp/);
    refused('self + 1', /no matching overload/, string);
    refused('self.a', /./, listOf(string));
    refused(`${'('.repeat(5000)}1${')'.repeat(5000)}`, /./);
    refused(`${'!'.repeat(100_000)}true`, /./);
    refused(Array.from({ length: 100_000 }, () => '1').join('+'), /./);
  });
  test('that fails says so: overflow, division by zero, what is not there', () => {
    for (const source of [
      '9223372036854775807 + 1',
      '1 / 0',
      '1 % 0',
      '[1][1]',
      '{"a": 1}["b"]',
      'int("x")',
      'quantity("x")',
      'timestamp(dyn("x"))',
    ])
      assert.throws(() => evaluate(source), EvaluationError, source);
  });
  test('ends when its budget does, whatever it multiplies', () => {
    const long = Array.from({ length: 1000 }, (_, i) => `x${i}`);
    for (const source of [
      'self.all(a, self.all(b, self.all(c, a + b + c != "")))',
      'self.map(a, self.map(b, a + b)).size() > 0',
      'self.exists(a, self.exists(b, (a + a + a + a + b + b + b + b).contains("zzzz")))',
    ])
      assert.throws(() => evaluate(source, long, 100_000, listOf(string)), BudgetExceeded, source);
  });
  test('matches in time that grows with the text alone', () => {
    assert.equal(evaluate('self.matches("^(a+)+$")', `${'a'.repeat(5000)}b`, 1e9, string), false);
  });
  test('touches no prototype, whatever names it uses', () => {
    for (const source of [
      '{"__proto__": 1}["__proto__"] == 1',
      '"constructor" in {"a": 1}',
      'has({"a": 1}.toString)',
      '{"a": 1}.?constructor.hasValue()',
    ])
      assert.equal(evaluate(source), source.startsWith('{"__proto__"'), source);
  });
  test('of arbitrary text is compiled or refused, and then gives a value or fails as expressions do', () => {
    const parts = fc.constantFrom(
      ...[
        'self',
        '.a',
        '[0]',
        '(',
        ')',
        '+',
        '-',
        '*',
        '/',
        '%',
        '==',
        '<',
        '&&',
        '||',
        '!',
        '?',
        ':',
        '"x"',
        '1',
        '2u',
        '1.5',
        'true',
        'null',
      ],
      ...[
        '[',
        ']',
        '{',
        '}',
        ',',
        'in',
        '.map(x, x)',
        '.all(x, x == 1)',
        'size(',
        'has(',
        '.?a',
        'string(',
        'b"y"',
        '.matches("(")',
        '.split(",")',
      ],
    );
    const text = fc.oneof(
      fc.array(parts, { maxLength: 14 }).map((all) => all.join(' ')),
      fc.string(),
    );
    fc.assert(
      fc.property(text, (source) => {
        try {
          evaluate(source, new Map<Value, Value>([['a', 1n]]), 10_000);
        } catch (error) {
          assert.ok(error instanceof CompileError || error instanceof EvaluationError || error instanceof BudgetExceeded, String(error));
        }
      }),
      { numRuns: runs(3000, 200_000) },
    );
  });
});

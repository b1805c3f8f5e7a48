import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { quote } from './coded-error.ts';
import { visibleText } from './visible-text.ts';

describe('text made visible', () => {
  test('what steers a terminal or reorders a line is shown as its code point', () => {
    assert.equal(
      visibleText('a\u001b[31mb\u202ec\u200bd\u009be\u2028f\u{e0001}'),
      'a\\u001b[31mb\\u202ec\\u200bd\\u009be\\u2028f\\udb40\\udc01',
    );
    assert.equal(visibleText('line\n\tnext, Zürich, 東京, 🎂'), 'line\n\tnext, Zürich, 東京, 🎂');
    assert.equal(quote('alice\u202e\u0085'), '"alice\\u202e\\u0085"');
  });

  test('JSON says the same as before', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const shown = visibleText(JSON.stringify(text));
        assert.equal(JSON.parse(shown), text);
        assert.doesNotMatch(shown, /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
      }),
      { numRuns: runs(500, 20_000) },
    );
  });
});

// Comparison of distinguished names (RFC 5280 section 7.1) and the key that stands for one in maps.

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { element, tag } from './der.ts';
import { isSameName, makeName, type Name, nameAttribute, nameKey } from './name.ts';
import { parseNameText } from './name-text.ts';
import { oid } from './oid.ts';

const agree = (a: Name, b: Name): boolean => {
  assert.equal(isSameName(a, b), nameKey(a) === nameKey(b));
  return isSameName(a, b);
};

test('names are the same with letter case, blanks around and several blanks aside, in whatever string type', () => {
  assert.ok(agree(parseNameText('CN=Example  CA,O=x'), parseNameText('CN= example ca,O=X')));
  assert.ok(agree(parseNameText('CN=ΑΣ'), parseNameText('CN=ασ')));
  assert.ok(agree(parseNameText('CN=Straße'), parseNameText('CN=STRASSE')));
  const printable = makeName([[{ type: oid.commonName, value: 'a', encoded: element(tag.printableString, Uint8Array.of(0x61)) }]]);
  assert.ok(agree(printable, parseNameText('CN=A')));
});

test('names differ by order, by what is joined into one part, and by type', () => {
  for (const [a, b] of [
    ['CN=a,O=b', 'O=b,CN=a'],
    ['CN=a+O=b', 'CN=a,O=b'],
    ['CN=a', 'O=a'],
    ['CN=a', 'CN=a,O=b'],
    ['CN=a', 'CN=ab'],
    ['', 'CN=a'],
  ] as const)
    assert.ok(!agree(parseNameText(a), parseNameText(b)), `${a} and ${b}`);
  assert.ok(agree(parseNameText('CN=a+O=b'), parseNameText('O=B+CN=A')));
});

test('a value that is no string is not the text that spells its bytes', () => {
  const bytes = makeName([[{ type: oid.commonName, value: undefined, encoded: Uint8Array.of(4, 1, 0xff) }]]);
  const text = makeName([[nameAttribute(oid.commonName, '#0401ff')]]);
  assert.ok(!agree(bytes, text));
  assert.ok(agree(bytes, bytes));
});

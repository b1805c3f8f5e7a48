import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromHex, toHex } from '../base/bytes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import {
  atEnd,
  bitStringContent,
  derReader,
  element,
  enter,
  enterWhole,
  expectEnd,
  isSetOrder,
  maxDerBytes,
  namedBitString,
  octetBitString,
  peekTag,
  readAll,
  readAny,
  readBoolean,
  readElement,
  readInteger,
  readOctetBitString,
  readOctetString,
  readOptional,
  readSmallInteger,
  readWhole,
  sequence,
  setOf,
  smallInteger,
  tag,
  unsignedInteger,
} from './der.ts';

const hex = (text: string): Uint8Array => {
  const bytes = fromHex(text);
  assert.ok(bytes !== undefined, text);
  return bytes;
};
const reader = (text: string) => derReader(hex(text), 'test');

describe('reading DER', () => {
  test('an element is its tag, its content and its bytes as received', () => {
    const found = readAny(reader('30 03 02 01 05'));
    assert.equal(found.tag, tag.sequence);
    assert.equal(toHex(found.content), '020105');
    assert.equal(toHex(found.raw), '3003020105');
  });

  test('lengths of one to four octets are read where they are as short as can be', () => {
    for (const length of [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x10000]) {
      const encoded = element(tag.octetString, new Uint8Array(length));
      assert.equal(readWhole(encoded, tag.octetString, 'test').content.length, length);
    }
    assert.equal(toHex(element(tag.octetString, new Uint8Array(0x80)).subarray(0, 3)), '048180');
    assert.equal(toHex(element(tag.octetString, new Uint8Array(0x10000)).subarray(0, 5)), '0483010000');
  });

  test('what is not strict DER is refused, each for its reason', () => {
    const table: readonly (readonly [string, RegExp])[] = [
      ['', /data ends inside an element/],
      ['30', /data ends inside an element/],
      ['30 80 00 00', /indefinite length/],
      ['30 81', /data ends inside a length/],
      ['30 82 01', /data ends inside a length/],
      ['30 81 01 00', /shortest form/],
      [`30 81 7f ${'00'.repeat(127)}`, /shortest form/],
      [`30 82 00 80 ${'00'.repeat(128)}`, /shortest form/],
      [`30 83 00 01 00 ${'00'.repeat(256)}`, /shortest form/],
      ['30 84 ff ff ff ff 00', /runs past the end/],
      ['30 85 01 00 00 00 00', /too large/],
      ['30 ff', /too large/],
      ['30 01', /runs past the end/],
      ['1f 01 00', /tag numbers above 30/],
      ['3f 81 01 00', /tag numbers above 30/],
      ['bf 1f 00', /tag numbers above 30/],
    ];
    for (const [text, problem] of table) assertCoded('DerInvalid', () => readAny(reader(text)), problem);
  });

  test('an element may not end outside the one around it, even where the bytes go on', () => {
    const outer = derReader(hex('30 03 04 02 aa bb'), 'test');
    assert.throws(() => readAny(enter(outer, tag.sequence)), /data ends|runs past/);
    const whole = derReader(hex('30 02 04 01 aa'), 'test');
    assert.throws(() => readAny(enter(whole, tag.sequence)), /runs past the end/);
    // A length octet that lies outside.
    const header = derReader(hex('30 01 04 01 aa'), 'test');
    assert.throws(() => readAny(enter(header, tag.sequence)), /data ends inside an element/);
    const long = derReader(hex(`30 02 04 81 80 ${'00'.repeat(128)}`), 'test');
    assert.throws(() => readAny(enter(long, tag.sequence)), /data ends inside a length/);
  });

  test('a wrong tag and a missing element are told with the name of the part', () => {
    assertCoded(
      'DerInvalid',
      () => readElement(reader('02 01 00'), tag.sequence, 'issuer'),
      /cannot read test: issuer has tag 0x2, expected 0x30/,
    );
    assertCoded('DerInvalid', () => readElement(reader(''), tag.sequence, 'issuer'), /cannot read test: issuer is missing/);
  });

  test('an optional element is read only where its tag stands', () => {
    const at = reader('02 01 05 04 00');
    assert.equal(readOptional(at, tag.octetString), undefined);
    assert.equal(peekTag(at), tag.integer);
    assert.equal(toHex(readOptional(at, tag.integer)?.content ?? new Uint8Array()), '05');
    assert.equal(readOptional(at, tag.octetString)?.content.length, 0);
    assert.equal(atEnd(at), true);
    assert.equal(peekTag(at), undefined);
    assert.equal(readOptional(at, tag.octetString), undefined);
  });

  test('bytes left over are refused', () => {
    assertCoded('DerInvalid', () => readWhole(hex('05 00 00'), tag.null, 'test'), /1 unexpected bytes at the end/);
    assertCoded('DerInvalid', () => enterWhole(hex('30 00 00'), tag.sequence, 'test'), /1 unexpected bytes at the end/);
    assertCoded('DerInvalid', () => expectEnd(reader('05 00')), /2 unexpected bytes at the end/);
  });

  test('a BOOLEAN is 00 or ff and nothing else', () => {
    assert.equal(readBoolean(reader('01 01 ff')), true);
    assert.equal(readBoolean(reader('01 01 00')), false);
    for (const text of ['01 01 01', '01 01 fe', '01 00', '01 02 ff ff']) assertCoded('DerInvalid', () => readBoolean(reader(text)));
  });

  test('an INTEGER is in its shortest form', () => {
    for (const text of ['02 01 00', '02 01 7f', '02 02 00 80', '02 01 80', '02 02 ff 7f']) readInteger(reader(text));
    for (const text of ['02 00', '02 02 00 7f', '02 02 ff 80', '02 03 00 00 80'])
      assertCoded('DerInvalid', () => readInteger(reader(text)));
  });

  test('a small INTEGER is within its bounds, and never negative', () => {
    assert.equal(readSmallInteger(reader('02 01 00'), 0), 0);
    assert.equal(readSmallInteger(reader('02 04 7f ff ff ff'), 0x7fffffff), 0x7fffffff);
    for (const text of ['02 01 01', '02 01 ff', '02 09 01 00 00 00 00 00 00 00 00'])
      assertCoded('DerInvalid', () => readSmallInteger(reader(text), 0));
    assertCoded('DerInvalid', () => readSmallInteger(reader('02 05 00 80 00 00 00'), 0x7fffffff), /not within 0\.\.2147483647/);
    assertCoded('DerInvalid', () => readSmallInteger(reader('02 01 ff'), 255), /not within 0\.\.255/);
  });

  test('a BIT STRING has at most seven unused bits, all zero, and no unused bits where it is empty', () => {
    assert.deepEqual(bitStringContent(readAny(reader('03 02 07 80')), 'test'), { octets: hex('80'), unusedBits: 7 });
    assert.deepEqual(bitStringContent(readAny(reader('03 01 00')), 'test'), { octets: hex(''), unusedBits: 0 });
    for (const text of ['03 00', '03 01 01', '03 02 08 00', '03 02 07 81', '03 02 01 01'])
      assertCoded('DerInvalid', () => bitStringContent(readAny(reader(text)), 'test'));
    assertCoded('DerInvalid', () => readOctetBitString(reader('03 02 01 80')), /not of whole octets/);
  });

  test('a constructed form of a string is BER and refused', () => {
    assertCoded('DerInvalid', () => readOctetString(reader('24 03 04 01 aa')));
    assertCoded('DerInvalid', () => readOctetBitString(reader('23 04 03 02 00 aa')));
  });

  test('inputs over the limit and lists over theirs are refused', () => {
    assertCoded('InputTooLarge', () => derReader(new Uint8Array(maxDerBytes + 1), 'test'));
    assert.equal(derReader(new Uint8Array(maxDerBytes), 'test').end, maxDerBytes);
    assert.equal(readAll(reader('05 00 05 00'), 2).length, 2);
    assertCoded('InputTooLarge', () => readAll(reader('05 00 05 00 05 00'), 2), /more than 2 elements/);
  });

  test('nothing is copied: contents are parts of the bytes received', () => {
    const bytes = hex('30 03 04 01 aa');
    const found = readAny(derReader(bytes, 'test'));
    assert.equal(found.content.buffer, bytes.buffer);
    assert.equal(found.raw.buffer, bytes.buffer);
  });
});

describe('writing DER', () => {
  test('unsigned integers lose leading zeros and never turn negative', () => {
    const table: readonly (readonly [string, string])[] = [
      ['', '020100'],
      ['00', '020100'],
      ['0000', '020100'],
      ['0001', '020101'],
      ['7f', '02017f'],
      ['80', '02020080'],
      ['00ff', '020200ff'],
    ];
    for (const [octets, expected] of table) assert.equal(toHex(unsignedInteger(hex(octets))), expected, octets);
  });

  test('small integers are written in their shortest form', () => {
    for (const [value, expected] of [
      [0, '020100'],
      [127, '02017f'],
      [128, '02020080'],
      [65_536, '0203010000'],
      [2 ** 40, '0206010000000000'],
    ] as const)
      assert.equal(toHex(smallInteger(value)), expected);
  });

  test('a SET OF is sorted by the encodings of its members', () => {
    const members = [hex('04 02 00 00'), hex('04 01 ff'), hex('02 01 05'), hex('04 01 00')];
    assert.equal(toHex(setOf(members)), '310d02010504010004' + '01ff04020000');
    assert.equal(isSetOrder(members), false);
    assert.equal(isSetOrder(readAll(enterWhole(setOf(members), tag.set, 'test')).map(({ raw }) => raw)), true);
    assert.equal(isSetOrder([hex('0500'), hex('0500')]), true);
    assert.equal(isSetOrder([]), true);
  });

  test('named bits lose their trailing zeros', () => {
    assert.equal(toHex(namedBitString([true])), '03020780');
    assert.equal(toHex(namedBitString([false, false, false, false, false, true, true, false, false])), '03020106');
    assert.equal(toHex(namedBitString([false, false, false, false, false, false, false, false, true])), '0303070080');
    assert.equal(toHex(namedBitString([false, false])), '030100');
    assert.equal(toHex(namedBitString([])), '030100');
  });

  test('whatever is written is read again', () => {
    const content = fc.uint8Array({ maxLength: 300 });
    fc.assert(
      fc.property(fc.array(content, { maxLength: 5 }), fc.nat({ max: 0x7fffffff }), (parts, number) => {
        const encoded = sequence(
          ...parts.map((part) => octetBitString(part)),
          unsignedInteger(parts[0] ?? new Uint8Array()),
          smallInteger(number),
        );
        const inner = enterWhole(encoded, tag.sequence, 'test');
        for (const part of parts) assert.deepEqual(Buffer.from(readOctetBitString(inner)), Buffer.from(part));
        const magnitude = toHex(readInteger(inner));
        assert.equal(BigInt(`0x${magnitude}`), BigInt(`0x0${toHex(parts[0] ?? new Uint8Array())}`));
        assert.equal(readSmallInteger(inner, 0x7fffffff), number);
        expectEnd(inner);
      }),
      { numRuns: runs(300, 20_000) },
    );
  });

  test('whatever is read of arbitrary bytes is written again as the same bytes', () => {
    const near = fc.array(fc.oneof(fc.constantFrom(0x30, 0x31, 0x02, 0x04, 0x80, 0x81, 0x82, 0, 1, 2, 3), fc.nat(255)), { maxLength: 40 });
    fc.assert(
      fc.property(
        near.map((octets) => Uint8Array.from(octets)),
        (bytes) => {
          const all = resultOrCodedError(() => readAll(derReader(bytes, 'test')));
          if (all instanceof Error) return;
          assert.deepEqual(Buffer.concat(all.map(({ tag: elementTag, content }) => element(elementTag, content))), Buffer.from(bytes));
        },
      ),
      { numRuns: runs(2_000, 200_000) },
    );
  });
});

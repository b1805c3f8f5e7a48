import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { concatBytes, equalBytes, fromHex, fromUtf8, toBase64, toHex, toUtf8 } from './bytes.ts';

const anyBytes = fc.uint8Array({ maxLength: 64 });

describe('bytes', () => {
  test('parts are joined in order, empty ones included', () => {
    assert.deepEqual(concatBytes([Uint8Array.of(1, 2), new Uint8Array(), Uint8Array.of(3)]), Uint8Array.of(1, 2, 3));
    assert.deepEqual(concatBytes([]), new Uint8Array());
  });

  test('equality looks at every octet and at the length', () => {
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 2)), true);
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1, 3)), false);
    assert.equal(equalBytes(Uint8Array.of(1, 2), Uint8Array.of(1)), false);
    assert.equal(equalBytes(Uint8Array.of(1), Uint8Array.of(1, 2)), false);
  });

  test('hex is lower case, with the separator only between octets', () => {
    assert.equal(toHex(Uint8Array.of(0, 10, 255)), '000aff');
    assert.equal(toHex(Uint8Array.of(0, 10, 255), ':'), '00:0a:ff');
    assert.equal(toHex(new Uint8Array(), ':'), '');
  });

  test('hex and base64 of a part of a buffer are of that part alone', () => {
    const part = Uint8Array.of(9, 1, 2, 9).subarray(1, 3);
    assert.equal(toHex(part), '0102');
    assert.equal(toBase64(part), 'AQI=');
  });

  test('hex is read in either case, with colons and blanks, and nothing else', () => {
    assert.deepEqual(fromHex('0A:ff 01\n'), Uint8Array.of(10, 255, 1));
    assert.deepEqual(fromHex(''), new Uint8Array());
    for (const text of ['a', '0g', '0x01', '0-1', '٠٠']) assert.equal(fromHex(text), undefined, text);
  });

  test('UTF-8 is decoded with its byte order mark kept, and malformed bytes are told', () => {
    assert.equal(fromUtf8(toUtf8('a\ufffdb')), 'a\ufffdb', 'the replacement character may stand in well-formed text');
    assert.equal(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), '\ufeffa');
    for (const bytes of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) assert.equal(fromUtf8(Uint8Array.from(bytes)), undefined);
  });

  test('text and hex come back as they went', () => {
    fc.assert(
      fc.property(anyBytes, fc.string({ unit: 'grapheme' }), (bytes, text) => {
        assert.deepEqual(fromHex(toHex(bytes)), bytes);
        assert.deepEqual(fromHex(toHex(bytes, ':')), bytes);
        assert.equal(fromUtf8(toUtf8(text)), text);
      }),
      { numRuns: runs(200, 10_000) },
    );
  });
});

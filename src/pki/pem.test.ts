import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../base/bytes.ts';
import { assertCoded, resultOrCodedError } from '../testing/coded-errors.ts';
import { runs } from '../testing/runs.ts';
import { element, octetString, sequence, tag } from './der.ts';
import { decodePem, encodePem, looksLikePem, pemBlock } from './pem.ts';

const block = encodePem('CERTIFICATE', Uint8Array.of(1, 2, 3));

describe('PEM', () => {
  test('a block is written with 64 characters a line', () => {
    assert.equal(block, '-----BEGIN CERTIFICATE-----\nAQID\n-----END CERTIFICATE-----\n');
    const lines = encodePem('X', new Uint8Array(49)).split('\n');
    assert.deepEqual(
      lines.map((line) => line.length),
      [17, 64, 4, 15, 0],
    );
    assert.equal(encodePem('X', new Uint8Array()), '-----BEGIN X-----\n-----END X-----\n');
  });

  test('text around and between blocks is passed over, and their order is kept', () => {
    const text = `Certificate:\n  Data: -\n${block}\nbetween ----- them\n${encodePem('PRIVATE KEY', Uint8Array.of(9))}after`;
    assert.deepEqual(
      decodePem(text).map(({ label, bytes }) => [label, [...bytes]]),
      [
        ['CERTIFICATE', [1, 2, 3]],
        ['PRIVATE KEY', [9]],
      ],
    );
    assert.deepEqual(decodePem('nothing here'), []);
    assert.deepEqual(decodePem(''), []);
  });

  test('line ends, blanks and line lengths of other programs are read', () => {
    for (const text of [
      block.replaceAll('\n', '\r\n'),
      block.replaceAll('\n', '\r'),
      '-----BEGIN CERTIFICATE-----AQID-----END CERTIFICATE-----',
      '-----BEGIN CERTIFICATE-----\n  A\tQ\n\nI D  \n-----END CERTIFICATE-----',
      `\ufeff${block}`,
    ])
      assert.deepEqual(
        decodePem(text).map(({ bytes }) => [...bytes]),
        [[1, 2, 3]],
      );
  });

  test('headers are kept and are no part of the data', () => {
    const text =
      '-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-256-CBC,00\n\nAQID\n-----END RSA PRIVATE KEY-----\n';
    for (const variant of [text, text.replaceAll('\n', '\r\n'), text.replace('\n\n', '\n \t\n')]) {
      const [found] = decodePem(variant);
      assert.deepEqual(
        [...(found?.headers ?? [])],
        [
          ['Proc-Type', '4,ENCRYPTED'],
          ['DEK-Info', 'AES-256-CBC,00'],
        ],
      );
      assert.deepEqual([...(found?.bytes ?? [])], [1, 2, 3]);
    }
    assert.equal(decodePem(block)[0]?.headers.size, 0);
  });

  test('damaged blocks are refused and never passed over', () => {
    const damaged = [
      block.replace('-----END CERTIFICATE-----', ''),
      block.replace('END CERTIFICATE', 'END CERTIFICATES'),
      block.replace('END', 'BEGIN'),
      block.replace('AQID', 'AQI'),
      block.replace('AQID', 'AQ=D'),
      block.replace('AQID', 'AQI*'),
      block.replace('AQID', 'AQID===='),
      block.replace('AQID', 'AQ_-'),
      '-----BEGIN ',
      '-----BEGIN X',
      '-----BEGIN -----\nAQID\n-----END -----',
      '-----BEGIN A\nB-----\nAQID\n-----END A\nB-----',
      `-----BEGIN ${'X'.repeat(65)}-----\nAQID\n-----END ${'X'.repeat(65)}-----`,
      `${block}${block.slice(0, 40)}`,
      `-----BEGIN CERTIFICATE-----\n${block}`,
    ];
    for (const text of damaged) assertCoded('PemInvalid', () => decodePem(text, 'test'), /^cannot read test: /);
  });

  test('a block of one label cannot be closed by that of another inside it', () => {
    assertCoded('PemInvalid', () => decodePem('-----BEGIN A-----\nAQID\n-----END B-----\n-----END A-----\n'));
  });

  test('texts over the limits are refused', () => {
    const limits = { maxCharacters: 1000, maxBlocks: 2 };
    assert.equal(decodePem(block + block, 'test', limits).length, 2);
    assertCoded('InputTooLarge', () => decodePem(block + block + block, 'test', limits), /more than 2 PEM blocks/);
    assertCoded('InputTooLarge', () => decodePem(' '.repeat(1001), 'test', limits), /1001 characters are more than 1000/);
  });

  test('the block that is wanted is found among others, and told where it is missing', () => {
    const text = encodePem('OTHER', Uint8Array.of(0)) + block;
    assert.deepEqual([...pemBlock(text, ['X', 'CERTIFICATE'], 'test').bytes], [1, 2, 3]);
    assertCoded('PemInvalid', () => pemBlock(text, ['CRL'], 'test'), /expected "CRL", but it holds "OTHER"/);
    assertCoded('PemInvalid', () => pemBlock('', ['CRL'], 'test'), /it holds no PEM block/);
  });

  test('PEM is told from DER, also where DER holds PEM text in a string', () => {
    assert.equal(looksLikePem(toUtf8(block)), true);
    assert.equal(looksLikePem(toUtf8(`0 s:CN = a\n${block}`)), true);
    const short = sequence(octetString(Uint8Array.of(1)));
    assert.equal(looksLikePem(short), false);
    assert.equal(looksLikePem(sequence(element(tag.utf8String, toUtf8(block.repeat(3))))), false);
    assert.equal(looksLikePem(new Uint8Array()), false);
  });

  test('bytes and labels come back from their text', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 200 }), { maxLength: 4 }), (parts) => {
        const text = parts.map((part, i) => encodePem(`PART-${i} X`, part)).join('text\n');
        assert.deepEqual(
          decodePem(text).map(({ label, bytes }) => [label, [...bytes]]),
          parts.map((part, i) => [`PART-${i} X`, [...part]]),
        );
      }),
      { numRuns: runs(200, 20_000) },
    );
  });

  test('any text is read or refused with a code', () => {
    const pieces = fc.constantFrom(
      '-----BEGIN ',
      '-----END ',
      '-----',
      'CERTIFICATE',
      'A',
      'AQID',
      '=',
      '\n',
      '\r\n',
      ':',
      ' ',
      'é',
      '\u0000',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.array(pieces, { maxLength: 30 }).map((parts) => parts.join('')),
          fc.uint8Array({ maxLength: 100 }).map((bytes) => fromUtf8(bytes) ?? ''),
        ),
        (text) => {
          resultOrCodedError(() => decodePem(text));
        },
      ),
      { numRuns: runs(2_000, 200_000) },
    );
  });
});

// Arbitrary text that is nearly right: samples with pieces cut out, doubled, moved and put in.

import fc from 'fast-check';
import { fromUtf8, toUtf8 } from '../base/bytes.ts';

const pieces = [
  ...['-----BEGIN ', '-----END ', '-----', 'CERTIFICATE', 'EC PRIVATE KEY', 'Proc-Type: 4,ENCRYPTED\n', ':', '\n', '\r\n', '\t', '='],
  ...[
    'CN=',
    'O',
    ',',
    '+',
    '"',
    '\\',
    '\\2c',
    '#',
    '#0500',
    '<',
    ' ',
    '\u0000',
    'é',
    '\ud83d\ude00',
    '//',
    '@',
    '[',
    ']',
    '%',
    '*',
    '.',
    '1',
    'A',
  ],
];

/** UTF-8 of text near one of the samples. */
export const brokenText = (samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.nat(samples.length - 1),
      fc.array(fc.record({ at: fc.nat(100_000), length: fc.nat(40), how: fc.nat(3), piece: fc.constantFrom(...pieces) }), {
        minLength: 1,
        maxLength: 5,
      }),
    )
    .map(([index, edits]) => {
      let text = fromUtf8(samples[index] ?? new Uint8Array()) ?? '';
      for (const { at, length, how, piece } of edits) {
        const start = at % (text.length + 1);
        const [before, cut, after] = [text.slice(0, start), text.slice(start, start + length), text.slice(start + length)];
        if (how === 0) text = before + after;
        else if (how === 1) text = before + cut + cut + after;
        else if (how === 2) text = before + piece + cut + after;
        else text = after + before;
      }
      return toUtf8(text);
    });

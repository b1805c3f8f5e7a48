// The lines of a stream of JSON, bounded: a line that does not end is not waited for.

import { type Fields, isFields } from '../api/object.ts';
import { CodedError } from '../base/coded-error.ts';

const invalid = (problem: string): CodedError => new CodedError('ServerAnswerInvalid', `cannot read a watch: ${problem}`);

const parsed = (line: Buffer): Fields => {
  let value: unknown;
  try {
    value = JSON.parse(line.toString());
  } catch {
    throw invalid('a line of it is not JSON');
  }
  if (!isFields(value)) throw invalid('a line of it is not an object');
  return value;
};

/** The JSON objects of a stream. What comes after the last line end was cut off and is dropped. Throws ServerAnswerInvalid. */
export const jsonLines = async function* (chunks: AsyncIterable<Uint8Array>, maxLineBytes: number): AsyncGenerator<Fields> {
  let waiting: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of chunks) {
    const buffer = Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
    let start = 0;
    for (let end = buffer.indexOf(10); end >= 0; end = buffer.indexOf(10, start)) {
      const line = waiting.length === 0 ? buffer.subarray(start, end) : Buffer.concat([...waiting, buffer.subarray(start, end)]);
      [waiting, bytes, start] = [[], 0, end + 1];
      if (line.length > maxLineBytes) throw invalid(`a line of it is longer than ${maxLineBytes} bytes`);
      if (line.length > 0) yield parsed(line);
    }
    if (start < buffer.length) {
      waiting.push(buffer.subarray(start));
      bytes += buffer.length - start;
      if (bytes > maxLineBytes) throw invalid(`a line of it is longer than ${maxLineBytes} bytes`);
    }
  }
};

// Fields that stand twice in one object of a body. Parsers keep the last and say nothing, so the text is looked through again: by its
// tokens alone, in one pass, for it is known to be valid JSON by then.

import { isMap, isScalar, isSeq, type LineCounter } from 'yaml';

type Frame = {
  /** The fields seen so far; undefined in a list. */
  readonly fields: Set<string> | undefined;
  /** Which field or entry is being read. */
  at: string | number;
  expectsField: boolean;
};

/** More are not told. */
const maxTold = 100;

const pathOf = (frames: readonly Frame[], field: string): string =>
  [...frames.slice(0, -1).map(({ at }) => at), field].reduce<string>(
    (path, part) => (typeof part === 'number' ? `${path}[${part}]` : path === '' ? part : `${path}.${part}`),
    '',
  );

/** Where the string that begins at a quote ends: the place of its other quote. */
const endOfString = (text: string, start: number): number => {
  for (let end = text.indexOf('"', start + 1); end !== -1; end = text.indexOf('"', end + 1)) {
    let backslashes = 0;
    while (text[end - 1 - backslashes] === '\\') backslashes++;
    if (backslashes % 2 === 0) return end;
  }
  return text.length;
};

/** Paths of the fields that stand twice in valid JSON. */
export const duplicateFields = (text: string): readonly string[] => {
  const found: string[] = [];
  const frames: Frame[] = [];
  let frame: Frame | undefined;
  for (let i = 0; i < text.length && found.length < maxTold; i++) {
    switch (text.charCodeAt(i)) {
      case 0x22: {
        const end = endOfString(text, i);
        if (frame?.expectsField === true) {
          const raw = text.slice(i + 1, end);
          const field = raw.includes('\\') ? String(JSON.parse(text.slice(i, end + 1))) : raw;
          if (frame.fields?.has(field) === true) found.push(pathOf(frames, field));
          else frame.fields?.add(field);
          frame.at = field;
          frame.expectsField = false;
        }
        i = end;
        break;
      }
      case 0x7b:
        frame = { fields: new Set(), at: '', expectsField: true };
        frames.push(frame);
        break;
      case 0x5b:
        frame = { fields: undefined, at: 0, expectsField: false };
        frames.push(frame);
        break;
      case 0x7d:
      case 0x5d:
        frames.pop();
        frame = frames.at(-1);
        break;
      case 0x2c:
        if (frame?.fields !== undefined) frame.expectsField = true;
        else if (typeof frame?.at === 'number') frame.at++;
        break;
      default:
    }
  }
  return found;
};

/** The same of a YAML document, told as Kubernetes' own parser tells it. */
export const duplicateKeys = (contents: unknown, lines: LineCounter): readonly string[] => {
  const found: string[] = [];
  const walk = (node: unknown): void => {
    if (isSeq(node)) for (const item of node.items) walk(item);
    if (!isMap(node)) return;
    const seen = new Set<unknown>();
    for (const { key, value } of node.items) {
      if (isScalar(key)) {
        if (seen.has(key.value) && found.length < maxTold)
          found.push(`line ${lines.linePos(key.range?.[0] ?? 0).line}: key ${JSON.stringify(key.value)} already set in map`);
        seen.add(key.value);
      }
      walk(value);
    }
  };
  walk(contents);
  return found;
};

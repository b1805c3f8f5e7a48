// Arbitrary DER that is nearly right: samples taken apart into elements, one to three of them damaged, and put together again with the
// lengths around them right, so that the damage reaches the decoder of that very field. Contents of OCTET STRINGs and BIT STRINGs that are
// DER themselves are taken apart too.

import fc from 'fast-check';
import { element } from '../pki/der.ts';

type Node = {
  tag: number;
  /** Octets before nested elements: the count of unused bits of a BIT STRING. */
  prefix: Uint8Array;
  children: Node[] | undefined;
  content: Uint8Array;
  /** Written in place of the whole element. */
  raw: Uint8Array | undefined;
};

const none = new Uint8Array();

/** Elements of bytes, or undefined where they are not DER to the end. */
const takeApart = (bytes: Uint8Array, depth = 0): Node[] | undefined => {
  const nodes: Node[] = [];
  let at = 0;
  while (at < bytes.length) {
    const tag = bytes[at] ?? 0;
    const first = bytes[at + 1];
    if (first === undefined || (tag & 0x1f) === 0x1f || tag === 0) return undefined;
    let start = at + 2;
    let length = first;
    if (first >= 0x80) {
      const count = first - 0x80;
      if (count === 0 || count > 3) return undefined;
      length = bytes.subarray(start, start + count).reduce((sum, octet) => sum * 256 + octet, 0);
      start += count;
    }
    if (start + length > bytes.length) return undefined;
    const content = bytes.subarray(start, start + length);
    const isString = tag === 0x03 || tag === 0x04;
    const prefix = tag === 0x03 ? content.subarray(0, 1) : none;
    const nested =
      depth < 30 && content.length > prefix.length && ((tag & 0x20) !== 0 || isString)
        ? takeApart(content.subarray(prefix.length), depth + 1)
        : undefined;
    nodes.push({ tag, prefix, children: nested, content, raw: undefined });
    at = start + length;
  }
  return nodes;
};

const putTogether = (node: Node): Uint8Array =>
  node.raw ??
  (node.children === undefined ? element(node.tag, node.content) : element(node.tag, node.prefix, ...node.children.map(putTogether)));

const flatten = (nodes: readonly Node[]): Node[] => nodes.flatMap((node) => [node, ...flatten(node.children ?? [])]);

const parentOf = (roots: readonly Node[], child: Node): Node | undefined =>
  flatten(roots).find(({ children }) => children?.includes(child) === true);

type Damage = (node: Node, parent: Node | undefined, number: number, bytes: Uint8Array) => void;

const setContent = (node: Node, content: Uint8Array): void => {
  node.children = undefined;
  node.content = content;
};

const flipBit = (bytes: Uint8Array, number: number): Uint8Array => {
  const flipped = Uint8Array.from(bytes);
  const at = (number >> 3) % Math.max(1, bytes.length);
  if (bytes.length > 0) flipped[at] = (flipped[at] ?? 0) ^ (1 << (number & 7));
  return flipped;
};

/** A header whose length says `number` more, or fewer, or is not in its shortest form, or is indefinite, before the right content. */
const lengthForms = (number: number, length: number): readonly number[] => {
  const forms = [
    [(length + number) & 0x7f],
    [0x80],
    [0x81, length & 0xff],
    [0x82, 0, length & 0xff],
    [0x84, 0xff, 0xff, 0xff, 0xff],
    [0x85, 1, 0, 0, 0, 0],
    [0x89, 1, 1, 1, 1, 1, 1, 1, 1, 1],
  ];
  return forms[number % forms.length] ?? [];
};

const damages: readonly Damage[] = [
  (node, _parent, number) => setContent(node, flipBit(putTogether(node).subarray(2), number)),
  (node) => setContent(node, none),
  (node, _parent, number) => setContent(node, node.content.subarray(0, number % (node.content.length + 1))),
  (node, _parent, _number, bytes) => setContent(node, bytes),
  (node, _parent, _number, bytes) => setContent(node, Buffer.concat([node.content, bytes])),
  (node, _parent, number) => {
    node.tag = number & 0xff;
  },
  (node, _parent, number) => {
    node.tag ^= 1 << (number & 7);
  },
  (node, _parent, number) => {
    const whole = putTogether(node);
    const header = [node.tag, ...lengthForms(number, node.content.length)];
    node.raw = Buffer.concat([Uint8Array.from(header), whole.subarray(whole.length - node.content.length)]);
  },
  (node, parent) => {
    parent?.children?.splice(parent.children.indexOf(node), 1);
  },
  (node, parent, number) => {
    const copies = Array.from({ length: 1 + (number % 3) }, () => node);
    parent?.children?.splice(parent.children.indexOf(node), 0, ...copies);
  },
  (_node, parent) => {
    parent?.children?.reverse();
  },
  (node, _parent, number) => {
    // Nested in itself, deeper than any structure here.
    let nested = putTogether(node);
    for (let i = 0; i < number % 40; i++) nested = element(node.tag, nested);
    node.raw = nested;
  },
  (node, _parent, _number, bytes) => {
    node.raw = bytes;
  },
  (node) => {
    node.raw = element(node.tag | 0x20);
  },
];

/** Bytes near one of the samples. */
export const brokenDer = (samples: readonly Uint8Array[]): fc.Arbitrary<Uint8Array> =>
  fc
    .tuple(
      fc.nat(samples.length - 1),
      fc.array(
        fc.record({
          at: fc.nat(100_000),
          damage: fc.nat(damages.length - 1),
          number: fc.nat(0xffff),
          bytes: fc.uint8Array({ maxLength: 12 }),
        }),
        { minLength: 1, maxLength: 3 },
      ),
    )
    .map(([index, steps]) => {
      const sample = samples[index] ?? none;
      const roots = takeApart(sample) ?? [];
      for (const { at, damage, number, bytes } of steps) {
        const nodes = flatten(roots);
        const node = nodes[at % Math.max(1, nodes.length)];
        if (node !== undefined) damages[damage]?.(node, parentOf(roots, node), number, bytes);
      }
      return Buffer.concat(roots.map(putTogether));
    });

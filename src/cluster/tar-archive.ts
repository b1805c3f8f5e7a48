// A gzipped ustar archive in memory (POSIX.1-1988 with the pax path record of POSIX.1-2001 for long names). The same entries give the
// same bytes: owner is root, and the time is the caller's.

import { gzipSync } from 'node:zlib';

/** One regular file. `name` is relative, with forward slashes. */
export type ArchiveEntry = { readonly name: string; readonly mode: number; readonly content: Uint8Array };

const blockBytes = 512;
const maxNameBytes = 100;

const octal = (value: number, width: number): string => `${value.toString(8).padStart(width - 1, '0')}\0`;

const header = (name: string, mode: number, size: number, mtime: Date, type: '0' | '5' | 'x'): Uint8Array => {
  const block = Buffer.alloc(blockBytes);
  block.write(name, 0, maxNameBytes, 'utf8');
  block.write(octal(mode, 8), 100, 'latin1');
  block.write(octal(0, 8), 108, 'latin1');
  block.write(octal(0, 8), 116, 'latin1');
  block.write(octal(size, 12), 124, 'latin1');
  block.write(octal(Math.max(0, Math.floor(mtime.getTime() / 1000)), 12), 136, 'latin1');
  block.write('        ', 148, 'latin1');
  block.write(type, 156, 'latin1');
  block.write('ustar\x0000', 257, 'latin1');
  block.write('root', 265, 'latin1');
  block.write('root', 297, 'latin1');
  // The checksum counts its own field as blanks, which it was just filled with.
  let sum = 0;
  for (const octet of block) sum += octet;
  block.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return block;
};

const padding = (size: number): Uint8Array => Buffer.alloc((blockBytes - (size % blockBytes)) % blockBytes);

/** The pax record of a path; its length counts itself. */
const paxRecord = (name: string): Uint8Array => {
  const rest = ` path=${name}\n`;
  let length = Buffer.byteLength(rest) + 1;
  while (String(length).length + Buffer.byteLength(rest) !== length) length = String(length).length + Buffer.byteLength(rest);
  return Buffer.from(`${length}${rest}`, 'utf8');
};

const named = (name: string, mode: number, content: Uint8Array, mtime: Date, type: '0' | '5'): readonly Uint8Array[] => {
  const long = Buffer.byteLength(name) > maxNameBytes ? paxRecord(name) : undefined;
  const pax = long === undefined ? [] : [header('././@PaxHeader', 0o644, long.length, mtime, 'x'), long, padding(long.length)];
  return [...pax, header(name, mode, content.length, mtime, type), content, padding(content.length)];
};

/** Every directory above the entries, the upper ones first. */
const directoriesOf = (entries: readonly ArchiveEntry[]): readonly string[] => {
  const directories = new Set<string>();
  for (const { name } of entries) {
    const parts = name.split('/').slice(0, -1);
    for (let depth = 1; depth <= parts.length; depth++) directories.add(`${parts.slice(0, depth).join('/')}/`);
  }
  return [...directories].sort();
};

/** The archive of some files, in the order of their names; directories are 0700. */
export const tarGzip = (entries: readonly ArchiveEntry[], mtime: Date): Uint8Array => {
  const files = [...entries].sort((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
  const blocks = [
    ...directoriesOf(files).flatMap((name) => named(name, 0o700, new Uint8Array(), mtime, '5')),
    ...files.flatMap(({ name, mode, content }) => named(name, mode, content, mtime, '0')),
    Buffer.alloc(2 * blockBytes),
  ];
  return gzipSync(Buffer.concat(blocks), { level: 9 });
};

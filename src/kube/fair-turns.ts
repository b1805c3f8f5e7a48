// Whose turn it is: keys wait in a line for each namespace, and namespaces take turns. A namespace that has as many keys in work as it may
// sits out until one of them ends, so that a single one never holds all the workers. Every operation is O(1).

import { createFifo, type Fifo } from './fifo.ts';
import { namespaceOfKey } from './work-key.ts';

type Line = { readonly keys: Fifo<string>; inWork: number; hasTurn: boolean };

export type FairTurns = {
  /** The caller sees to it that no key is added that waits already. */
  add(key: string): void;
  /** The next key; its namespace has one more in work then. */
  take(): string | undefined;
  /** A key that was taken is no longer in work. */
  end(key: string): void;
  readonly size: number;
};

export const createFairTurns = (maxPerNamespace: number): FairTurns => {
  const lines = new Map<string, Line>();
  const turns = createFifo<Line>();
  let size = 0;

  const giveTurn = (line: Line): void => {
    if (line.hasTurn || line.keys.size === 0 || line.inWork >= maxPerNamespace) return;
    line.hasTurn = true;
    turns.push(line);
  };

  return {
    add: (key) => {
      const namespace = namespaceOfKey(key);
      const line = lines.get(namespace) ?? { keys: createFifo<string>(), inWork: 0, hasTurn: false };
      lines.set(namespace, line);
      line.keys.push(key);
      size += 1;
      giveTurn(line);
    },
    take: () => {
      const line = turns.shift();
      const key = line?.keys.shift();
      if (line === undefined || key === undefined) return undefined;
      line.hasTurn = false;
      line.inWork += 1;
      size -= 1;
      giveTurn(line);
      return key;
    },
    end: (key) => {
      const namespace = namespaceOfKey(key);
      const line = lines.get(namespace);
      if (line === undefined) return;
      line.inWork -= 1;
      giveTurn(line);
      if (line.inWork === 0 && line.keys.size === 0) lines.delete(namespace);
    },
    get size() {
      return size;
    },
  };
};

// A store's file that tells when the disk begins to refuse writes, and when it takes them again: those who ask get an error each, and whoever
// looks after the machine one line.

import type { StoreFile } from './store-file.ts';

/** The same file. */
export const tellRefusals = (file: StoreFile, onNotice: (line: string) => void): StoreFile => {
  let isRefusing = false;
  return {
    revision: file.revision,
    rows: () => file.rows(),
    commit: (changes, revision) => {
      try {
        file.commit(changes, revision);
      } catch (error) {
        if (!isRefusing)
          onNotice(`warning: ${error instanceof Error ? error.message : 'cannot write the store'}; reads go on, writes are refused`);
        isRefusing = true;
        throw error;
      }
      if (isRefusing) onNotice('the store can be written again');
      isRefusing = false;
    },
    close: () => file.close(),
  };
};

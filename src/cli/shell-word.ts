// Words of command lines that are printed for people to paste: quoted where a POSIX shell would read them as something else.

/** A word as a shell takes it. */
export const shellWord = (word: string): string => (/^[A-Za-z0-9_@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`);

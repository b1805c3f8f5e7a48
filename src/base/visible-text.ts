// Text from outside on its way to a terminal or a log: what steers a terminal, reorders a line or cannot be seen is shown as its code point,
// so that nothing a certificate or a file says can pass for something else.

/** Controls (line feed and tab aside), formatting characters (bidirectional ones and zero widths among them), separators of lines. */
const unseen = /[^\P{Cc}\n\t]|[\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string =>
  Array.from({ length: character.length }, (_, i) => `\\u${character.charCodeAt(i).toString(16).padStart(4, '0')}`).join('');

/** The text with each such character as JSON escapes it (`\\u202e`), so that JSON stays the same JSON. */
export const visibleText = (text: string): string => text.replace(unseen, escaped);

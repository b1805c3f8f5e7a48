// JSON merge patch (RFC 7386) over JSON values; nothing of what is given is changed.

import { isFields } from '../api/object.ts';

/** Fields of the patch replace those of the document, maps field by field, and null takes away. */
export const applyMergePatch = (document: unknown, patch: unknown): unknown => {
  if (!isFields(patch)) return patch;
  const merged: Record<string, unknown> = isFields(document) ? { ...document } : {};
  for (const [name, value] of Object.entries(patch))
    if (name === '__proto__') continue;
    else if (value === null) delete merged[name];
    else merged[name] = applyMergePatch(merged[name], value);
  return merged;
};

// Files shown one after the other: what `pki inspect` does. It knows nothing of the parser of command lines, because a certificate is read
// and shown in less time than that takes to load.

import { quote } from '../base/coded-error.ts';
import { type InspectedItem, inspect } from '../pki/inspect.ts';
import { inspectionText } from '../pki/inspect-text.ts';
import { type Io, say } from './io.ts';
import { looksLikeKubeconfig } from './kubeconfig-look.ts';
import { type OutputFormat, printResult } from './output-format.ts';
import { withPassphrase } from './passphrase.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';

/** An item with where it was found: file, and part of a kubeconfig. */
type Found = InspectedItem & { readonly source: string };

type Inspecting = { readonly at: Date; readonly passphraseFile?: string | undefined };

const inspectFile = async (io: Io, path: string, { at, passphraseFile }: Inspecting): Promise<readonly Found[]> => {
  const source = path === '-' ? 'standard input' : path;
  const what = inputName(path);
  const bytes = await readInput(io, path);
  if (!looksLikeKubeconfig(bytes))
    return withPassphrase(io, { passphraseFile }, what, async (passphrase) =>
      (await inspect(bytes, { at, passphrase, what })).map((item) => ({ source, ...item })),
    );
  const { kubeconfigParts } = await import('./inspect-kubeconfig.ts');
  const found: Found[] = [];
  for (const part of await kubeconfigParts(bytes, what)) {
    const where = `${source}, ${part.where}`;
    if ('file' in part) say(io, `${where}: in file ${quote(part.file)}, which is not read`);
    else found.push(...(await inspect(part.bytes, { at, what: `${what}, ${part.where}` })).map((item) => ({ source: where, ...item })));
  }
  return found;
};

export type InspectOrder = {
  readonly output: OutputFormat;
  /** The time validity is told for; now unless given. */
  readonly at?: Date | undefined;
  readonly passphraseFile?: string | undefined;
};

/** Shows files in the order given. */
export const inspectFiles = async (
  io: Io,
  files: readonly string[],
  { output, at = io.now(), passphraseFile }: InspectOrder,
): Promise<void> => {
  onlyOneStdin([...files, passphraseFile]);
  const found: Found[] = [];
  for (const path of files) found.push(...(await inspectFile(io, path, { at, passphraseFile })));
  await printResult(io, output, { items: found }, () =>
    found.map((item) => inspectionText(item, files.length === 1 && item.source === files[0] ? '' : item.source)).join('\n'),
  );
};

// One cluster, user and context of ours put into a kubeconfig of somebody's, everything else left as it is, comments among it. Entries of ours
// are known by an extension that names their owner; those of others, though of the same name, are never touched. Pure.

import { type Document, isMap, isScalar, isSeq, parseDocument, type YAMLMap } from 'yaml';
import { CodedError, quote } from '../base/coded-error.ts';

/** What is put into a kubeconfig. */
export type KubeconfigEntry = {
  /** Of the cluster, the user and the context alike. */
  readonly name: string;
  /** Whose entries these are; only its own are replaced. */
  readonly owner: string;
  readonly server: string;
  /** PEM. */
  readonly trustPem: string;
  readonly chainPem: string;
  readonly keyPem: string;
};

export type MergedKubeconfig = {
  readonly text: string;
  readonly currentContext: string;
};

const maxAliasCount = 100;
const extensionName = 'certwright.dev/up';

const invalid = (what: string, problem: string): CodedError =>
  new CodedError('KubeconfigInvalid', `cannot merge into ${what}: ${problem}`, {
    hint: 'put it right, or name another file in KUBECONFIG',
  });

const parse = (source: string, what: string): Document => {
  const document: Document = parseDocument(source, { logLevel: 'error', prettyErrors: false });
  const [error] = document.errors;
  if (error !== undefined) throw invalid(what, `it is not YAML (${error.code})`);
  if (document.contents === null || (isScalar(document.contents) && document.contents.value === null))
    document.contents = document.createNode({ apiVersion: 'v1', kind: 'Config' });
  if (!isMap(document.contents)) throw invalid(what, 'it is no kubeconfig');
  for (const [field, expected] of [
    ['kind', 'Config'],
    ['apiVersion', 'v1'],
  ] as const) {
    const found: unknown = document.get(field);
    if (found !== undefined && found !== null && found !== expected)
      throw invalid(what, `its ${field} is ${quote(String(found))}, expected ${quote(expected)}`);
  }
  return document;
};

/** The entries of a list by which kubeconfigs are made up; an absent one is begun. */
const entriesOf = (document: Document, list: string, what: string): readonly YAMLMap[] => {
  const found: unknown = document.get(list);
  if (found === undefined || found === null) {
    document.set(list, document.createNode([]));
    return [];
  }
  const items: readonly unknown[] = isSeq(found) ? found.items : [undefined];
  return items.map((item) => {
    if (!isMap(item) || typeof item.get('name') !== 'string') throw invalid(what, `its ${list} are not a list of named entries`);
    return item;
  });
};

const ownerIn = (fields: YAMLMap): unknown => {
  const extensions: unknown = fields.get('extensions');
  const ours = isSeq(extensions) ? extensions.items.find((item) => isMap(item) && item.get('name') === extensionName) : undefined;
  return isMap(ours) ? ours.getIn(['extension', 'data-dir']) : undefined;
};

const put = (
  document: Document,
  what: string,
  { name, owner }: KubeconfigEntry,
  [list, part, fields]: readonly [string, string, Readonly<Record<string, unknown>>],
): void => {
  const entries = entriesOf(document, list, what);
  const extensions = [{ name: extensionName, extension: { 'data-dir': owner } }];
  const found = entries.find((entry) => entry.get('name') === name);
  if (found === undefined) {
    // As kubectl orders them: by letter.
    const entry = list === 'users' ? { name, [part]: { ...fields, extensions } } : { [part]: { ...fields, extensions }, name };
    document.addIn([list], document.createNode(entry));
    return;
  }
  const body: unknown = found.get(part);
  if (!isMap(body) || ownerIn(body) !== owner)
    throw new CodedError('UsageInvalid', `cannot merge into ${what}: it has one of ${list} ${quote(name)} that is not of this server`, {
      hint: 'name the context otherwise: --kubeconfig-context NAME',
    });
  for (const [field, value] of Object.entries(fields)) body.set(field, value);
};

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/**
 * A kubeconfig with the entry in it; no source is an empty one. The current context is set where none is. Throws KubeconfigInvalid, and
 * UsageInvalid where the name belongs to something else.
 */
export const mergeKubeconfig = (source: string | undefined, entry: KubeconfigEntry, what: string): MergedKubeconfig => {
  const document = parse(source ?? '', what);
  const { name, server, trustPem, chainPem, keyPem } = entry;
  put(document, what, entry, ['clusters', 'cluster', { 'certificate-authority-data': base64(trustPem), server }]);
  put(document, what, entry, ['contexts', 'context', { cluster: name, user: name }]);
  put(document, what, entry, ['users', 'user', { 'client-certificate-data': base64(chainPem), 'client-key-data': base64(keyPem) }]);
  const current: unknown = document.get('current-context');
  const isSet = typeof current === 'string' && current !== '';
  if (!isSet) document.set('current-context', name);
  return { text: written(document, source ?? '', what), currentContext: isSet ? current : name };
};

const isJson = (text: string): boolean => {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
};

const isSame = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b);

/** The text of a document, read again: whatever YAML can say and a writer cannot is refused, not lost. */
const written = (document: Document, source: string, what: string): string => {
  let isKept = false;
  let text = '';
  try {
    text = format(document, source);
    isKept = isSame(
      parseDocument(text, { logLevel: 'error', prettyErrors: false }).toJS({ maxAliasCount }),
      document.toJS({ maxAliasCount }),
    );
  } catch {
    // Aliases to nothing, or nested to keep a reader busy.
  }
  if (!isKept) throw invalid(what, 'it has anchors, aliases or keys that cannot be written as they were');
  return text;
};

/** The text of a document, as its source is written: JSON stays JSON, lists and braces are set as there, or else as kubectl does. */
const format = (document: Document, source: string): string => {
  if (isJson(source)) return `${JSON.stringify(document.toJS({ maxAliasCount }), undefined, 2)}\n`;
  return document.toString({
    lineWidth: 0,
    indentSeq: /^(?:clusters|contexts|users):[^\n]*\n +- /m.test(source),
    flowCollectionPadding: /[{[] \S/.test(source),
  });
};

// Manifests that a data directory gets once, on its first start: applied as the administrator's, through the same door as every request. That
// it is done is on record in the store, so a start that was cut short does it again, and what somebody deletes later stays deleted.

import { parseAllDocuments } from 'yaml';
import type { UserInfo } from '../api/kind.ts';
import { type Fields, fieldsAt, groupVersion, isFields, textAt } from '../api/object.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import type { ApiRequest } from './api-request.ts';
import { handleRequest, type Surface } from './handle-request.ts';

/** A file of manifests; `name` is how messages call it. */
export type ManifestFile = { readonly name: string; readonly text: string };

type Manifest = { readonly file: string; readonly value: Fields };

const administrator: UserInfo = { username: 'kubernetes-admin', groups: ['kubeadm:cluster-admins', 'system:authenticated'] };
const recordName = 'certwright-first-start';
const recordsPath = '/api/v1/namespaces/kube-system/configmaps';
const maxAliases = 100;
/** How long a kind that a manifest defines may take to be served. */
const establishMs = 5000;

const refused = ({ file, value }: Manifest, problem: string): CodedError =>
  new CodedError(
    'ManifestRefused',
    `cannot apply ${textAt(value, 'kind') || 'an object'} ${quote(textAt(value['metadata'], 'name'))} of ${quote(file)}: ${problem}`,
    { hint: 'mend the manifest and start again; what was applied before it is applied again without harm' },
  );

/** The objects in a file. Throws ManifestRefused. */
export const readManifests = ({ name: file, text }: ManifestFile): readonly Manifest[] =>
  parseAllDocuments(text, { version: '1.1', prettyErrors: false }).flatMap((document) => {
    const [error] = document.errors;
    if (error !== undefined) throw refused({ file, value: {} }, error.message);
    let value: unknown;
    try {
      value = document.toJS({ maxAliasCount: maxAliases });
    } catch {
      throw refused({ file, value: {} }, 'it has too many aliases');
    }
    if (value === null || value === undefined) return [];
    if (!isFields(value)) throw refused({ file, value: {} }, 'it is not an object');
    return [{ file, value }];
  });

const ask = async (
  surface: Surface,
  method: string,
  path: string,
  body?: Fields,
): Promise<{ readonly status: number; readonly value: Fields }> => {
  const headers: Readonly<Record<string, string>> = {
    'content-type': method === 'PATCH' ? 'application/apply-patch+yaml' : 'application/json',
    'user-agent': 'certwright',
  };
  const request: ApiRequest = {
    method,
    path,
    query: new URLSearchParams(method === 'PATCH' ? { fieldManager: 'certwright', force: 'true' } : {}),
    header: (name) => headers[name],
    body: () => Promise.resolve(Buffer.from(body === undefined ? '' : JSON.stringify(body))),
    user: administrator,
  };
  const answer = await handleRequest(surface, request);
  const text = 'body' in answer ? String(answer.body) : '';
  return {
    status: answer.status,
    value: answer.headers['content-type'] === 'application/json' ? (JSON.parse(text) as Fields) : { message: text },
  };
};

/** Where an object is found; undefined while its kind is not served. */
const pathOf = ({ kinds }: Surface, value: Fields): string | undefined => {
  const found = kinds.kinds.find(
    ({ group, version, kind }) => groupVersion(group, version) === value['apiVersion'] && kind === value['kind'],
  );
  if (found === undefined) return undefined;
  const { group, version, plural, isNamespaced } = found;
  const metadata = fieldsAt(value, 'metadata');
  const namespace = isNamespaced ? `/namespaces/${encodeURIComponent(textAt(metadata, 'namespace') || 'default')}` : '';
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  return `${root}${namespace}/${plural}/${encodeURIComponent(textAt(metadata, 'name'))}`;
};

const servedPath = async (surface: Surface, manifest: Manifest): Promise<string> => {
  const until = Date.now() + establishMs;
  for (;;) {
    const path = pathOf(surface, manifest.value);
    if (path !== undefined) return path;
    if (Date.now() > until)
      throw refused(
        manifest,
        `kind ${quote(textAt(manifest.value, 'kind'))} of ${quote(textAt(manifest.value, 'apiVersion'))} is not served`,
      );
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
};

/** Applies the manifests unless that was done before. Answers how many objects there were, undefined where nothing was to be done. Throws ManifestRefused. */
export const applyOnce = async (surface: Surface, files: readonly ManifestFile[]): Promise<number | undefined> => {
  if ((await ask(surface, 'GET', `${recordsPath}/${recordName}`)).status === 200) return undefined;
  const manifests = files.flatMap(readManifests);
  for (const manifest of manifests) {
    const { status, value } = await ask(surface, 'PATCH', await servedPath(surface, manifest), manifest.value);
    if (status >= 300) throw refused(manifest, textAt(value, 'message'));
  }
  const record = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: recordName },
    data: { files: files.map(({ name }) => name).join('\n'), objects: String(manifests.length) },
  };
  await ask(surface, 'POST', recordsPath, record);
  return manifests.length;
};

// Objects in the shape that was asked for: as stored, as rows of a table, or their metadata alone.

import { stringify } from 'yaml';
import { type Column, createdAtColumn, nameColumn } from '../api/column.ts';
import type { Kind } from '../api/kind.ts';
import { type Fields, groupVersion, type KubernetesObject } from '../api/object.ts';
import type { Answer, Shape } from './media-type.ts';
import type { Stored } from './store.ts';

export type IncludeObject = 'Metadata' | 'Object' | 'None';

export const includeObject = (query: URLSearchParams): IncludeObject => {
  const value = query.get('includeObject');
  return value === 'Object' || value === 'None' ? value : 'Metadata';
};

const columnsOf = (kind: Kind): readonly Column[] => (kind.columns.length === 0 ? [nameColumn, createdAtColumn] : kind.columns);

const definitions = (kind: Kind): readonly Fields[] =>
  columnsOf(kind).map(({ name, type, format = '', priority }) => ({ name, type, format, description: '', priority }));

export const partialObject = ({ metadata }: KubernetesObject): Fields => ({
  kind: 'PartialObjectMetadata',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
});

const row = (kind: Kind, object: KubernetesObject, include: IncludeObject, now: Date): Fields => ({
  cells: columnsOf(kind).map(({ cell }) => cell(object, now)),
  object: include === 'None' ? null : include === 'Object' ? object : partialObject(object),
});

/** A table of these objects; without `withColumns` its columns are null, as in all events of a watch but the first. */
export const table = (
  kind: Kind,
  objects: readonly KubernetesObject[],
  metadata: Fields,
  options: { readonly include: IncludeObject; readonly now: Date; readonly withColumns?: boolean },
): Fields => ({
  kind: 'Table',
  apiVersion: 'meta.k8s.io/v1',
  metadata,
  columnDefinitions: options.withColumns === false ? null : definitions(kind),
  rows: objects.map((object) => row(kind, object, options.include, options.now)),
});

/** One object in a shape. */
export const shownObject = (kind: Kind, object: KubernetesObject, shape: Shape, include: IncludeObject, now: Date): Fields => {
  if (shape === 'table') return table(kind, [object], { resourceVersion: object.metadata.resourceVersion }, { include, now });
  return shape === 'metadata' ? partialObject(object) : object;
};

/** A JSON value in the format of an answer. */
export const encoded = (value: unknown, { format }: Answer): string => (format === 'yaml' ? stringify(value) : JSON.stringify(value));

const comma = Buffer.from(',');

/** How many bytes `{"apiVersion":…,"kind":…,` take at the head of every stored object of a kind. */
const headLength = (kind: Kind): number =>
  Buffer.byteLength(JSON.stringify({ apiVersion: groupVersion(kind.group, kind.version), kind: kind.kind })) - 1 + 1;

/** A list as JSON, out of the JSON of its objects; those of Kubernetes' own kinds carry no kind of their own in it. */
export const listJson = (kind: Kind, items: readonly Stored[], metadata: Fields): readonly Buffer[] => {
  const head = JSON.stringify({ kind: kind.listKind, apiVersion: groupVersion(kind.group, kind.version), metadata });
  const parts: Buffer[] = [Buffer.from(`${head.slice(0, -1)},"items":[`)];
  const skipped = kind.isCustom ? 1 : headLength(kind);
  for (const [i, { json }] of items.entries()) parts.push(...(i === 0 ? [] : [comma]), openBrace, json.subarray(skipped));
  return [...parts, Buffer.from(']}')];
};

const openBrace = Buffer.from('{');

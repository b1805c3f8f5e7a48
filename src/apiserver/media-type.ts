// Which form a body is in and which one an answer shall have. Protobuf is read and never written: a client that asks for it names JSON too.

import type { Kind } from '../api/kind.ts';
import { notAcceptable, unsupportedMediaType } from '../api/status.ts';

export const protobufType = 'application/vnd.kubernetes.protobuf';
const readable = ['application/json', 'application/yaml', protobufType] as const;
export type BodyType = (typeof readable)[number];

const patchable = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/apply-patch+yaml',
  'application/strategic-merge-patch+json',
] as const;
export type PatchType = (typeof patchable)[number];

/** How objects are shown: as they are, as rows of a table, or by their metadata alone. */
export type Shape = 'object' | 'table' | 'metadata';
export type Answer = { readonly shape: Shape; readonly format: 'json' | 'yaml'; readonly contentType: string };

const mediaType = (header: string): string => header.split(';')[0]?.trim().toLowerCase() ?? '';

/** The type of a body; none given is JSON. Throws UnsupportedMediaType. */
export const bodyType = (header: string | undefined): BodyType => {
  const type = mediaType(header ?? '');
  if (type === '') return 'application/json';
  const found = readable.find((known) => known === type);
  if (found === undefined) throw unsupportedMediaType(readable);
  return found;
};

/** The patches a kind takes: how lists of a custom resource are merged nobody says. */
export const patchTypesOf = ({ isCustom }: Pick<Kind, 'isCustom'>): readonly PatchType[] =>
  isCustom ? patchable.filter((type) => type !== 'application/strategic-merge-patch+json') : patchable;

/** The type of a patch. Throws UnsupportedMediaType, naming what this kind takes. */
export const patchType = (header: string | undefined, accepted: readonly PatchType[]): PatchType => {
  const type = mediaType(header ?? '');
  const found = accepted.find((known) => known === type);
  if (found === undefined) throw unsupportedMediaType(accepted);
  return found;
};

const parameters = (clause: string): Readonly<Record<string, string>> =>
  Object.fromEntries(
    clause
      .split(';')
      .slice(1)
      .map((part) => part.trim().split('='))
      .map(([key = '', value = '']) => [key, value]),
  );

const shapeOf = ({ as, g, v }: Readonly<Record<string, string>>): Shape | undefined => {
  if (as === undefined) return 'object';
  if (g !== 'meta.k8s.io' || (v !== 'v1' && v !== 'v1beta1')) return undefined;
  if (as === 'Table') return 'table';
  return as === 'PartialObjectMetadata' || as === 'PartialObjectMetadataList' ? 'metadata' : undefined;
};

const answerTo = (clause: string): Answer | undefined => {
  const type = mediaType(clause);
  const shape = shapeOf(parameters(clause));
  if (shape === undefined) return undefined;
  const isJson = type === 'application/json' || type === '*/*' || type === 'application/*';
  if (isJson) return { shape, format: 'json', contentType: 'application/json' };
  return type === 'application/yaml' && shape === 'object' ? { shape, format: 'yaml', contentType: 'application/yaml' } : undefined;
};

/** The first clause of an Accept header that can be answered. Throws NotAcceptable. */
export const negotiate = (accept: string | undefined): Answer => {
  for (const clause of (accept ?? '*/*').split(',')) {
    const answer = answerTo(clause.trim());
    if (answer !== undefined) return answer;
  }
  if (accept === '') return { shape: 'object', format: 'json', contentType: 'application/json' };
  throw notAcceptable(readable);
};

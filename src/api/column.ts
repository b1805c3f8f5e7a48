// Columns of the tables that `kubectl get` prints (https://kubernetes.io/docs/reference/using-api/api-concepts/#receiving-resources-as-tables).

import type { KubernetesObject } from './object.ts';

export type Cell = string | number | boolean | null;

export type Column = {
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  /** 0 is always shown, 1 with -o wide. */
  readonly priority: 0 | 1;
  readonly cell: (object: KubernetesObject, now: Date) => Cell;
};

const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

/** A time span in milliseconds as Kubernetes prints ages: 45s, 2m10s, 5h, 3d. */
export const formatAge = (ms: number): string => {
  const count = (unit: number): number => Math.floor(ms / unit);
  const pair = (large: number, letter: string, small: number, letterSmall: string): string => {
    const rest = Math.floor((ms % large) / small);
    return `${count(large)}${letter}${rest === 0 ? '' : `${rest}${letterSmall}`}`;
  };
  if (ms < -second) return '<invalid>';
  if (ms < 0) return '0s';
  if (ms < 2 * minute) return `${count(second)}s`;
  if (ms < 10 * minute) return pair(minute, 'm', second, 's');
  if (ms < 3 * hour) return `${count(minute)}m`;
  if (ms < 8 * hour) return pair(hour, 'h', minute, 'm');
  if (ms < 2 * day) return `${count(hour)}h`;
  if (ms < 8 * day) return pair(day, 'd', hour, 'h');
  if (ms < 2 * 365 * day) return `${count(day)}d`;
  if (ms < 8 * 365 * day) return pair(365 * day, 'y', day, 'd');
  return `${count(365 * day)}y`;
};

/** The age of something since a time in RFC 3339. */
export const age = (since: string | undefined, now: Date): string =>
  since === undefined || since === '' ? '<unknown>' : formatAge(now.getTime() - Date.parse(since));

/** A column of text. */
export const text = (name: string, cell: (object: KubernetesObject, now: Date) => Cell, priority: 0 | 1 = 0): Column => ({
  name,
  type: 'string',
  priority,
  cell,
});

export const nameColumn: Column = { ...text('Name', (object) => object.metadata.name ?? ''), format: 'name' };
export const ageColumn: Column = text('Age', (object, now) => age(object.metadata.creationTimestamp, now));
/** What kinds without columns of their own show. */
export const createdAtColumn: Column = text('Created At', (object) => object.metadata.creationTimestamp ?? '<unknown>');

// Watches: a stream of changes, one JSON object a line (https://kubernetes.io/docs/reference/using-api/api-concepts/#efficient-detection-of-changes).
// A change is serialised once for all watchers of the same shape.

import { type Kind, resourceKey } from '../api/kind.ts';
import { type Fields, groupVersion } from '../api/object.ts';
import { badRequest, httpCode, invalid } from '../api/status.ts';
import { type ApiResponse, count, flag, type KindRequest, type Server, type Sink } from './api-request.ts';
import { eventQueue, type Pieces } from './event-queue.ts';
import { revisionOf, selection } from './list-objects.ts';
import { negotiate } from './media-type.ts';
import { asServed } from './served-version.ts';
import { includeObject, partialObject, table } from './show-object.ts';
import type { Change, Stored } from './store.ts';

/** Without a timeout in the query a watch ends after this long, as a server's does now and then. */
const defaultTimeoutMs = 45 * 60_000;
const bookmarkIntervalMs = 60_000;

type EventType = Change['type'];
type Event = { readonly type: EventType; readonly stored: Stored };

/** What a watcher that selects sees of a change: entering is ADDED, leaving DELETED. */
const seen = ({ type, stored, previous }: Change, selects: ((stored: Stored) => boolean) | undefined): Event | undefined => {
  if (selects === undefined) return { type, stored };
  const after = type !== 'DELETED' && selects(stored);
  const before = previous !== undefined && selects(previous);
  if (after) return { type: before ? 'MODIFIED' : 'ADDED', stored };
  if (!before || previous === undefined) return undefined;
  // The state before it left, under the revision of the change.
  const object = { ...previous.object, metadata: { ...previous.object.metadata, resourceVersion: String(stored.revision) } };
  return { type: 'DELETED', stored: type === 'DELETED' ? stored : { ...stored, object, json: Buffer.from(JSON.stringify(object)) } };
};

const lineEnd = Buffer.from('}\n');
const lineStart = (type: string): Buffer => Buffer.from(`{"type":"${type}","object":`);
const lineStarts: Readonly<Record<EventType, Buffer>> = {
  ADDED: lineStart('ADDED'),
  MODIFIED: lineStart('MODIFIED'),
  DELETED: lineStart('DELETED'),
};

/** The line of an event with the whole object, around the JSON that was made when it was stored. */
const objectLine = ({ type, stored }: Event): Pieces => [lineStarts[type], stored.json, lineEnd];

/** How many events lately sent are remembered in the shapes they were sent in. */
const maxRecent = 256;
type Shown = { readonly kind: Kind; readonly form: string; readonly line: Buffer };
const recent = new Map<Stored, Shown[]>();

/** A line that is made of the object, made once for all who want it in the same form about now. */
const sharedLine = (kind: Kind, form: string, stored: Stored, make: () => string): Buffer => {
  const known = recent.get(stored) ?? [];
  const found = known.find((shown) => shown.kind === kind && shown.form === form);
  if (found !== undefined) return found.line;
  const made: Shown = { kind, form, line: Buffer.from(make()) };
  if (known.length === 0) recent.set(stored, known);
  known.push(made);
  if (recent.size > maxRecent) for (const oldest of recent.keys()) if (recent.delete(oldest)) break;
  return made.line;
};

const line = (type: string, object: unknown): string => `${JSON.stringify({ type, object })}\n`;

const bookmark = (kind: Kind, revision: number, annotations?: Fields): Fields => ({
  kind: kind.kind,
  apiVersion: groupVersion(kind.group, kind.version),
  metadata: { resourceVersion: String(revision), creationTimestamp: null, ...(annotations && { annotations }) },
});

const expiredStatus = (asked: number, oldest: number): Fields => ({
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: `too old resource version: ${asked} (${oldest})`,
  reason: 'Expired',
  code: httpCode('Expired'),
});

type Watch = {
  readonly from: number | undefined;
  readonly sendsInitial: boolean;
  readonly endsInitial: boolean;
  readonly bookmarks: boolean;
  readonly timeoutMs: number;
};

const readWatch = ({ request: { query } }: KindRequest): Watch => {
  const asked = revisionOf(query);
  const watchList = query.get('sendInitialEvents') !== null;
  const initial = flag(query, 'sendInitialEvents');
  const match = query.get('resourceVersionMatch') ?? '';
  const refuse = (field: string, message: string): never => {
    throw invalid({ group: 'meta.k8s.io', kind: 'ListOptions' }, '', [
      { field, reason: 'FieldValueForbidden', message: `Forbidden: ${message}` },
    ]);
  };
  if (watchList && match !== 'NotOlderThan')
    refuse('resourceVersionMatch', 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan');
  if (!watchList && match !== '')
    refuse('resourceVersionMatch', 'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided');
  const bookmarks = flag(query, 'allowWatchBookmarks');
  const seconds = count(query, 'timeoutSeconds') ?? 0;
  return {
    from: asked === undefined || asked === 0 || initial ? undefined : asked,
    sendsInitial: watchList ? initial : asked === undefined || asked === 0,
    // The end of it is a bookmark, so only who takes those is told.
    endsInitial: initial && bookmarks,
    bookmarks,
    timeoutMs: seconds === 0 ? defaultTimeoutMs : Math.min(seconds * 1000, 0x7fffffff),
  };
};

/** The answer to a watch. Errors before the stream are ordinary ones. */
export const watchObjects = (server: Server, asked: KindRequest): ApiResponse => {
  const { kind, namespace, request } = asked;
  const answer = negotiate(request.header('accept'));
  if (answer.format !== 'json') throw badRequest('a watch is answered in JSON only');
  const watch = readWatch(asked);
  const selects = selection(asked);
  const include = includeObject(request.query);
  const { store } = server;
  const resource = resourceKey(kind);
  const isWithin = ({ stored }: { readonly stored: Stored }): boolean => namespace === '' || stored.namespace === namespace;

  const stream = (sink: Sink): void => {
    const queue = eventQueue(sink);
    let withColumns = true;
    const shown = ({ type, stored }: Event): Pieces => {
      const event: Event = { type, stored: asServed(kind, stored) };
      if (answer.shape === 'object') return objectLine(event);
      const { object } = event.stored;
      if (answer.shape === 'metadata') return [sharedLine(kind, type, event.stored, () => line(type, partialObject(object)))];
      const row = (columns: boolean): string => {
        const metadata = { resourceVersion: object.metadata.resourceVersion };
        return line(type, table(kind, [object], metadata, { include, now: server.now(), withColumns: columns }));
      };
      if (!withColumns) return [sharedLine(kind, `${type} ${include}`, event.stored, () => row(false))];
      withColumns = false;
      return [row(true)];
    };
    const deliver = (change: Change): void => {
      const event = isWithin(change) ? seen(change, selects) : undefined;
      if (event !== undefined) queue.push(() => shown(event), event.stored.json.length);
    };
    // Said in its place among the events.
    const say = (text: string): void => queue.push(() => [text], text.length);
    if (watch.sendsInitial) {
      for (const stored of store.list(resource, namespace === '' ? undefined : namespace))
        if (selects === undefined || selects(stored)) queue.push(() => shown({ type: 'ADDED', stored }), 0);
      if (watch.endsInitial) say(line('BOOKMARK', bookmark(kind, store.revision, { 'k8s.io/initial-events-end': 'true' })));
    } else if (watch.from !== undefined) {
      const missed = store.changesSince(resource, watch.from);
      if (missed === undefined) {
        say(line('ERROR', expiredStatus(watch.from, store.oldestRevision)));
        queue.end();
        return;
      }
      for (const change of missed) deliver(change);
    }
    let said = store.revision;
    // A revision of the future is waited for: what lies before it is not told.
    const unwatch = store.watch(resource, (change) => {
      if (watch.from === undefined || change.stored.revision > watch.from) deliver(change);
    });
    const timeout = setTimeout(() => {
      unwatch();
      queue.end();
    }, watch.timeoutMs);
    const bookmarks = setInterval(() => {
      if (!watch.bookmarks || store.revision === said) return;
      said = store.revision;
      say(line('BOOKMARK', bookmark(kind, said)));
    }, bookmarkIntervalMs);
    sink.onClose(() => {
      unwatch();
      clearTimeout(timeout);
      clearInterval(bookmarks);
    });
  };
  return { status: 200, headers: { 'content-type': 'application/json' }, stream };
};

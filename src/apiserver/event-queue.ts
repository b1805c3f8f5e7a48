// What waits for one watcher. Events wait as what they are and become bytes as the other side takes them, so that a slow reader of a large
// state costs next to nothing, and what one commit brings goes out in one piece. Who lets too much wait, or takes nothing, is cut off.

import type { Sink } from './api-request.ts';

/** An event as the pieces of its line, made when it is sent. */
export type Pieces = readonly (Uint8Array | string)[];

export type EventQueue = {
  /** `bytes` is what it keeps in memory while it waits; what is kept anyway counts nothing. */
  push(make: () => Pieces, bytes: number): void;
  /** Ends the stream once everything is sent. */
  end(): void;
};

export type EventQueueLimits = {
  readonly waitingBytes: number;
  /** How long the other side may take nothing while something waits. */
  readonly stuckMs: number;
};

export const eventQueueLimits: EventQueueLimits = { waitingBytes: 16 * 1024 * 1024, stuckMs: 60_000 };

/** Sent in pieces of about this size. */
const pieceBytes = 64 * 1024;

type Waiting = { readonly make: () => Pieces; readonly bytes: number };

const bytesOf = (piece: Uint8Array | string): Uint8Array => (typeof piece === 'string' ? Buffer.from(piece) : piece);

export const eventQueue = (sink: Sink, limits: EventQueueLimits = eventQueueLimits): EventQueue => {
  let queue: (Waiting | undefined)[] = [];
  let head = 0;
  let waitingBytes = 0;
  let isEnding = false;
  let isClosed = false;
  let isScheduled = false;
  let isBlocked = false;
  let stuck: NodeJS.Timeout | undefined;

  const forget = (): void => {
    isClosed = true;
    clearTimeout(stuck);
    [queue, head, waitingBytes] = [[], 0, 0];
  };
  const cut = (): void => {
    forget();
    sink.destroy();
  };
  const take = (): readonly Uint8Array[] => {
    const pieces: Uint8Array[] = [];
    let size = 0;
    while (size < pieceBytes) {
      const next = queue[head];
      if (next === undefined) break;
      queue[head++] = undefined;
      waitingBytes -= next.bytes;
      for (const piece of next.make().map(bytesOf)) {
        pieces.push(piece);
        size += piece.length;
      }
    }
    return pieces;
  };
  const pump = (): void => {
    isScheduled = false;
    isBlocked = false;
    clearTimeout(stuck);
    if (isClosed) return;
    while (head < queue.length && sink.waitingBytes() < pieceBytes) sink.write(Buffer.concat(take()));
    if (head < queue.length) {
      isBlocked = true;
      stuck = setTimeout(cut, limits.stuckMs);
      return;
    }
    [queue, head] = [[], 0];
    if (isEnding) {
      forget();
      sink.end();
    }
  };
  sink.onDrain(pump);
  sink.onClose(forget);
  const schedule = (): void => {
    // Whatever else the same commit brings goes along. Where the other side is waited for, it wakes the pump.
    if (isScheduled || isBlocked) return;
    isScheduled = true;
    queueMicrotask(pump);
  };
  return {
    push: (make, bytes) => {
      if (isClosed || isEnding) return;
      waitingBytes += bytes;
      if (waitingBytes > limits.waitingBytes) {
        cut();
        return;
      }
      queue.push({ make, bytes });
      schedule();
    },
    end: () => {
      isEnding = true;
      schedule();
    },
  };
};

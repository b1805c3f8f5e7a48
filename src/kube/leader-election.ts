// One of several processes leads: the one that holds a Lease. Safe as long as no clock runs half as fast again as another: a leader counts its
// time from before it sent its last renewal, and stops by itself well before anybody else may take over; the others count from when they saw
// that renewal. Nobody compares a clock with another's. Writes of the Lease carry its resourceVersion, so one of several takers wins.
// What it cannot do: call back a request that the leader sent just before it was paused. Writes that matter carry a resourceVersion of their own.

import type { KubernetesObject } from '../api/object.ts';
import { CodedError, isCodedError } from '../base/coded-error.ts';
import { type Clock, sleep } from './clock.ts';
import type { KubeClient } from './kube-client.ts';
import { durationMsOf, heldLease, holderOf, leaseType, releasedLease } from './lease-record.ts';
import type { ObjectName } from './work-key.ts';

export type ElectionEvent =
  | { readonly type: 'leading' | 'lost' | 'released' }
  | { readonly type: 'holder'; readonly holder: string }
  /** The API did not do what was asked; tried again. */
  | { readonly type: 'failed'; readonly error: unknown }
  /** `lead` threw. */
  | { readonly type: 'term failed'; readonly error: unknown };

export type LeaderElectionOptions = {
  readonly client: Pick<KubeClient, 'get' | 'create' | 'update'>;
  readonly lease: ObjectName;
  /** For people, such as the name of the Pod; what makes it unique is added here. */
  readonly identity: string;
  /** The leader's work. It should end soon after the signal aborts; until it has, this process does not stand for election again. */
  readonly lead: (term: AbortSignal) => Promise<void>;
  readonly clock: Clock;
  /** From 0 up to, not including, 1. */
  readonly random: () => number;
  readonly onEvent: (event: ElectionEvent) => void;
  /** How long a leader may be silent before others take over; 15 s where left out. */
  readonly leaseDurationMs?: number;
  /** How long after its last renewal a leader still believes to be one; 10 s where left out. */
  readonly renewDeadlineMs?: number;
  /** How often the Lease is renewed or looked at; 2 s where left out. */
  readonly retryMs?: number;
};

export type LeaderElection = {
  /** Computed from the clock at this moment, so a process that was paused past its lease finds out here. Asked before each write. */
  isLeader(): boolean;
  /** As it stands in the Lease while this process leads. */
  readonly identity: string;
  start(): void;
  /** Ends the term, waits for its work with the Lease still held, and gives the Lease back. */
  stop(): Promise<void>;
};

/** What another's Lease may make us wait at most, whatever it says. */
const maxSilenceMs = 3_600_000;

/** Candidates come up to this part later than they could, so that they do not all come at once. */
const jitter = 1.2;

/** By so much the calendar runs ahead of what elapsed before it is taken for a sleep. */
const calendarSlackMs = 100;

export const createLeaderElection = ({
  client,
  lease,
  identity,
  lead,
  clock,
  random,
  onEvent,
  leaseDurationMs = 15_000,
  renewDeadlineMs = 10_000,
  retryMs = 2000,
}: LeaderElectionOptions): LeaderElection => {
  if (!(retryMs > 0 && retryMs * 2 <= renewDeadlineMs && renewDeadlineMs * 1.5 <= leaseDurationMs))
    throw new CodedError(
      'UsageInvalid',
      `cannot elect a leader with a lease of ${leaseDurationMs} ms, renewed within ${renewDeadlineMs} ms and every ${retryMs} ms`,
      { hint: 'the lease should be at least 1.5 times the deadline, and the deadline at least twice the interval' },
    );
  const me = `${identity}_${Math.floor(random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')}`;
  const stopping = new AbortController();
  let isLeading = false;
  /** When the renewal that counts was about to be sent. */
  let renewedMs: number | undefined;
  /** The Lease as we last wrote it, while nothing says that it changed. */
  let held: KubernetesObject | undefined;
  /** Whether the Lease may name us, be it through a write that was never answered. */
  let mayHold = false;
  /** Another's Lease, and when we saw it change. */
  let seen: { readonly version: string; readonly holder: string; readonly atMs: number } | undefined;
  let running: Promise<void> = Promise.resolve();

  const tell = (event: ElectionEvent): void => {
    try {
      onEvent(event);
    } catch {
      // Whoever is told must not decide an election.
    }
  };

  let looked = { elapsedMs: clock.elapsedMs(), dateMs: clock.now().getTime() };
  let passedMs = 0;
  /**
   * Time that has passed, rather too much of it than too little. A machine that slept knows it from the calendar alone; a calendar that was set
   * back shows less than what elapsed. From one look to the next the longer one counts, so a calendar that was set back hides no later sleep.
   */
  const cautiousMs = (): number => {
    const now = { elapsedMs: clock.elapsedMs(), dateMs: clock.now().getTime() };
    const elapsed = now.elapsedMs - looked.elapsedMs;
    const byCalendar = now.dateMs - looked.dateMs;
    passedMs += byCalendar > elapsed + calendarSlackMs ? byCalendar : elapsed;
    looked = now;
    return passedMs;
  };
  const remainingMs = (): number => (renewedMs === undefined ? 0 : renewDeadlineMs - (cautiousMs() - renewedMs));

  /** One request, which is given up after a while; it may still be carried out later. */
  const request = <Value>(send: (signal: AbortSignal) => Promise<Value>): Promise<Value> =>
    new Promise((resolve, reject) => {
      const timeoutMs = isLeading ? Math.min(renewDeadlineMs / 3, Math.max(remainingMs(), 0)) : renewDeadlineMs / 3;
      const giveUp = new AbortController();
      const cancel = clock.after(timeoutMs, () => {
        const error = new CodedError('Timeout', `cannot reach Lease ${lease.namespace}/${lease.name}: no answer in ${timeoutMs} ms`);
        reject(error);
        giveUp.abort(error);
      });
      send(giveUp.signal).then(resolve, reject).finally(cancel);
    });

  const read = async (): Promise<KubernetesObject | undefined> => {
    try {
      return await request((signal) => client.get(leaseType, lease.namespace, lease.name, signal));
    } catch (error) {
      if (isCodedError(error) && error.code === 'NotFound') return undefined;
      throw error;
    }
  };

  const write = async (object: KubernetesObject, isNew: boolean): Promise<KubernetesObject> => {
    mayHold = true;
    return await request((signal) => (isNew ? client.create(leaseType, object, { signal }) : client.update(leaseType, object, { signal })));
  };

  /** Whether the Lease is ours already, nobody's, or of someone who has been silent for too long. */
  const mayTake = (current: KubernetesObject | undefined): boolean => {
    const holder = current === undefined ? '' : holderOf(current);
    if (holder === me) return true;
    // A Lease that somebody deleted may have a leader still; where there never was one, there is none to wait for.
    const wasDeleted = current === undefined && seen !== undefined;
    if (holder === '' && !wasDeleted) return true;
    const version = current?.metadata.resourceVersion ?? '';
    if (seen === undefined || seen.version !== version) {
      if (holder !== '' && holder !== seen?.holder) tell({ type: 'holder', holder });
      seen = { version, holder, atMs: clock.elapsedMs() };
    }
    const silenceMs = Math.min(Math.max(leaseDurationMs, current === undefined ? 0 : durationMsOf(current)), maxSilenceMs);
    return clock.elapsedMs() - seen.atMs >= silenceMs;
  };

  /** Takes or renews the Lease where that may be done; whether it is ours then. */
  const attempt = async (): Promise<boolean> => {
    try {
      const current = held ?? (await read());
      if (!mayTake(current)) {
        // Whoever finds another's name where its own should be has nothing left to wait for.
        renewedMs = undefined;
        return false;
      }
      const sentMs = cautiousMs();
      held = await write(heldLease(current, lease, { holder: me, durationMs: leaseDurationMs, now: clock.now() }), current === undefined);
      renewedMs = sentMs;
      seen = undefined;
      return remainingMs() > 0;
    } catch (error) {
      held = undefined;
      const wasOther = isCodedError(error) && (error.code === 'Conflict' || error.code === 'AlreadyExists');
      if (!wasOther) tell({ type: 'failed', error });
      return false;
    }
  };

  /** Whoever waits may take over now, and not only when the lease has run out. */
  const release = async (): Promise<void> => {
    for (let tries = 0; mayHold && tries < 3; tries++) {
      try {
        const current = held ?? (await read());
        if (current !== undefined && holderOf(current) === me) {
          await request((signal) => client.update(leaseType, releasedLease(current, clock.now()), { signal }));
          tell({ type: 'released' });
        }
        mayHold = false;
      } catch (error) {
        if (tries === 2) tell({ type: 'failed', error });
      }
      held = undefined;
    }
  };

  const serve = async (): Promise<void> => {
    const term = new AbortController();
    const ended = new AbortController();
    const endTerm = (): void => term.abort(new CodedError('ServiceUnavailable', `${me} is to stop`));
    isLeading = true;
    tell({ type: 'leading' });
    stopping.signal.addEventListener('abort', endTerm, { once: true });
    if (stopping.signal.aborted) endTerm();
    const work = (async (): Promise<void> => {
      try {
        await lead(term.signal);
      } catch (error) {
        if (!term.signal.aborted) tell({ type: 'term failed', error });
      }
      ended.abort();
    })();
    while (!ended.signal.aborted && remainingMs() > 0) {
      // A timer that fires a hair too early must not make this loop turn without any time passing.
      await sleep(clock, Math.max(Math.min(retryMs, remainingMs()), 1), ended.signal);
      if (!ended.signal.aborted && remainingMs() > 0) await attempt();
    }
    const wasLost = remainingMs() <= 0;
    isLeading = false;
    stopping.signal.removeEventListener('abort', endTerm);
    if (wasLost) tell({ type: 'lost' });
    term.abort(new CodedError('LeadershipLost', `${me} does not lead any more`));
    await work;
    if (!wasLost) await release();
  };

  const run = async (): Promise<void> => {
    while (!stopping.signal.aborted) {
      if ((await attempt()) && !stopping.signal.aborted) await serve();
      await sleep(clock, retryMs * (1 + jitter * random()), stopping.signal);
    }
    await release();
  };

  let isStarted = false;
  return {
    isLeader: () => isLeading && remainingMs() > 0,
    identity: me,
    start: () => {
      if (isStarted) return;
      isStarted = true;
      running = run();
    },
    stop: async () => {
      isStarted = true;
      stopping.abort();
      await running;
    },
  };
};

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { fieldsAt, type KubernetesObject } from '../api/object.ts';
import { assertCoded, coded } from '../testing/coded-errors.ts';
import { type FakeClock, fakeClock } from '../testing/fake-clock.ts';
import { type LossyLeases, lossyLeases } from '../testing/lossy-leases.ts';
import { runs } from '../testing/runs.ts';
import type { Clock } from './clock.ts';
import type { KubeClient } from './kube-client.ts';
import { createLeaderElection, type ElectionEvent, type LeaderElection, type LeaderElectionOptions } from './leader-election.ts';
import { holderOf, leaseType, microTime } from './lease-record.ts';
import { writeAsLeader } from './write-as-leader.ts';

const lease = { namespace: 'kube-system', name: 'certwright' };
const near = { travelMs: () => 5, deliver: (call: () => void) => call() };
const untilAborted = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve());
  });

type Candidate = LeaderElection & { readonly events: readonly ElectionEvent[]; readonly terms: () => number };

let made = 0;
const candidate = (identity: string, clock: Clock, api: LossyLeases, options: Partial<LeaderElectionOptions> = {}): Candidate => {
  const events: ElectionEvent[] = [];
  let terms = 0;
  const election = createLeaderElection({
    client: api.client(near),
    lease,
    identity,
    lead: (term) => {
      terms += 1;
      return untilAborted(term);
    },
    clock,
    random: () => {
      made += 1;
      return (made * 0.618_034) % 1;
    },
    onEvent: (event) => events.push(event),
    ...options,
  });
  election.start();
  return { ...election, events, terms: () => terms };
};

const spec = (object: KubernetesObject | undefined) => fieldsAt(object, 'spec');
const start = () => {
  const clock = fakeClock();
  return { clock, api: lossyLeases(clock) };
};
const types = ({ events }: Candidate): readonly string[] => events.map(({ type }) => type);

describe('a leader election', () => {
  test('makes the first candidate leader, who writes down what others read', async () => {
    const { clock, api } = start();
    const a = candidate('a', clock, api);
    await clock.advance(100);
    assert.equal(a.isLeader(), true);
    assert.deepEqual(spec(api.stored()), {
      holderIdentity: a.identity,
      leaseDurationSeconds: 15,
      renewTime: '2026-01-01T00:00:00.010000Z',
      acquireTime: '2026-01-01T00:00:00.010000Z',
      leaseTransitions: 0,
    });
    assert.match(a.identity, /^a_[0-9a-f]{12}$/);
    await clock.advance(60_000);
    assert.equal(a.isLeader(), true);
    assert.match(String(spec(api.stored())['renewTime']), /^2026-01-01T00:00:5[89]\.\d{6}Z$/);
    assert.equal(spec(api.stored())['acquireTime'], '2026-01-01T00:00:00.010000Z');
  });

  test('hands over at once where the leader stops, and only after its work has ended', async () => {
    const { clock, api } = start();
    let finish: () => void = () => undefined;
    let a: Candidate | undefined;
    const leads: boolean[] = [];
    a = candidate('a', clock, api, {
      lead: async (term) => {
        await untilAborted(term);
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        leads.push(a?.isLeader() ?? false);
      },
    });
    await clock.advance(100);
    const b = candidate('b', clock, api);
    const stopped = a.stop();
    await clock.advance(40_000);
    assert.deepEqual([a.isLeader(), b.isLeader()], [true, false], 'the Lease is kept while the work ends');
    finish();
    await clock.advance(4500);
    await stopped;
    assert.deepEqual(leads, [true]);
    assert.deepEqual([a.isLeader(), b.isLeader()], [false, true]);
    assert.equal(spec(api.stored())['leaseTransitions'], 1, 'a release in between is none');
    assert.deepEqual(types(a), ['leading', 'released']);
  });

  test('lets another take over a leader that is cut off, after that knows it itself', async () => {
    const { clock, api } = start();
    let isCut = false;
    const a = candidate('a', clock, api, { client: api.client({ ...near, travelMs: () => (isCut ? undefined : 5) }) });
    await clock.advance(100);
    const b = candidate('b', clock, api);
    await clock.advance(5000);
    isCut = true;
    await clock.advance(10_000);
    assert.deepEqual([a.isLeader(), b.isLeader()], [false, false]);
    assert.equal(types(a).at(-1), 'lost');
    await clock.advance(12_000);
    assert.deepEqual([a.isLeader(), b.isLeader()], [false, true]);
    isCut = false;
    await clock.advance(10_000);
    assert.deepEqual([a.isLeader(), b.isLeader()], [false, true]);
    assert.deepEqual(a.events.at(-1), { type: 'holder', holder: b.identity });
    assert.equal(a.terms(), 1);
  });

  test('shows a leader that was paused that it is none, before any timer of its own', async () => {
    const { clock, api } = start();
    for (const pause of ['elapsed', 'calendar'] as const) {
      let aheadMs = 0;
      const paused: Clock = {
        ...clock,
        elapsedMs: () => clock.elapsedMs() + (pause === 'elapsed' ? aheadMs : 0),
        now: () => new Date(clock.now().getTime() + (pause === 'calendar' ? aheadMs : 0)),
      };
      api.remove();
      const a = candidate('a', paused, api);
      await clock.advance(100);
      assert.equal(a.isLeader(), true);
      aheadMs = 10_000;
      assert.equal(a.isLeader(), false, pause);
      const stopped = a.stop();
      await clock.advance(10_000);
      await stopped;
    }
  });

  test('gives way as soon as it finds the Lease in the name of another', async () => {
    const { clock, api } = start();
    const a = candidate('a', clock, api);
    await clock.advance(100);
    const stored = api.stored() ?? assert.fail();
    const given = api.client(near).update(leaseType, { ...stored, spec: { ...spec(stored), holderIdentity: 'by-hand' } });
    await clock.advance(5000);
    await given;
    assert.equal(a.isLeader(), false);
    assert.deepEqual(types(a), ['leading', 'holder', 'lost']);
    assert.equal(holderOf(api.stored() ?? assert.fail()), 'by-hand');
    await clock.advance(20_000);
    assert.equal(a.isLeader(), true, 'once that one is silent for too long');
  });

  test('counts its time from before it asked, however late the answer is', async () => {
    const { clock, api } = start();
    const travels: (number | undefined)[] = [5, 5, 5, 3000];
    const a = candidate('a', clock, api, { client: api.client({ ...near, travelMs: () => travels.shift() }) });
    await clock.advance(3100);
    assert.equal(a.isLeader(), true);
    await clock.advance(6900);
    assert.equal(a.isLeader(), true);
    await clock.advance(11);
    assert.equal(a.isLeader(), false);
  });

  test('takes a sleep for one though the calendar was set back before', async () => {
    const { clock, api } = start();
    let [aheadMs, isCut] = [0, false];
    const own: Clock = { ...clock, now: () => new Date(clock.now().getTime() + aheadMs) };
    const client = api.client({ ...near, travelMs: () => (isCut ? undefined : 5) });
    const a = candidate('a', own, api, { client });
    await clock.advance(100);
    isCut = true;
    aheadMs = -3_600_000;
    await clock.advance(5000);
    assert.equal(a.isLeader(), true, 'a calendar that goes back ends no term');
    aheadMs += 10_000;
    assert.equal(a.isLeader(), false);
  });

  test('begins no second term while the work of the first goes on', async () => {
    const { clock, api } = start();
    let isCut = false;
    let running = 0;
    let finish: () => void = () => undefined;
    const a = candidate('a', clock, api, {
      client: api.client({ ...near, travelMs: () => (isCut ? undefined : 5) }),
      lead: async () => {
        running += 1;
        await new Promise<void>((resolve) => {
          finish = resolve;
        });
        running -= 1;
      },
    });
    await clock.advance(100);
    isCut = true;
    await clock.advance(20_000);
    isCut = false;
    await clock.advance(60_000);
    assert.deepEqual([a.isLeader(), running], [false, 1]);
    finish();
    await clock.advance(10_000);
    assert.deepEqual([a.isLeader(), running], [true, 1]);
  });

  test('gives the Lease back where the work fails, says why, and stands again', async () => {
    const { clock, api } = start();
    const a = candidate('a', clock, api, { lead: () => Promise.reject(new TypeError('broken')) });
    await clock.advance(1000);
    assert.equal(holderOf(api.stored() ?? assert.fail()), '');
    assert.deepEqual(types(a), ['leading', 'term failed', 'released']);
    await clock.advance(10_000);
    assert.ok(types(a).length > 3);
  });

  test('waits out the lease where somebody deleted it', async () => {
    const { clock, api } = start();
    let isCut = false;
    const a = candidate('a', clock, api, { client: api.client({ ...near, travelMs: () => (isCut ? undefined : 5) }) });
    await clock.advance(100);
    const b = candidate('b', clock, api);
    await clock.advance(10_000);
    isCut = true;
    api.remove();
    for (let i = 0; i < 300; i++) {
      await clock.advance(100);
      assert.ok(!(a.isLeader() && b.isLeader()));
    }
    assert.equal(b.isLeader(), true);
  });

  test('gives a Lease back that an unanswered write took just before the stop', async () => {
    const { clock, api } = start();
    let messages = 0;
    const a = candidate('a', clock, api, {
      client: api.client({
        ...near,
        travelMs: () => {
          messages += 1;
          return messages === 4 ? undefined : 5;
        },
      }),
    });
    await clock.advance(20);
    assert.equal(holderOf(api.stored() ?? assert.fail()), a.identity);
    const stopped = a.stop();
    await clock.advance(10_000);
    await stopped;
    assert.equal(holderOf(api.stored() ?? assert.fail()), '');
  });

  test('refuses times that are not safe', () => {
    const { clock, api } = start();
    for (const times of [{ renewDeadlineMs: 11_000 }, { retryMs: 0 }, { retryMs: 6000 }, { leaseDurationMs: Number.NaN }])
      assertCoded('UsageInvalid', () => candidate('a', clock, api, times));
  });

  test('never has two leaders by their own account, and in the end one, whatever network and clocks do', async () => {
    const mishap = fc.record({
      atMs: fc.integer({ min: 0, max: 150_000 }),
      forMs: fc.integer({ min: 1000, max: 40_000 }),
      who: fc.integer({ min: 0, max: 3 }),
      what: fc.constantFrom('cut', 'cut answers', 'pause', 'sleep', 'set date', 'stop'),
    });
    await fc.assert(
      fc.asyncProperty(
        fc.array(mishap, { maxLength: 12 }),
        fc.array(fc.integer({ min: 90, max: 110 }), { minLength: 4, maxLength: 4 }),
        fc.integer({ min: 1, max: 0x7fffffff }),
        fc.integer({ min: 0, max: 40 }),
        async (mishaps, rates, start32, lossPercent) => {
          let state = start32;
          const random = (): number => {
            state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
            return state / 2 ** 32;
          };
          const base = fakeClock();
          const api = lossyLeases(base);
          const chaosMs = 200_000;
          const all = rates.map((rate, who) =>
            simulated(base, api, rate / 100, who, () => base.elapsedMs() < chaosMs, lossPercent / 100, random),
          );
          for (const { atMs, forMs, who, what } of mishaps) base.after(atMs, () => all[who]?.suffer(what, forMs, atMs));
          const leaders = (): readonly number[] => all.flatMap(({ election }, who) => (election.isLeader() ? [who] : []));
          let last: readonly number[] = [];
          while (base.elapsedMs() < chaosMs + 120_000) {
            await base.advance(250);
            last = leaders();
            assert.ok(last.length <= 1, `${last.join()} lead at ${base.elapsedMs()}`);
          }
          assert.equal(last.length, 1, 'nobody leads');
          assert.equal(holderOf(api.stored() ?? assert.fail()), all[last[0] ?? 0]?.election.identity);
        },
      ),
      { numRuns: runs(25, 1000) },
    );
  });
});

/** A process with clocks and a connection of its own, which suffer what a test says. */
const simulated = (
  base: FakeClock,
  api: LossyLeases,
  rate: number,
  who: number,
  isChaos: () => boolean,
  loss: number,
  random: () => number,
) => {
  let pausedUntilMs = 0;
  let sleptMs = 0;
  let asleepSinceMs: number | undefined;
  let offsetMs = (random() - 0.5) * 1e9;
  let hasSlept = false;
  let dateSetMs = Number.NEGATIVE_INFINITY;
  let cutUntilMs = 0;
  let answersCutUntilMs = 0;
  let isStopping = false;
  const deliver = (call: () => void): void => {
    const waitMs = pausedUntilMs - base.elapsedMs();
    if (waitMs > 0) base.after(waitMs, () => deliver(call));
    else call();
  };
  const clock: Clock = {
    now: () => new Date(base.now().getTime() + offsetMs),
    elapsedMs: () => ((asleepSinceMs ?? base.elapsedMs()) - sleptMs) * rate,
    after: (ms, call) => {
      let isCancelled = false;
      base.after(ms / rate, () =>
        deliver(() => {
          if (!isCancelled) call();
        }),
      );
      return () => {
        isCancelled = true;
      };
    },
  };
  const travelMs = (): number | undefined => {
    if (!isChaos()) return 10 + random() * 100;
    const now = base.elapsedMs();
    if (now < cutUntilMs || now < answersCutUntilMs || random() < loss / 4) return undefined;
    return random() < loss ? random() * 25_000 : random() * 200;
  };
  const make = (): Candidate => candidate(`process-${who}`, clock, api, { client: api.client({ travelMs, deliver }), random });
  let election = make();
  return {
    get election() {
      return election;
    },
    suffer: (what: string, forMs: number, nowMs: number): void => {
      const untilMs = nowMs + forMs;
      if (what === 'cut') cutUntilMs = untilMs;
      if (what === 'cut answers') answersCutUntilMs = untilMs;
      if (what === 'pause') pausedUntilMs = Math.max(pausedUntilMs, untilMs);
      // A calendar that is set back just while the machine sleeps would hide that from everybody; nothing helps against both at once.
      if (what === 'set date' && !hasSlept) {
        offsetMs += (forMs - 20_000) * 10;
        dateSetMs = nowMs;
      }
      if (what === 'sleep' && asleepSinceMs === undefined && nowMs - dateSetMs > 3000) {
        hasSlept = true;
        pausedUntilMs = Math.max(pausedUntilMs, untilMs);
        asleepSinceMs = nowMs;
        base.after(forMs, () => {
          sleptMs += base.elapsedMs() - nowMs;
          asleepSinceMs = undefined;
        });
      }
      if (what === 'stop' && !isStopping) {
        isStopping = true;
        deliver(() => {
          void election.stop().then(() => {
            election = make();
            isStopping = false;
          });
        });
      }
    },
  };
};

describe('a client that writes as leader', () => {
  test('refuses every write that is no dry run once this process does not lead', async () => {
    let isLeader = true;
    const asked: string[] = [];
    const ask = (name: string) => () => {
      asked.push(name);
      return Promise.resolve({ apiVersion: 'v1', kind: 'Secret', metadata: {} });
    };
    const inner = {
      get: ask('get'),
      list: () => Promise.resolve({ resourceVersion: '1', items: [] }),
      watch: () => assert.fail(),
      create: ask('create'),
      update: ask('update'),
      patch: ask('patch'),
      delete: () => ask('delete')().then(() => undefined),
    } satisfies KubeClient;
    const client = writeAsLeader(inner, () => isLeader);
    const type = { group: '', version: 'v1', kind: 'Secret', plural: 'secrets', isNamespaced: true };
    const object = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'a' } };
    const patch = { type: 'merge', value: {} } as const;
    const writes = [
      (dryRun: boolean) => client.create(type, object, { dryRun }),
      (dryRun: boolean) => client.update(type, object, { dryRun }),
      (dryRun: boolean) => client.patch(type, 'a', 'a', patch, { dryRun }),
      (dryRun: boolean) => client.delete(type, 'a', 'a', { dryRun }),
    ];
    for (const write of writes) await write(false);
    assert.deepEqual(asked, ['create', 'update', 'patch', 'delete']);
    isLeader = false;
    for (const write of writes) await assert.rejects(write(false), coded('LeadershipLost'));
    assert.equal(asked.length, 4);
    for (const write of writes) await write(true);
    await client.get(type, 'a', 'a');
    assert.deepEqual(asked.slice(4), ['create', 'update', 'patch', 'delete', 'get']);
  });
});

describe('a time in a Lease', () => {
  test('has six digits after its point', () => {
    assert.equal(microTime(new Date('2026-11-23T19:00:00.5Z')), '2026-11-23T19:00:00.500000Z');
  });
});

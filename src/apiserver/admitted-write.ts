// Decides a write inside a transaction, with everybody's consent. Where webhooks have to be asked first the transaction is dropped, they are
// asked outside of it, and all is decided again on what is stored then: what was answered holds only for the very same question, so a write is
// committed on answers about just that change of just that object. A dry run decides the same and stores nothing.

import type { UserInfo } from '../api/kind.ts';
import type { Fields } from '../api/object.ts';
import { CodedError } from '../base/coded-error.ts';
import { AnswerMissing, admission, type Question } from './admission.ts';
import { type Answer, readAnswer } from './admission-review.ts';
import type { Server } from './api-request.ts';
import { newUid, type Write } from './write-object.ts';

export type WriteRequest = {
  readonly user: UserInfo;
  readonly isDryRun: boolean;
  /** CreateOptions and the like, as webhooks see them. */
  readonly options: Fields;
  /** As whom managedFields record it. */
  readonly manager?: string;
  /** How long webhooks may be asked in all, in milliseconds; as long as each of them takes where it is left out. */
  readonly maxMs?: number;
};

export type Decided<Result> = {
  readonly result: Result /** What webhooks and policies want the client to know. */;
  readonly warnings: readonly string[];
};

/** Carries what a dry run came to out of its transaction, which is thereby dropped. */
class DryRun extends Error {
  readonly result: unknown;
  constructor(result: unknown) {
    super('dry run');
    this.result = result;
  }
}

/** A chain of changing webhooks takes a round each; so does every change by others while one was asked. */
const maxRounds = 64;
const maxAskedAtOnce = 16;

/** What is drawn once is drawn again, so that the same decision is about the same object. */
const replayed = (random: (length: number) => Uint8Array): (() => (length: number) => Uint8Array) => {
  const drawn: Uint8Array[] = [];
  return () => {
    let next = 0;
    return (length) => {
      const octets = drawn[next] ?? random(length);
      drawn[next] = octets;
      next++;
      return octets;
    };
  };
};

/** Asks so many at once, and none any more once it is too late. */
const askAll = async (server: Server, questions: readonly Question[], answers: Map<string, Answer>, until: number): Promise<void> => {
  const waiting = questions.values();
  const ask = async (): Promise<void> => {
    for (const { key, apiVersion, request, call } of waiting) {
      if (performance.now() > until) return;
      const uid = newUid(server.random);
      const body = JSON.stringify({ kind: 'AdmissionReview', apiVersion, request: { uid, ...request } });
      const reply = await server.webhooks.call({ ...call, body });
      answers.set(
        key,
        'problem' in reply
          ? { kind: 'failed', problem: `failed to call webhook: ${reply.problem}` }
          : readAnswer(reply.text, apiVersion, uid),
      );
    }
  };
  await Promise.all(Array.from({ length: maxAskedAtOnce }, ask));
};

/** Throws what the work throws, AdmissionDenied, WebhookFailed, and Timeout where others changed the object again and again. */
export const admittedWrite = async <Result>(
  server: Server,
  { user, isDryRun, options, manager, maxMs = Number.POSITIVE_INFINITY }: WriteRequest,
  work: (write: Write) => Result,
): Promise<Decided<Result>> => {
  const now = server.now();
  const random = replayed(server.random);
  const answers = new Map<string, Answer>();
  const until = performance.now() + maxMs;
  for (let round = 0; round < maxRounds; round++) {
    const questions = new Map<string, Question>();
    const warnings = new Set<string>();
    try {
      const result = await server.store.write((transaction) => {
        const consent = admission(transaction, server.kinds, { user, isDryRun, options }, { answers, questions, warnings });
        const made = work({ transaction, user, now, random: random(), admission: consent, ...(manager === undefined ? {} : { manager }) });
        if (questions.size > 0) throw new AnswerMissing();
        if (isDryRun) throw new DryRun(made);
        return made;
      });
      return { result, warnings: [...warnings] };
    } catch (error) {
      if (error instanceof DryRun) return { result: error.result as Result, warnings: [...warnings] };
      if (!(error instanceof AnswerMissing)) throw error;
      await askAll(server, [...questions.values()], answers, until);
      if ([...questions.keys()].some((key) => !answers.has(key)))
        throw new CodedError('Timeout', `webhooks took longer than ${maxMs} ms in all; try again`);
    }
  }
  throw new CodedError('Timeout', 'the object changed again and again while webhooks were asked about it; try again');
};

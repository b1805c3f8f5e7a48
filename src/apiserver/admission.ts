// Who is asked before a custom resource is written, and what follows from their answers. Decisions are made inside a transaction, where nobody
// can be waited for: an answer that is not there yet is put down as a question, and admitted-write.ts asks it and decides again.

import { createHash } from 'node:crypto';
import { type Condition, conditionsHold, conditionsOf, evaluated, webhookVariables } from '../api/admission-expressions.ts';
import { type Kind, resourceKey } from '../api/kind.ts';
import { mutatingWebhookConfigurationKind, validatingWebhookConfigurationKind } from '../api/kinds/webhook-configuration.ts';
import { type Fields, fieldsAt, isFields, isSameJson, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import { forbidden } from '../api/status.ts';
import { CodedError } from '../base/coded-error.ts';
import { type AdmissionAttributes, inVersion, matchedKind } from './admission-attributes.ts';
import { expressionValues } from './admission-expression-values.ts';
import { judgeByPolicies } from './admission-policies.ts';
import { type Answer, admissionRequest, denial, patchedBy, reviewVersion } from './admission-review.ts';
import type { WebhookCall } from './call-webhook.ts';
import type { KindTable } from './kind-table.ts';
import type { Transaction } from './store.ts';
import { type WebhookAddress, webhookAddress } from './webhook-address.ts';

/** A write, but for what is the same of all writes of its request. */
export type AdmissionSubject = Omit<AdmissionAttributes, 'user' | 'isDryRun' | 'options' | 'object'>;

/** With the object that would be stored; none where it goes. */
type Outcome = AdmissionSubject & Pick<AdmissionAttributes, 'object'>;

export type Admission = {
  /** The object as webhooks change it. Throws AdmissionDenied, WebhookFailed, AnswerMissing. */
  mutate(subject: AdmissionSubject, object: KubernetesObject): KubernetesObject;
  /** Throws AdmissionDenied, WebhookFailed. */
  validate(subject: Outcome): void;
};

/** One question to one webhook. The same question has the same key. */
export type Question = {
  readonly key: string;
  readonly apiVersion: string;
  readonly request: Fields;
  readonly call: Omit<WebhookCall, 'body'>;
};

/** Thrown where a decision cannot go on without an answer. */
export class AnswerMissing extends Error {}

/** What is known and what is to be asked in deciding one request. */
export type Dialogue = {
  readonly answers: ReadonlyMap<string, Answer>;
  readonly questions: Map<string, Question>;
  readonly warnings: Set<string>;
};

type Webhook = { readonly configuration: string; readonly fields: Fields; readonly name: string };

const webhooksOf = (transaction: Transaction, kind: Kind): readonly Webhook[] =>
  transaction
    .list(resourceKey(kind))
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap(({ name: configuration, object }) =>
      listAt(object, 'webhooks')
        .filter(isFields)
        .map((fields) => ({ configuration, fields, name: textAt(fields, 'name') })),
    );

const failure = ({ name }: Webhook, problem: string): CodedError =>
  new CodedError('WebhookFailed', `Internal error occurred: failed calling webhook ${JSON.stringify(name)}: ${problem}`, {
    hint: 'mend the webhook, or delete the configuration that names it',
  });

const caOf = ({ fields }: Webhook): string | undefined => {
  const text = textAt(fieldsAt(fields, 'clientConfig'), 'caBundle');
  return text === '' ? undefined : Buffer.from(text, 'base64').toString();
};

const compiled = new WeakMap<Fields, readonly Condition[]>();

/** The conditions of a stored webhook, compiled once. */
const compiledConditions = (fields: Fields): readonly Condition[] => {
  const conditions = compiled.get(fields) ?? conditionsOf(fields, webhookVariables);
  compiled.set(fields, conditions);
  return conditions;
};

/** What the conditions of one webhook may cost for one write. */
const maxSteps = 1_000_000;

type Asked = { readonly webhook: Webhook; readonly kind: Kind; readonly answer: Answer | undefined };

/** The admission of one request's writes, in one transaction. */
export const admission = (
  transaction: Transaction,
  kinds: KindTable,
  { user, isDryRun, options }: Pick<AdmissionAttributes, 'user' | 'isDryRun' | 'options'>,
  { answers, questions, warnings }: Dialogue,
): Admission => {
  const known = (webhook: Webhook, attributes: AdmissionAttributes, kind: Kind): Answer | undefined => {
    const address: WebhookAddress | string = webhookAddress(webhook.fields, transaction);
    if (typeof address === 'string') return { kind: 'failed', problem: address };
    const request = admissionRequest(attributes, kind);
    const { fields, configuration, name } = webhook;
    const key = createHash('sha256')
      .update(JSON.stringify([configuration, name, fields['clientConfig'], address, request]))
      .digest('base64');
    const timeoutMs = Number(fields['timeoutSeconds'] ?? 10) * 1000;
    if (!answers.has(key))
      questions.set(key, { key, apiVersion: reviewVersion(fields), request, call: { address, ca: caOf(webhook), timeoutMs } });
    return answers.get(key);
  };
  /** Whether the webhook's conditions hold. Throws Forbidden where that cannot be told and its policy is to fail. */
  const isMeant = ({ fields }: Webhook, attributes: AdmissionAttributes, kind: Kind): boolean => {
    const conditions = compiledConditions(fields);
    if (conditions.length === 0) return true;
    const values = expressionValues(attributes, kind, transaction);
    const budget = { left: maxSteps };
    const verdict = conditionsHold(conditions, (program) => evaluated(program, values, budget));
    if (typeof verdict === 'boolean') return verdict;
    if (textAt(fields, 'failurePolicy') === 'Ignore') return false;
    throw forbidden(attributes.kind, attributes.name, verdict);
  };
  /** Asks a webhook about a write; undefined where it does not want to be. */
  const ask = (webhook: Webhook, attributes: AdmissionAttributes): Asked | undefined => {
    const kind = matchedKind(webhook.fields, attributes, kinds, transaction);
    return kind === undefined || !isMeant(webhook, attributes, kind)
      ? undefined
      : { webhook, kind, answer: known(webhook, attributes, kind) };
  };
  /** What a webhook's patch makes of the object; the object as it is where nobody minds that it failed. */
  const settle = ({ webhook, kind, answer }: Asked, object: KubernetesObject | undefined, own: Kind): KubernetesObject | undefined => {
    if (answer === undefined) return object;
    const fail = (problem: string): KubernetesObject | undefined => {
      if (textAt(webhook.fields, 'failurePolicy') !== 'Ignore') throw failure(webhook, problem);
      return object;
    };
    if (answer.kind === 'failed') return fail(answer.problem);
    for (const warning of answer.warnings) warnings.add(warning);
    if (answer.kind === 'denied') throw denial(webhook.name, answer.status);
    if (answer.patch === undefined) return object;
    const shown = inVersion(kind, object);
    const patched = shown === undefined ? 'there is no object to patch' : patchedBy(answer.patch, shown, kind, own);
    return typeof patched === 'string' ? fail(patched) : patched;
  };
  const attributesOf = (subject: Outcome): AdmissionAttributes => ({ ...subject, user, isDryRun, options });

  return {
    mutate: (subject, object) => {
      if (!subject.kind.isCustom || subject.shownAs !== undefined) return object;
      let current = object;
      const step = (webhook: Webhook): void => {
        const asked = ask(webhook, attributesOf({ ...subject, object: current }));
        if (asked === undefined) return;
        if (asked.answer === undefined) throw new AnswerMissing();
        current = settle(asked, current, subject.kind) ?? current;
      };
      const left = new Map<Webhook, KubernetesObject>();
      for (const webhook of webhooksOf(transaction, mutatingWebhookConfigurationKind)) {
        step(webhook);
        if (textAt(webhook.fields, 'reinvocationPolicy') === 'IfNeeded') left.set(webhook, current);
      }
      // Once more to those who want to see what others changed after them.
      for (const [webhook, seen] of left) if (!isSameJson(seen, current)) step(webhook);
      return current;
    },
    validate: (subject) => {
      if (!subject.kind.isCustom) return;
      const attributes = attributesOf(subject);
      for (const warning of judgeByPolicies(attributes, kinds, transaction)) warnings.add(warning);
      const webhooks = [
        // There is nothing to change in what goes.
        ...(subject.operation === 'DELETE' ? webhooksOf(transaction, mutatingWebhookConfigurationKind) : []),
        ...webhooksOf(transaction, validatingWebhookConfigurationKind),
      ];
      // All are asked at once; the first that refuses is heard.
      const asked = webhooks.map((webhook) => ask(webhook, attributes)).filter((each) => each !== undefined);
      for (const each of asked) settle(each, subject.object, subject.kind);
    },
  };
};

// What an admission webhook is asked and what it answers
// (https://kubernetes.io/docs/reference/access-authn-authz/extensible-admission-controllers/#webhook-request-and-response).

import type { Operation } from '../api/admission-rules.ts';
import type { Kind } from '../api/kind.ts';
import { type Fields, fieldsAt, groupVersion, isFields, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import { admissionDenied, type StatusCause } from '../api/status.ts';
import type { CodedError } from '../base/coded-error.ts';
import { type AdmissionAttributes, inVersionOf } from './admission-attributes.ts';
import { applyJsonPatch, PatchFailure } from './json-patch.ts';
import { toObject } from './object-input.ts';

/** What an answer comes to. */
export type Answer =
  | { readonly kind: 'allowed'; readonly patch: readonly unknown[] | undefined; readonly warnings: readonly string[] }
  | { readonly kind: 'denied'; readonly status: Fields; readonly warnings: readonly string[] }
  /** There is no answer, and why. */
  | { readonly kind: 'failed'; readonly problem: string };

const reviewGroup = 'admission.k8s.io';
const known = ['v1', 'v1beta1'];
const maxWarnings = 32;
const maxWarningLength = 1024;

/** In which version a webhook is asked: the first that it names of those known. */
export const reviewVersion = (webhook: Fields): string =>
  groupVersion(reviewGroup, String(listAt(webhook, 'admissionReviewVersions').find((version) => known.includes(String(version))) ?? 'v1'));

const named = (fields: Fields): Fields =>
  Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== '' && value !== undefined));

/** What patches come to is told as an update or a creation. */
const optionsKinds: Readonly<Record<Operation, string>> = { CREATE: 'CreateOptions', UPDATE: 'UpdateOptions', DELETE: 'DeleteOptions' };

/** The question about a write, told in the version of its kind that the webhook wants. All but its uid. */
export const admissionRequest = (attributes: AdmissionAttributes, asked: Kind): Fields => {
  const { kind, subresource, namespace, name, operation, user, object, oldObject, isDryRun, options } = inVersionOf(attributes, asked);
  const kindOf = (own: Kind): Fields => {
    const { group, version, kind } = attributes.shownAs ?? own;
    return { group, version, kind };
  };
  const resourceOf = ({ group, version, plural }: Kind): Fields => ({ group, version, resource: plural });
  return {
    ...named({ subResource: subresource, requestSubResource: subresource, name, namespace: kind.isNamespaced ? namespace : '' }),
    kind: kindOf(asked),
    resource: resourceOf(asked),
    requestKind: kindOf(kind),
    requestResource: resourceOf(kind),
    operation,
    userInfo: { ...user },
    object: object ?? null,
    oldObject: oldObject ?? null,
    dryRun: isDryRun,
    options: { kind: optionsKinds[operation], apiVersion: 'meta.k8s.io/v1', ...options },
  };
};

const failed = (problem: string): Answer => ({ kind: 'failed', problem });

const patchOf = (response: Fields): readonly unknown[] | string | undefined => {
  const { patch, patchType } = response;
  if (patch === undefined || patch === null || patch === '')
    return patchType === undefined || patchType === null ? undefined : 'it names a patch type and gives no patch';
  if (patchType !== 'JSONPatch') return 'its patch is of a type that is not JSONPatch';
  try {
    const parsed: unknown = JSON.parse(Buffer.from(String(patch), 'base64').toString());
    return Array.isArray(parsed) ? parsed : 'its patch is no list';
  } catch {
    return 'its patch is no JSON in base64';
  }
};

const warningsOf = (response: Fields): readonly string[] =>
  listAt(response, 'warnings')
    .filter((warning) => typeof warning === 'string')
    .slice(0, maxWarnings)
    // They end up in a header.
    .map((warning) => warning.replace(/[^\x20-\x7e\u00a0-\uffff]/g, ' ').slice(0, maxWarningLength));

/** Reads an answer to the question of this uid. What is wrong with it is told without repeating any of it. */
export const readAnswer = (text: string, apiVersion: string, uid: string): Answer => {
  let review: unknown;
  try {
    review = JSON.parse(text);
  } catch {
    return failed('its answer is no JSON');
  }
  if (!isFields(review) || review['kind'] !== 'AdmissionReview' || review['apiVersion'] !== apiVersion)
    return failed(`expected webhook response of ${apiVersion}, Kind=AdmissionReview`);
  const { response } = review;
  if (!isFields(response)) return failed('webhook response was absent');
  if (response['uid'] !== uid) return failed(`expected response.uid=${JSON.stringify(uid)}`);
  const patch = patchOf(response);
  if (typeof patch === 'string') return failed(patch);
  const warnings = warningsOf(response);
  return response['allowed'] === true
    ? { kind: 'allowed', patch, warnings }
    : { kind: 'denied', status: fieldsAt(response, 'status'), warnings };
};

/** A refusal with the webhook's own code, reason, message and details. */
export const denial = (webhook: string, status: Fields): CodedError => {
  const by = `admission webhook ${JSON.stringify(webhook)} denied the request`;
  const code = status['code'];
  const [message, reason] = [textAt(status, 'message'), textAt(status, 'reason')];
  const details = fieldsAt(status, 'details');
  const causes = listAt(details, 'causes')
    .filter(isFields)
    .map((cause): StatusCause => {
      const [reason, field] = [textAt(cause, 'reason'), textAt(cause, 'field')];
      return { ...(reason === '' ? {} : { reason }), message: textAt(cause, 'message'), ...(field === '' ? {} : { field }) };
    });
  const said = Object.fromEntries(
    ['name', 'group', 'kind', 'uid'].flatMap((field) => (textAt(details, field) === '' ? [] : [[field, textAt(details, field)]])),
  );
  const hasDetails = causes.length > 0 || Object.keys(said).length > 0;
  return admissionDenied(
    message === '' && reason === '' ? `${by} without explanation` : `${by}: ${message === '' ? reason : message}`,
    { code: typeof code === 'number' && Number.isInteger(code) && code >= 400 && code < 600 ? code : 400, reason },
    hasDetails ? { ...said, ...(causes.length === 0 ? {} : { causes }) } : undefined,
  );
};

/** What a webhook's patch makes of an object; a text where it makes none. */
export const patchedBy = (patch: readonly unknown[], object: KubernetesObject, asked: Kind, kind: Kind): KubernetesObject | string => {
  try {
    const result = applyJsonPatch(object, patch);
    if (!isFields(result)) return 'its patch leaves no object';
    const read = toObject(result, asked, 'Ignore').object;
    return { ...read, apiVersion: groupVersion(kind.group, kind.version) };
  } catch (error) {
    // What the patch holds may be secret; the first words of its fault are not.
    if (error instanceof PatchFailure) return 'its patch does not apply';
    return 'its patch leaves an object that is none of its kind';
  }
};

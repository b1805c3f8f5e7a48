// One write as those see it who are asked whether it may be, and which of them are asked.

import { type Operation, ruleMatches } from '../api/admission-rules.ts';
import { type Kind, pathKey, type StoredObjects, type UserInfo } from '../api/kind.ts';
import { type Fields, groupVersion, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import { isEmptySelector, selectsLabels } from '../api/object-selector.ts';
import type { KindTable } from './kind-table.ts';

export type AdmissionAttributes = {
  readonly operation: Operation;
  /** What the request names. */
  readonly kind: Kind;
  /** Empty where the whole object is meant. */
  readonly subresource: string;
  /** Empty where there is none. */
  readonly namespace: string;
  readonly name: string;
  /** The kind that the objects are shown as, where a part of the object has a kind of its own. */
  readonly shownAs?: { readonly group: string; readonly version: string; readonly kind: string } | undefined;
  /** What is to be stored; undefined for a deletion. */
  readonly object: KubernetesObject | undefined;
  /** What is stored; undefined for a creation. */
  readonly oldObject: KubernetesObject | undefined;
  readonly user: UserInfo;
  readonly isDryRun: boolean;
  /** What else was asked for: CreateOptions, UpdateOptions or DeleteOptions, less kind and version. */
  readonly options: Fields;
};

const labelsOf = (object: KubernetesObject | undefined): Readonly<Record<string, string>> => object?.metadata.labels ?? {};

/** An object as another version of its kind has it. */
export const inVersion = (kind: Kind, object: KubernetesObject | undefined): KubernetesObject | undefined =>
  object === undefined ? undefined : kind.withDefaults({ ...object, apiVersion: groupVersion(kind.group, kind.version) });

/**
 * The version of the kind in which `match` wants to be asked about a write, undefined where it does not. `match` has a policy, selectors and
 * rules (`rules` or `resourceRules`, less `excludeResourceRules`).
 */
export const matchedKind = (
  match: Fields,
  attributes: AdmissionAttributes,
  kinds: Pick<KindTable, 'kinds'>,
  stored: StoredObjects,
): Kind | undefined => {
  const { kind, namespace, object, oldObject } = attributes;
  const selector = match['namespaceSelector'];
  if (kind.isNamespaced && !isEmptySelector(selector)) {
    const found = stored.get('/namespaces', '', namespace)?.object;
    if (!selectsLabels(selector, labelsOf(found))) return undefined;
  }
  const objects = [object, oldObject].filter((each) => each !== undefined);
  if (!isEmptySelector(match['objectSelector']) && !objects.some((each) => selectsLabels(match['objectSelector'], labelsOf(each))))
    return undefined;
  const subject = { ...attributes, group: kind.group, plural: kind.plural, isNamespaced: kind.isNamespaced };
  const isNamed = (rules: string, { version }: Kind): boolean =>
    listAt(match, rules).some((rule) => ruleMatches(rule, { ...subject, version }));
  const isExcluded = (candidate: Kind): boolean => isNamed('excludeResourceRules', candidate);
  const isMeant = (candidate: Kind): boolean => isNamed('rules', candidate) || isNamed('resourceRules', candidate);
  const versions =
    textAt(match, 'matchPolicy') === 'Exact'
      ? [kind]
      : [kind, ...kinds.kinds.filter((other) => other !== kind && pathKey(other) === pathKey(kind))];
  return versions.some(isExcluded) ? undefined : versions.find(isMeant);
};

/** The write as it is told in another version of its kind. */
export const inVersionOf = (attributes: AdmissionAttributes, kind: Kind): AdmissionAttributes =>
  kind.version === attributes.kind.version || attributes.shownAs !== undefined
    ? attributes
    : { ...attributes, object: inVersion(kind, attributes.object), oldObject: inVersion(kind, attributes.oldObject) };

/** The namespace that a write is in; undefined where it is in none. */
export const namespaceOf = ({ kind, namespace }: AdmissionAttributes, stored: StoredObjects): KubernetesObject | undefined =>
  kind.isNamespaced ? stored.get('/namespaces', '', namespace)?.object : undefined;

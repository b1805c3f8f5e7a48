// The four extensions about certificate policies (RFC 5280 sections 4.2.1.4, 4.2.1.5, 4.2.1.11 and 4.2.1.14), read only: they decide whether
// a path is valid, and this program issues none of its own. What they do to a path is policy-graph.ts.

import { CodedError } from '../base/coded-error.ts';
import {
  atEnd,
  contextTag,
  type DerElement,
  derReader,
  enter,
  enterWhole,
  expectEnd,
  integerContent,
  readElement,
  readOptional,
  tag,
} from './der.ts';
import { type Extension, findExtension } from './extension.ts';
import { oid, readOid } from './oid.ts';

/** Policies and mappings of one certificate that are read at most; more are refused. */
const maxPolicies = 1000;

/** One policy, and the types of what qualifies it. */
export type CertificatePolicy = { readonly policy: string; readonly qualifiers: readonly string[] };
export type PolicyMapping = { readonly issuerPolicy: string; readonly subjectPolicy: string };
/** Numbers of certificates further down the path; undefined where the field is absent. */
export type PolicyConstraints = { readonly requireExplicitPolicy: number | undefined; readonly inhibitPolicyMapping: number | undefined };

/** What a certificate says about policies; undefined where the extension is absent. */
export type PolicyStatements = {
  readonly policies: readonly CertificatePolicy[] | undefined;
  readonly mappings: readonly PolicyMapping[];
  readonly constraints: PolicyConstraints | undefined;
  readonly inhibitAnyPolicy: number | undefined;
};

const invalid = (what: string, problem: string): never => {
  throw new CodedError('ExtensionInvalid', `cannot read ${what}: ${problem}`);
};

const countWithin = (length: number, what: string): void => {
  if (length > maxPolicies) throw new CodedError('InputTooLarge', `cannot read ${what}: more than ${maxPolicies} entries`);
};

export const decodeCertificatePolicies = (value: Uint8Array): readonly CertificatePolicy[] => {
  const what = 'certificate policies';
  const reader = enterWhole(value, tag.sequence, what);
  const policies: CertificatePolicy[] = [];
  const seen = new Set<string>();
  while (!atEnd(reader)) {
    const inner = enter(reader, tag.sequence, 'policy information');
    const policy = readOid(inner);
    const qualifiers: string[] = [];
    const list = readOptional(inner, tag.sequence);
    expectEnd(inner);
    const listReader = derReader(list?.content ?? new Uint8Array(), 'policy qualifiers');
    while (!atEnd(listReader)) {
      qualifiers.push(readOid(enter(listReader, tag.sequence, 'policy qualifier')));
      countWithin(qualifiers.length, what);
    }
    // Section 4.2.1.4: a policy stands at most once.
    if (seen.has(policy)) return invalid(what, `policy ${policy} stands twice`);
    seen.add(policy);
    policies.push({ policy, qualifiers });
    countWithin(policies.length, what);
  }
  return policies.length === 0 ? invalid(what, 'the list is empty') : policies;
};

export const decodePolicyMappings = (value: Uint8Array): readonly PolicyMapping[] => {
  const what = 'policy mappings';
  const reader = enterWhole(value, tag.sequence, what);
  const mappings: PolicyMapping[] = [];
  while (!atEnd(reader)) {
    const inner = enter(reader, tag.sequence, 'policy mapping');
    mappings.push({ issuerPolicy: readOid(inner), subjectPolicy: readOid(inner) });
    expectEnd(inner);
    countWithin(mappings.length, what);
  }
  return mappings.length === 0 ? invalid(what, 'the list is empty') : mappings;
};

/** SkipCerts: any number that is not negative. No path is long enough to tell the large ones apart. */
const skipCertificates = (found: DerElement, what: string): number => {
  const content = integerContent(found, what);
  if ((content[0] ?? 0) >= 0x80) return invalid(what, 'a number of certificates is negative');
  return content.length > 4 ? 0x7fffffff : content.reduce((number, octet) => number * 256 + octet, 0);
};

export const decodePolicyConstraints = (value: Uint8Array): PolicyConstraints => {
  const what = 'policy constraints';
  const reader = enterWhole(value, tag.sequence, what);
  const explicit = readOptional(reader, contextTag(0));
  const mapping = readOptional(reader, contextTag(1));
  expectEnd(reader);
  if (explicit === undefined && mapping === undefined) return invalid(what, 'they are empty');
  return {
    requireExplicitPolicy: explicit && skipCertificates(explicit, what),
    inhibitPolicyMapping: mapping && skipCertificates(mapping, what),
  };
};

export const decodeInhibitAnyPolicy = (value: Uint8Array): number => {
  const reader = derReader(value, 'inhibit any policy');
  const found = readElement(reader, tag.integer);
  expectEnd(reader);
  return skipCertificates(found, 'inhibit any policy');
};

/** All that a certificate says about policies. Throws ExtensionInvalid, DerInvalid, OidInvalid and InputTooLarge. */
export const policyStatements = (extensions: readonly Extension[]): PolicyStatements => {
  const read = <Value>(type: string, decode: (value: Uint8Array) => Value): Value | undefined => {
    const extension = findExtension(extensions, type);
    return extension === undefined ? undefined : decode(extension.value);
  };
  return {
    policies: read(oid.certificatePolicies, decodeCertificatePolicies),
    mappings: read(oid.policyMappings, decodePolicyMappings) ?? [],
    constraints: read(oid.policyConstraints, decodePolicyConstraints),
    inhibitAnyPolicy: read(oid.inhibitAnyPolicy, decodeInhibitAnyPolicy),
  };
};

/** How many entries there are to work through. */
export const policyEntryCount = ({ policies, mappings }: PolicyStatements): number => (policies?.length ?? 0) + mappings.length;

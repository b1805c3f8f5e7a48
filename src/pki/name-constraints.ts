// Name constraints (RFC 5280 section 4.2.1.10): which names a CA may vouch for, judged name by name, the type kept in every comparison.
// A name of a type that constraints speak of and this file cannot compare is a violation, never a pass.

import { parseIpAddress } from '../base/ip-address.ts';
import type { GeneralSubtree, NameConstraints } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { formatGeneralName } from './general-name-text.ts';
import { attributeValues, isEmptyName, isNameWithin } from './name.ts';
import { oid } from './oid.ts';
import type { TbsCertificate } from './x509-certificate.ts';

type Base = GeneralSubtree['base'];

/** `below` takes a name and everything under it; a base with a dot in front takes what is under it alone. */
const isHostWithin = (host: string, base: string): boolean => {
  const [name, limit] = [host.toLowerCase(), base.toLowerCase()];
  return limit.startsWith('.') ? name.endsWith(limit) && name.length > limit.length : name === limit;
};

const isDnsWithin = (dns: string, base: string): boolean => {
  const [name, limit] = [dns.toLowerCase(), base.toLowerCase().replace(/^\./, '')];
  return limit === '' || name === limit || name.endsWith(`.${limit}`);
};

/** Whether some expansion of a wildcard lies within a base although not all do. */
const mayReachInto = (dns: string, base: string): boolean => {
  const limit = base.toLowerCase().replace(/^\./, '');
  const parent = dns.toLowerCase().slice(2);
  const [, ...rest] = limit.split('.');
  return dns.startsWith('*.') && rest.join('.') === parent;
};

const hostOf = (uri: string): string | undefined => /^[^:]+:\/\/(?:[^/?#@]*@)?([^/?#:[\]]+)(?::\d*)?(?:[/?#]|$)/.exec(uri)?.[1];

const isIpWithin = (address: string, range: Uint8Array): boolean => {
  const octets = parseIpAddress(address);
  const half = range.length / 2;
  if (octets === undefined || octets.length !== half) return false;
  return octets.every((octet, i) => (octet & (range[half + i] ?? 0)) === ((range[i] ?? 0) & (range[half + i] ?? 0)));
};

/** Whether a name lies within a base of its type; undefined where the two cannot be compared. */
const isWithin = (name: GeneralName, base: Base, excluding: boolean): boolean | undefined => {
  if (name.type === 'dns' && base.type === 'dns')
    return isDnsWithin(name.value, base.value) || (excluding && mayReachInto(name.value, base.value));
  if (name.type === 'ip' && base.type === 'ip-range') return isIpWithin(name.value, base.octets);
  if (name.type === 'directoryName' && base.type === 'directoryName') return isNameWithin(name.name, base.name);
  if (name.type === 'email' && base.type === 'email') {
    const [, local = '', host = ''] = /^(.*)@([^@]*)$/.exec(name.value) ?? [];
    const [, baseLocal, baseHost = ''] = /^(.*)@([^@]*)$/.exec(base.value) ?? [];
    if (baseLocal !== undefined) return local === baseLocal && host.toLowerCase() === baseHost.toLowerCase();
    return isHostWithin(host, base.value);
  }
  if (name.type === 'uri' && base.type === 'uri') {
    const host = hostOf(name.value);
    // A URI without a host name cannot be placed, so a constraint on URIs refuses it.
    return host === undefined || parseIpAddress(host) !== undefined ? undefined : isHostWithin(host, base.value);
  }
  return undefined;
};

const baseType = (base: Base): GeneralName['type'] => (base.type === 'ip-range' ? 'ip' : base.type);

const violation = ({ permitted, excluded }: NameConstraints, name: GeneralName): string | undefined => {
  const ofType = (subtrees: readonly GeneralSubtree[]) => subtrees.filter(({ base }) => baseType(base) === name.type);
  const text = `"${formatGeneralName(name)}"`;
  const allowed = ofType(permitted);
  if (allowed.length > 0 && !allowed.some(({ base }) => isWithin(name, base, false) === true))
    return `${text} is not within the names its CA is permitted`;
  return ofType(excluded).some(({ base }) => isWithin(name, base, true) !== false)
    ? `${text} is within the names its CA is excluded from`
    : undefined;
};

/** What of a certificate's names breaks constraints, each as a message; none where all names are allowed. */
export const nameConstraintViolations = (constraints: NameConstraints, tbs: TbsCertificate): string[] => {
  const names: GeneralName[] = [...(tbs.subjectAltNames ?? [])];
  if (!isEmptyName(tbs.subject)) names.push({ type: 'directoryName', name: tbs.subject });
  if (!names.some(({ type }) => type === 'email'))
    names.push(...attributeValues(tbs.subject, oid.emailAddress).map((value) => ({ type: 'email', value }) as const));
  return names.flatMap((name) => violation(constraints, name) ?? []);
};

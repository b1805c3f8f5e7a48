// Where one name stands to one subtree of name constraints (RFC 5280 section 4.2.1.10). The answer has four values, so that a caller never
// has to guess: only `inside` satisfies a permission, only `outside` escapes an exclusion.
// `partly`: some expansions of a wildcard, or some readings of a base that the RFC leaves open, lie inside. `incomparable`: one of the two
// is malformed, or of a name form that this program does not process.

import { parseIpAddress } from '../base/ip-address.ts';
import type { GeneralSubtree } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import { isNameWithin } from './name.ts';
import { oid } from './oid.ts';

export type SubtreeBase = GeneralSubtree['base'];
export type SubtreeRelation = 'inside' | 'outside' | 'partly' | 'incomparable';

/** Labels as they occur in real names: an underscore counts as a letter. No empty label, so no dot at either end. */
const hostSyntax = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;
const isHost = (text: string): boolean => text.length <= 253 && hostSyntax.test(text);

/** Host and base in lower case; a base with a dot in front takes what is below it alone. */
const hostRelation = (host: string, base: string): SubtreeRelation => {
  // RFC 5280 gives the empty base no meaning for mail and URIs: it may mean every host or none.
  if (base === '') return 'partly';
  const limit = base.replace(/^\./, '');
  if (!isHost(host) || !isHost(limit)) return 'incomparable';
  const isWithin = base.startsWith('.') ? host.endsWith(base) : host === limit;
  return isWithin ? 'inside' : 'outside';
};

const dnsRelation = (dns: string, base: string): SubtreeRelation => {
  const name = dns.toLowerCase();
  const parent = name.startsWith('*.') ? name.slice(2) : undefined;
  if (!isHost(parent ?? name)) return 'incomparable';
  if (base === '') return 'inside';
  // DNS bases have no dot in front. Some read it as below the name alone, some as below the name and the name itself.
  const limit = base.toLowerCase().replace(/^\./, '');
  if (!isHost(limit)) return 'incomparable';
  const below = `.${limit}`;
  if (parent === undefined) {
    if (name === limit) return base.startsWith('.') ? 'partly' : 'inside';
    return name.endsWith(below) ? 'inside' : 'outside';
  }
  if (parent === limit || parent.endsWith(below)) return 'inside';
  return limit.slice(limit.indexOf('.') + 1) === parent && limit.includes('.') ? 'partly' : 'outside';
};

/** A local part without quotes. A quoted one may say the same in other characters. */
const plainLocalPart = /^[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]+$/;
const quotedLocalPart = /^"(?:[^"\\]|\\.)*"$/;

const splitMailbox = (text: string): readonly [local: string, host: string] | undefined => {
  const at = text.lastIndexOf('@');
  const local = text.slice(0, Math.max(at, 0));
  return plainLocalPart.test(local) || quotedLocalPart.test(local) ? [local, text.slice(at + 1).toLowerCase()] : undefined;
};

const emailRelation = (email: string, base: string): SubtreeRelation => {
  const mailbox = splitMailbox(email);
  if (mailbox === undefined) return 'incomparable';
  const [local, host] = mailbox;
  if (!base.includes('@')) return hostRelation(host, base.toLowerCase());
  const [baseLocal, baseHost] = splitMailbox(base) ?? ['"', ''];
  if (!isHost(host) || !isHost(baseHost)) return 'incomparable';
  if (host !== baseHost) return 'outside';
  if (!plainLocalPart.test(local) || !plainLocalPart.test(baseLocal)) return 'incomparable';
  // Letter case counts in local parts (RFC 5280 section 7.5).
  return local === baseLocal ? 'inside' : 'outside';
};

/** The host of a URI of RFC 3986 characters alone, in lower case; undefined where it has none, or one that is not a name. */
const uriHost = (uri: string): string | undefined => {
  if (!/^[A-Za-z0-9:/?#[\]@!$&'()*+,;=._~%-]+$/.test(uri)) return undefined;
  const host = /^[A-Za-z][A-Za-z0-9+.-]*:\/\/(?:[^/?#@]*@)?([^/?#@:[\]]+)(?::\d*)?(?:[/?#]|$)/.exec(uri)?.[1]?.toLowerCase();
  // A last label that is a number makes readers of URLs see an address of IPv4 in one of its old spellings.
  return host === undefined || !isHost(host) || /(?:^|\.)(?:\d+|0x[0-9a-f]*)$/.test(host) ? undefined : host;
};

const uriRelation = (uri: string, base: string): SubtreeRelation => {
  const host = uriHost(uri);
  return host === undefined ? 'incomparable' : hostRelation(host, base.toLowerCase());
};

/** Whether a mask is ones and then zeros (RFC 4632). */
const isPrefixMask = (mask: Uint8Array): boolean => {
  let ended = false;
  for (const octet of mask) {
    // Ones and then zeros: the complement is one less than a power of two.
    const complement = ~octet & 0xff;
    if ((complement & (complement + 1)) !== 0 || (ended && octet !== 0)) return false;
    ended ||= octet !== 0xff;
  }
  return true;
};

const isInRange = (address: Uint8Array, network: Uint8Array, mask: Uint8Array): boolean =>
  address.length === network.length && address.every((octet, i) => ((octet ^ (network[i] ?? 0)) & (mask[i] ?? 0)) === 0);

/** The same IPv4 address in the other family's spelling, ::ffff:0:0/96; undefined where it has none. */
const otherSpelling = (address: Uint8Array): Uint8Array | undefined => {
  if (address.length === 4) return Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, ...address);
  const isMapped = address.subarray(0, 12).every((octet, i) => octet === (i < 10 ? 0 : 0xff));
  return isMapped ? address.subarray(12) : undefined;
};

const ipRelation = (text: string, range: Uint8Array): SubtreeRelation => {
  const address = parseIpAddress(text);
  const [network, mask] = [range.subarray(0, range.length / 2), range.subarray(range.length / 2)];
  if (address === undefined || !isPrefixMask(mask)) return 'incomparable';
  if (isInRange(address, network, mask)) return 'inside';
  // A socket of IPv6 reaches the same host under the mapped address, so an exclusion must not be escaped by spelling it so.
  const other = otherSpelling(address);
  return other !== undefined && isInRange(other, network, mask) ? 'partly' : 'outside';
};

/** SmtpUTF8Mailbox (RFC 9598): an email address that stands among the other names. */
const isMailOtherName = (name: GeneralName): boolean => name.type === 'otherName' && name.oid === oid.smtpUtf8Mailbox;

/** Where a name stands to a base; undefined where the base speaks of another form of name. */
export const subtreeRelation = (name: GeneralName, base: SubtreeBase): SubtreeRelation | undefined => {
  if (base.type === 'ip-range') return name.type === 'ip' ? ipRelation(name.value, base.octets) : undefined;
  if (base.type === 'email' && isMailOtherName(name)) return 'incomparable';
  if (name.type !== base.type) return undefined;
  if (name.type === 'dns' && base.type === 'dns') return dnsRelation(name.value, base.value);
  if (name.type === 'email' && base.type === 'email') return emailRelation(name.value, base.value);
  if (name.type === 'uri' && base.type === 'uri') return uriRelation(name.value, base.value);
  if (name.type === 'directoryName' && base.type === 'directoryName') return isNameWithin(name.name, base.name) ? 'inside' : 'outside';
  return 'incomparable';
};

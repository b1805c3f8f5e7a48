// Whether a certificate is for a host: RFC 9525 (which replaces RFC 6125). Subject alternative names of the matching type alone count; the
// common name never does.

import { equalBytes } from '../base/bytes.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import type { TbsCertificate } from './x509-certificate.ts';

const hostSyntax = /^[a-z0-9_-]{1,63}(?:\.[a-z0-9_-]{1,63})*$/;

const matchesPattern = (pattern: string, host: string): boolean => {
  if (!pattern.startsWith('*.')) return pattern === host;
  const parent = pattern.slice(2);
  const dot = host.indexOf('.');
  // The asterisk stands for exactly one label. Directly above a top-level name, and for a host with an underscore, OpenSSL and Node refuse it, so we do.
  return parent.includes('.') && !host.includes('_') && dot > 0 && host.slice(dot + 1) === parent;
};

/**
 * Whether a DNS name among the SANs is this host (RFC 9525 section 6.3): letter case and a dot at the end of `host` aside, a wildcard as the
 * whole first label only. IP addresses, wildcards and malformed names as `host` match nothing.
 */
export const matchesDnsName = (certificate: Pick<TbsCertificate, 'subjectAltNames'>, host: string): boolean => {
  const wanted = host.toLowerCase().replace(/\.$/, '');
  if (wanted.length > 253 || !hostSyntax.test(wanted) || parseIpAddress(wanted) !== undefined) return false;
  return (certificate.subjectAltNames ?? []).some((name) => name.type === 'dns' && matchesPattern(name.value.toLowerCase(), wanted));
};

/** Whether an IP address among the SANs is this address, octet by octet (RFC 9525 section 6.4). Text that is no address matches nothing. */
export const matchesIp = (certificate: Pick<TbsCertificate, 'subjectAltNames'>, address: string): boolean => {
  const wanted = parseIpAddress(address);
  if (wanted === undefined) return false;
  return (certificate.subjectAltNames ?? []).some(
    (name) => name.type === 'ip' && equalBytes(parseIpAddress(name.value) ?? new Uint8Array(), wanted),
  );
};

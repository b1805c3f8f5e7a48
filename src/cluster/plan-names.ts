// What is wrong with the names and addresses of a plan, in words; undefined where nothing is.
// DNS syntax is src/pki's; here is what a plan asks beyond it.

import { formatIpAddress, parseIpAddress } from '../base/ip-address.ts';
import { dnsNameProblem } from '../pki/general-name-text.ts';

/** Longest common name (RFC 5280 appendix A.1, ub-common-name), in characters. */
export const maxCommonNameLength = 64;

/** Programs take a name that ends in a number for an IPv4 address (WHATWG URL, "ends in a number"). */
const numberProblem = (name: string): string | undefined =>
  /(?:^|\.)(?:\d+|0x[\da-f]*)$/i.test(name) ? 'its last label is a number, so that programs take it for an address' : undefined;

/** What is wrong with a host name of a machine: it becomes a DNS name, a Kubernetes node name and part of file names. */
export const hostProblem = (host: string): string | undefined => {
  if (parseIpAddress(host) !== undefined) return 'is an address, and should be the host name';
  const problem = host.includes('*') ? 'it has a wildcard' : dnsNameProblem(host);
  return problem === undefined ? undefined : `is not a host name (RFC 1123): ${problem}`;
};

/** What is wrong with a further name of a server: an IP address, or a DNS name that may start with `*.`. */
export const sanProblem = (name: string): string | undefined => {
  if (parseIpAddress(name) !== undefined) return undefined;
  const problem = dnsNameProblem(name);
  return problem === undefined ? undefined : `is neither an IP address nor a DNS name: ${problem}`;
};

/** What is wrong with the domain that Services are named under. */
export const domainProblem = (domain: string): string | undefined => {
  const problem = domain.includes('*') ? 'it has a wildcard' : dnsNameProblem(`kubernetes.default.svc.${domain}`);
  return problem === undefined ? undefined : `is not a DNS domain: ${problem}`;
};

/** What is wrong with a text as the name of a thing: what would be invisible, or impossible to encode. */
export const plainNameProblem = (name: string): string | undefined => {
  if (/\p{Cc}/u.test(name)) return 'has a control character in it';
  if (!name.isWellFormed()) return 'has half of a surrogate pair in it';
  return name.trim() === name ? undefined : 'starts or ends with a blank';
};

/** What is wrong with the length of a common name. */
export const commonNameLengthProblem = (name: string): string | undefined => {
  const length = [...name].length;
  return length > maxCommonNameLength ? `has ${length} characters, and a common name has at most ${maxCommonNameLength}` : undefined;
};

/** Canonical text of an IP address (RFC 5952); undefined where the text is none. */
export const canonicalAddress = (text: string): string | undefined => {
  const octets = parseIpAddress(text);
  return octets === undefined ? undefined : formatIpAddress(octets);
};

/** What is wrong with an address as that of a machine, undefined where nothing is. */
export const machineAddressProblem = (text: string): string | undefined => {
  const octets = parseIpAddress(text);
  if (octets === undefined) return 'is not an IP address';
  const canonical = formatIpAddress(octets);
  if (canonical.startsWith('::ffff:')) return 'is an IPv4 address written as IPv6';
  if (octets.every((octet) => octet === 0)) return 'stands for every address, and should be that of the machine';
  const [first = 0] = octets;
  if (octets.length === 4 ? first >= 224 : first === 0xff)
    return 'is the address of a group or reserved, and should be that of the machine';
  return undefined;
};

/** Host and port of `host:port` or `[address]:port`. */
export type Endpoint = { readonly host: string; readonly port: number };

/** Reads where clients reach the API servers; an endpoint, or what is wrong. */
export const parseEndpoint = (text: string): Endpoint | { readonly problem: string } => {
  const parts = /^(?:\[([^[\]]*)\]|([^:[\]]*)):(\d+)$/.exec(text);
  if (parts === null) {
    if (parseIpAddress(text)?.length === 16) return { problem: 'has no port, and an IPv6 address needs brackets before one' };
    return { problem: /^(?:\[[^\]]*\]|[^:]*)$/.test(text) ? 'has no port' : 'is not host:port' };
  }
  const [, bracketed, plain = '', digits = ''] = parts;
  const port = Number(digits);
  if (port < 1 || port > 65_535) return { problem: 'has a port that is not between 1 and 65535' };
  return endpointOf(bracketed ?? plain, port, bracketed !== undefined);
};

/** An endpoint of a host alone, or what is wrong with it. */
export const endpointOf = (host: string, port: number, isBracketed = false): Endpoint | { readonly problem: string } => {
  const address = parseIpAddress(host);
  if (address !== undefined && (!isBracketed || address.length === 16)) return { host: formatIpAddress(address), port };
  if (isBracketed) return { problem: 'has something other than an IPv6 address in brackets' };
  const problem = host.includes('*') ? 'it has a wildcard' : (dnsNameProblem(host) ?? numberProblem(host));
  return problem === undefined ? { host, port } : { problem: `names no host: ${problem}` };
};

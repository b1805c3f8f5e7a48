// What Kubernetes adds to CEL for its own values (https://kubernetes.io/docs/reference/using-api/cel/): URLs, addresses, quantities, versions
// and named formats. Anything that is not here is refused by name when an expression is compiled.

import { type Cidr, cidrContains, formatCidr, formatIpAddress, type IpOctets, parseCidr, parseIpAddress } from '../../base/ip-address.ts';
import { labelName, labelValueProblem, qualifiedNameProblem, serviceName, subdomainName } from '../metadata.ts';
import { fn, method, type Overload } from './overload.ts';
import { stringOf } from './standard-library.ts';
import { parseTimestamp } from './time.ts';
import { bool, double, int, listOf, mapOf, opaque, optionalOf, string } from './types.ts';
import { EvaluationError, none, Opaque, Optional, type Value } from './values.ts';

const attempt = (read: () => unknown): boolean => {
  try {
    read();
    return true;
  } catch (error) {
    if (error instanceof EvaluationError) return false;
    throw error;
  }
};

class UrlValue extends Opaque {
  readonly typeName = 'kubernetes.URL';
  readonly source: string;
  readonly scheme: string;
  readonly host: string;
  readonly path: string;
  readonly query: string;
  constructor(source: string) {
    super();
    // What a request line may hold: an absolute URI, or a path from the root.
    const match = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(?:\/\/(?:[^/?@]*@)?([^/?]*))?([^?]*)(?:\?(.*))?$/su.exec(source);
    const [, scheme = '', host = '', path = '', query = ''] = match ?? [];
    const isWrong =
      match === null ||
      [...source].some((char) => char <= ' ' || char === '\x7f') ||
      /%(?![0-9a-fA-F]{2})/.test(path) ||
      /[^:]*:[^:0-9\]]+$/.test(host);
    if (isWrong || (scheme === '' && !path.startsWith('/')))
      throw new EvaluationError(`URL parse error during conversion from string: ${JSON.stringify(source)}`);
    this.source = source;
    this.scheme = scheme.toLowerCase();
    this.host = host;
    this.path = path;
    this.query = query;
  }
  get port(): string {
    return /:(\d*)$/.exec(this.host)?.[1] ?? '';
  }
  get hostname(): string {
    return this.host.replace(/:\d*$/, '').replace(/^\[(.*)\]$/, '$1');
  }
  override equals(other: Opaque): boolean {
    return other instanceof UrlValue && other.source === this.source;
  }
  override text(): string {
    return this.source;
  }
}

const queryOf = ({ query }: UrlValue): Value => {
  const found = new Map<Value, Value[]>();
  for (const [key, value] of new URLSearchParams(query)) found.set(key, [...(found.get(key) ?? []), value]);
  return found;
};

const url = opaque('kubernetes.URL');
const urls: readonly Overload[] = [
  fn('url', [string], url, (text: string) => new UrlValue(text)),
  fn('isURL', [string], bool, (text: string) => attempt(() => new UrlValue(text))),
  method('getScheme', [url], string, ({ scheme }: UrlValue) => scheme),
  method('getHost', [url], string, ({ host }: UrlValue) => host),
  method('getHostname', [url], string, ({ hostname }: UrlValue) => hostname),
  method('getPort', [url], string, ({ port }: UrlValue) => port),
  method('getEscapedPath', [url], string, ({ path }: UrlValue) => path),
  method('getQuery', [url], mapOf(string, listOf(string)), queryOf),
  stringOf(url),
];

class IpValue extends Opaque {
  readonly typeName = 'net.IP';
  readonly octets: IpOctets;
  constructor(octets: IpOctets) {
    super();
    this.octets = octets;
  }
  override equals(other: Opaque): boolean {
    return other instanceof IpValue && Buffer.compare(other.octets, this.octets) === 0;
  }
  override text(): string {
    return formatIpAddress(this.octets);
  }
}
class CidrValue extends Opaque {
  readonly typeName = 'net.CIDR';
  /** The address as it was written, which may be any within the network. */
  readonly address: IpOctets;
  readonly network: Cidr;
  constructor(address: IpOctets, prefixLength: number) {
    super();
    this.address = address;
    const network = address.map((octet, i) => octet & (0xff00 >> Math.max(0, Math.min(8, prefixLength - i * 8))) & 0xff);
    this.network = { network, prefixLength };
  }
  override equals(other: Opaque): boolean {
    return (
      other instanceof CidrValue &&
      Buffer.compare(other.address, this.address) === 0 &&
      other.network.prefixLength === this.network.prefixLength
    );
  }
  override text(): string {
    return `${formatIpAddress(this.address)}/${this.network.prefixLength}`;
  }
}
const ipOf = (text: string): IpValue => {
  const octets = parseIpAddress(text);
  // An IPv4 address in the clothes of IPv6 is two things at once.
  const isMapped = octets?.length === 16 && octets.slice(0, 10).every((octet) => octet === 0) && octets[10] === 0xff && octets[11] === 0xff;
  if (octets === undefined || isMapped)
    throw new EvaluationError(`IP Address ${JSON.stringify(text)} parse error during conversion from string`);
  return new IpValue(octets);
};
const cidrOf = (text: string): CidrValue => {
  const [address = '', length = '', ...rest] = text.split('/');
  const bits = Number(length);
  const { octets } = ipOf(address);
  if (rest.length > 0 || !/^(?:0|[1-9]\d{0,2})$/.test(length) || bits > octets.length * 8)
    throw new EvaluationError(`network address parse error during conversion from string: ${JSON.stringify(text)}`);
  return new CidrValue(octets, bits);
};
const inNetwork = (network: string): ((value: IpValue) => boolean) => {
  const cidr = parseCidr(network);
  return ({ octets }) => cidr !== undefined && octets.length === cidr.network.length && cidrContains(cidr, octets);
};
const either =
  (...networks: readonly string[]): ((value: IpValue) => boolean) =>
  (value) =>
    networks.some((network) => inNetwork(network)(value));
const isUnspecified = either('0.0.0.0/32', '::/128');
const isLoopback = either('127.0.0.0/8', '::1/128');
const isLinkLocalMulticast = either('224.0.0.0/24', 'ff02::/16');
const isLinkLocalUnicast = either('169.254.0.0/16', 'fe80::/10');
const isMulticast = either('224.0.0.0/4', 'ff00::/8', '255.255.255.255/32');
const containsIp = ({ network }: CidrValue, { octets }: IpValue): boolean =>
  octets.length === network.network.length && cidrContains(network, octets);
const containsCidr = (outer: CidrValue, inner: CidrValue): boolean =>
  inner.network.prefixLength >= outer.network.prefixLength && containsIp(outer, new IpValue(inner.network.network));

const ip = opaque('net.IP');
const cidr = opaque('net.CIDR');
const addresses: readonly Overload[] = [
  fn('ip', [string], ip, ipOf),
  fn('isIP', [string], bool, (text: string) => attempt(() => ipOf(text))),
  fn('ip.isCanonical', [string], bool, (text: string) => ipOf(text).text() === text),
  method('family', [ip], int, ({ octets }: IpValue) => (octets.length === 4 ? 4n : 6n)),
  method('isUnspecified', [ip], bool, isUnspecified),
  method('isLoopback', [ip], bool, isLoopback),
  method('isLinkLocalMulticast', [ip], bool, isLinkLocalMulticast),
  method('isLinkLocalUnicast', [ip], bool, isLinkLocalUnicast),
  method(
    'isGlobalUnicast',
    [ip],
    bool,
    (value: IpValue) => ![isUnspecified, isLoopback, isMulticast, isLinkLocalUnicast].some((is) => is(value)),
  ),
  stringOf(ip),
  fn('cidr', [string], cidr, cidrOf),
  fn('isCIDR', [string], bool, (text: string) => attempt(() => cidrOf(text))),
  method('containsIP', [cidr, ip], bool, containsIp),
  method('containsIP', [cidr, string], bool, (network: CidrValue, text: string) => containsIp(network, ipOf(text))),
  method('containsCIDR', [cidr, cidr], bool, containsCidr),
  method('containsCIDR', [cidr, string], bool, (network: CidrValue, text: string) => containsCidr(network, cidrOf(text))),
  method('ip', [cidr], ip, ({ address }: CidrValue) => new IpValue(address)),
  method('masked', [cidr], cidr, ({ network }: CidrValue) => cidrOf(formatCidr(network))),
  method('prefixLength', [cidr], int, ({ network }: CidrValue) => BigInt(network.prefixLength)),
  stringOf(cidr),
];

/** A number in billionths, as exact as quantities are. */
class Quantity extends Opaque {
  readonly typeName = 'kubernetes.Quantity';
  readonly nano: bigint;
  constructor(nano: bigint) {
    super();
    this.nano = nano;
  }
  override equals(other: Opaque): boolean {
    return other instanceof Quantity && other.nano === this.nano;
  }
}
const billion = 1_000_000_000n;
const suffixes: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1000n,
  m: 1_000_000n,
  '': billion,
  ...Object.fromEntries(['k', 'M', 'G', 'T', 'P', 'E'].map((name, i) => [name, billion * 1000n ** BigInt(i + 1)])),
  ...Object.fromEntries(['Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'].map((name, i) => [name, billion * 1024n ** BigInt(i + 1)])),
};
const quantityOf = (text: string): Quantity => {
  const match = /^([+-]?)(\d{1,40})?(?:\.(\d{0,40}))?(?:([numkMGTPE]|[KMGTPE]i)|[eE]([+-]?\d{1,2}))?$/.exec(text);
  const [, sign = '', whole = '', fraction = '', suffix = '', exponent = '0'] = match ?? [];
  if (match === null || (whole === '' && fraction === ''))
    throw new EvaluationError("quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'");
  const power = Number(exponent);
  const scaled = BigInt(whole + fraction) * (suffixes[suffix] ?? billion) * 10n ** BigInt(Math.max(0, power));
  const divisor = 10n ** BigInt(fraction.length + Math.max(0, -power));
  // Finer than a billionth is rounded up, away from zero.
  const nano = (scaled + divisor - 1n) / divisor;
  return new Quantity(sign === '-' ? -nano : nano);
};
const whole = ({ nano }: Quantity): bigint | undefined => {
  const value = nano / billion;
  return nano % billion === 0n && value === BigInt.asIntN(64, value) ? value : undefined;
};
const integer = (value: Quantity): bigint => {
  const found = whole(value);
  if (found === undefined) throw new EvaluationError('cannot convert value to integer');
  return found;
};
const quantity = opaque('kubernetes.Quantity');
const quantities: readonly Overload[] = [
  fn('quantity', [string], quantity, quantityOf),
  fn('isQuantity', [string], bool, (text: string) => attempt(() => quantityOf(text))),
  method('isInteger', [quantity], bool, (value: Quantity) => whole(value) !== undefined),
  method('asInteger', [quantity], int, integer),
  fn('sign', [quantity], int, ({ nano }: Quantity) => (nano > 0n ? 1n : nano < 0n ? -1n : 0n)),
  method('asApproximateFloat', [quantity], double, ({ nano }: Quantity) => Number(nano) / 1e9),
  method('add', [quantity, quantity], quantity, (a: Quantity, b: Quantity) => new Quantity(a.nano + b.nano)),
  method('add', [quantity, int], quantity, (a: Quantity, b: bigint) => new Quantity(a.nano + b * billion)),
  method('sub', [quantity, quantity], quantity, (a: Quantity, b: Quantity) => new Quantity(a.nano - b.nano)),
  method('sub', [quantity, int], quantity, (a: Quantity, b: bigint) => new Quantity(a.nano - b * billion)),
  method('isGreaterThan', [quantity, quantity], bool, (a: Quantity, b: Quantity) => a.nano > b.nano),
  method('isLessThan', [quantity, quantity], bool, (a: Quantity, b: Quantity) => a.nano < b.nano),
  method('compareTo', [quantity, quantity], int, (a: Quantity, b: Quantity) => (a.nano < b.nano ? -1n : a.nano > b.nano ? 1n : 0n)),
];

class Semver extends Opaque {
  readonly typeName = 'kubernetes.Semver';
  readonly numbers: readonly bigint[];
  readonly pre: readonly string[];
  constructor(numbers: readonly bigint[], pre: readonly string[]) {
    super();
    this.numbers = numbers;
    this.pre = pre;
  }
  order(other: Semver): number {
    for (const [i, number] of this.numbers.entries()) {
      const against = other.numbers[i] ?? 0n;
      if (number !== against) return number < against ? -1 : 1;
    }
    if (this.pre.length === 0 || other.pre.length === 0)
      return other.pre.length - this.pre.length === 0 ? 0 : this.pre.length === 0 ? 1 : -1;
    for (const [i, part] of this.pre.entries()) {
      const against = other.pre[i];
      if (against === undefined) return 1;
      if (part === against) continue;
      const [a, b] = [/^\d+$/.test(part), /^\d+$/.test(against)];
      if (a && b) return BigInt(part) < BigInt(against) ? -1 : 1;
      return a !== b ? (a ? -1 : 1) : part < against ? -1 : 1;
    }
    return this.pre.length - other.pre.length < 0 ? -1 : 0;
  }
  override equals(other: Opaque): boolean {
    return other instanceof Semver && this.order(other) === 0;
  }
}
const normalised = (text: string): string => {
  const [, numbers = '', rest = ''] = /^v?([\d.]+)(.*)$/s.exec(text) ?? [undefined, text, ''];
  const parts = numbers.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (parts.length < 3) parts.push('0');
  return parts.join('.') + rest;
};
const semverOf = (text: string, normalise = false): Semver => {
  const number = '(0|[1-9]\\d{0,18})';
  const match = new RegExp(`^${number}\\.${number}\\.${number}(?:-([0-9A-Za-z.-]+))?(?:\\+[0-9A-Za-z.-]+)?$`).exec(
    normalise ? normalised(text) : text,
  );
  const pre = match?.[4]?.split('.') ?? [];
  if (match === null || text.length > 256 || pre.some((part) => part === '' || /^0\d+$/.test(part)))
    throw new EvaluationError(`Semver parse error during conversion from string: ${JSON.stringify(text)}`);
  return new Semver(
    [match[1], match[2], match[3]].map((part) => BigInt(part ?? '0')),
    pre,
  );
};
const semver = opaque('kubernetes.Semver');
const semvers: readonly Overload[] = [
  fn('semver', [string], semver, (text: string) => semverOf(text)),
  fn('semver', [string, bool], semver, semverOf),
  fn('isSemver', [string], bool, (text: string) => attempt(() => semverOf(text))),
  fn('isSemver', [string, bool], bool, (text: string, normalise: boolean) => attempt(() => semverOf(text, normalise))),
  method('isGreaterThan', [semver, semver], bool, (a: Semver, b: Semver) => a.order(b) > 0),
  method('isLessThan', [semver, semver], bool, (a: Semver, b: Semver) => a.order(b) < 0),
  method('compareTo', [semver, semver], int, (a: Semver, b: Semver) => BigInt(a.order(b))),
  ...(['major', 'minor', 'patch'] as const).map((name, i) => method(name, [semver], int, ({ numbers }: Semver) => numbers[i] ?? 0n)),
];

const matching = (pattern: RegExp, problem: string) => (text: string) => (pattern.test(text) ? undefined : problem);
const prefix = (rule: (text: string) => string | undefined) => (text: string) => rule(text.endsWith('-') ? `${text.slice(0, -1)}a` : text);
const formats: Readonly<Record<string, (text: string) => string | undefined>> = {
  dns1123Label: labelName,
  dns1123Subdomain: subdomainName,
  dns1035Label: serviceName,
  dns1123LabelPrefix: prefix(labelName),
  dns1123SubdomainPrefix: prefix(subdomainName),
  dns1035LabelPrefix: prefix(serviceName),
  qualifiedName: qualifiedNameProblem,
  labelValue: labelValueProblem,
  uri: (text) => (attempt(() => new UrlValue(text)) ? undefined : `${JSON.stringify(text)} is not a URI`),
  uuid: matching(/^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i, 'does not match the UUID format'),
  byte: matching(/^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/, 'invalid base64'),
  date: (text) => (/^\d{4}-\d\d-\d\d$/.test(text) && attempt(() => parseTimestamp(`${text}T00:00:00Z`)) ? undefined : 'invalid date'),
  datetime: (text) => (attempt(() => parseTimestamp(text)) ? undefined : 'invalid datetime'),
};
class NamedFormat extends Opaque {
  readonly typeName = 'kubernetes.NamedFormat';
  readonly name: string;
  constructor(name: string) {
    super();
    this.name = name;
  }
  override equals(other: Opaque): boolean {
    return other instanceof NamedFormat && other.name === this.name;
  }
}
const validate = ({ name }: NamedFormat, text: string): Optional => {
  const problem = formats[name]?.(text);
  return problem === undefined ? none : new Optional([problem]);
};
const format = opaque('kubernetes.NamedFormat');
const namedFormats: readonly Overload[] = [
  ...Object.keys(formats).map((name) => fn(`format.${name}`, [], format, () => new NamedFormat(name))),
  fn('format.named', [string], optionalOf(format), (name: string) =>
    Object.hasOwn(formats, name) ? new Optional(new NamedFormat(name)) : none,
  ),
  method('validate', [format, string], optionalOf(listOf(string)), validate),
];

export const kubernetesLibrary: readonly Overload[] = [...urls, ...addresses, ...quantities, ...semvers, ...namedFormats];

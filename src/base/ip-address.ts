// IP addresses and CIDR blocks as octets. Text is read strictly: no octal, no zones, no shorthand of IPv4.
// Written out by RFC 5952.

/** Four or sixteen octets. */
export type IpOctets = Uint8Array;

const [dot, zero, nine] = [0x2e, 0x30, 0x39];

const parseV4 = (text: string): IpOctets | undefined => {
  const octets = new Uint8Array(4);
  let part = 0;
  let digits = 0;
  let value = 0;
  for (let i = 0; i <= text.length; i++) {
    const code = i < text.length ? text.charCodeAt(i) : dot;
    if (code === dot) {
      if (digits === 0 || part > 3) return undefined;
      octets[part++] = value;
      digits = 0;
      value = 0;
      continue;
    }
    // A zero in front would mean octal to some.
    if (code < zero || code > nine || (digits === 1 && value === 0)) return undefined;
    digits++;
    value = value * 10 + code - zero;
    if (value > 255) return undefined;
  }
  return part === 4 ? octets : undefined;
};

const parseV6 = (text: string): IpOctets | undefined => {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const groupsOf = (half: string | undefined): number[] | undefined => {
    if (half === undefined || half === '') return [];
    const groups: number[] = [];
    const parts = half.split(':');
    for (const [i, part] of parts.entries()) {
      if (part.includes('.')) {
        const v4 = i === parts.length - 1 ? parseV4(part) : undefined;
        if (v4 === undefined) return undefined;
        const [a = 0, b = 0, c = 0, d = 0] = v4;
        groups.push(a * 256 + b, c * 256 + d);
      } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) groups.push(Number.parseInt(part, 16));
      else return undefined;
    }
    return groups;
  };
  const head = groupsOf(halves[0]);
  const tail = groupsOf(halves[1]);
  if (head === undefined || tail === undefined) return undefined;
  // An IPv4 tail may only end the address.
  if (halves.length === 2 && halves[0]?.includes('.')) return undefined;
  const missing = 8 - head.length - tail.length;
  if (halves.length === 1 ? missing !== 0 : missing < 1) return undefined;
  const octets = new Uint8Array(16);
  for (const [i, group] of [...head, ...new Array<number>(missing).fill(0), ...tail].entries()) {
    octets[2 * i] = group >> 8;
    octets[2 * i + 1] = group & 0xff;
  }
  return octets;
};

/** Octets of an IPv4 or IPv6 literal; undefined where the text is neither. */
export const parseIpAddress = (text: string): IpOctets | undefined => {
  if (text.length > 45) return undefined;
  return text.includes(':') ? parseV6(text) : parseV4(text);
};

/** The first twelve octets of an IPv4-mapped IPv6 address, ::ffff:0:0/96 (RFC 4291 section 2.5.5.2). */
const mappedPrefix = Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff);

/** Text of four or sixteen octets (RFC 5952; IPv4-mapped addresses in the mixed notation of its section 5). */
export const formatIpAddress = (octets: IpOctets): string => {
  if (octets.length === 4) return octets.join('.');
  if (mappedPrefix.every((octet, i) => octet === octets[i])) return `::ffff:${octets.subarray(12).join('.')}`;
  const groups: number[] = [];
  for (let i = 0; i < 16; i += 2) groups.push(((octets[i] ?? 0) << 8) | (octets[i + 1] ?? 0));
  let best = { start: -1, length: 1 };
  for (let i = 0; i < 8; i++) {
    let end = i;
    while (end < 8 && groups[end] === 0) end++;
    if (end - i > best.length) best = { start: i, length: end - i };
    i = Math.max(i, end - 1);
  }
  const text = (part: number[]) => part.map((group) => group.toString(16)).join(':');
  return best.start < 0 ? text(groups) : `${text(groups.slice(0, best.start))}::${text(groups.slice(best.start + best.length))}`;
};

/** A block of addresses: its network address (host bits zero) and prefix length. */
export type Cidr = { readonly network: IpOctets; readonly prefixLength: number };

/** A CIDR block such as `10.96.0.0/12`; undefined where the text is not one. Host bits, where set, are cleared. */
export const parseCidr = (text: string): Cidr | undefined => {
  const [address, prefix, ...rest] = text.split('/');
  const octets = parseIpAddress(address ?? '');
  if (octets === undefined || rest.length > 0 || prefix === undefined || !/^(?:0|[1-9]\d{0,2})$/.test(prefix)) return undefined;
  const prefixLength = Number(prefix);
  if (prefixLength > octets.length * 8) return undefined;
  const network = octets.map((octet, i) => octet & (0xff << Math.max(0, Math.min(8, 8 - (prefixLength - 8 * i)))));
  return { network, prefixLength };
};

/** A block as text, its address in the form of formatIpAddress. */
export const formatCidr = ({ network, prefixLength }: Cidr): string => `${formatIpAddress(network)}/${prefixLength}`;

/** The address `index` places after the network address; undefined where it falls outside the block, or is no safe whole number. */
export const addressInCidr = (cidr: Cidr, index: number): IpOctets | undefined => {
  const hostBits = cidr.network.length * 8 - cidr.prefixLength;
  if (!Number.isSafeInteger(index) || index < 0 || index >= 2 ** hostBits) return undefined;
  const octets = Uint8Array.from(cidr.network);
  let carry = index;
  for (let i = octets.length - 1; i >= 0 && carry > 0; i--) {
    carry += octets[i] ?? 0;
    octets[i] = carry & 0xff;
    carry = Math.floor(carry / 256);
  }
  return octets;
};

/** Whether an address lies in a block; addresses of the other family do not. */
export const cidrContains = (cidr: Cidr, address: IpOctets): boolean => {
  if (address.length !== cidr.network.length) return false;
  for (let i = 0; i < address.length; i++) {
    const mask = (0xff << Math.max(0, Math.min(8, 8 - (cidr.prefixLength - 8 * i)))) & 0xff;
    if (((address[i] ?? 0) & mask) !== (cidr.network[i] ?? 0)) return false;
  }
  return true;
};

import assert from 'node:assert/strict';
import { isIP } from 'node:net';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { runs } from '../testing/runs.ts';
import { toHex } from './bytes.ts';
import { addressInCidr, type Cidr, cidrContains, formatIpAddress, parseCidr, parseIpAddress } from './ip-address.ts';

const hexOf = (text: string): string | undefined => {
  const octets = parseIpAddress(text);
  return octets === undefined ? undefined : toHex(octets);
};

const anyV4 = fc.uint8Array({ minLength: 4, maxLength: 4 });
// Groups of zeros and of one digit are what the shortening rules are about.
const anyV6 = fc
  .array(fc.oneof(fc.constant(0), fc.constant(1), fc.nat(0xffff)), { minLength: 8, maxLength: 8 })
  .map((groups) => Uint8Array.from(groups.flatMap((group) => [group >> 8, group & 0xff])));
const anyAddress = fc.oneof(anyV4, anyV6);
const anyCidr: fc.Arbitrary<Cidr> = anyAddress.chain((network) =>
  fc.nat(network.length * 8).map((prefixLength) => {
    const cidr = parseCidr(`${formatIpAddress(network)}/${prefixLength}`);
    assert.ok(cidr !== undefined);
    return cidr;
  }),
);

describe('IP addresses', () => {
  test('literals are read as their octets', () => {
    const table: readonly (readonly [string, string])[] = [
      ['0.0.0.0', '00000000'],
      ['10.96.0.1', '0a600001'],
      ['255.255.255.255', 'ffffffff'],
      ['::', '0'.repeat(32)],
      ['::1', `${'0'.repeat(31)}1`],
      ['1::', `0001${'0'.repeat(28)}`],
      ['2001:DB8::a', '20010db800000000000000000000000a'],
      ['1:2:3:4:5:6:7:8', '00010002000300040005000600070008'],
      ['1:2:3:4:5:6:7::', '00010002000300040005000600070000'],
      ['::2:3:4:5:6:7:8', '00000002000300040005000600070008'],
      ['1:2:3:4:5:6:1.2.3.4', '00010002000300040005000601020304'],
      ['64:ff9b::192.0.2.1', '0064ff9b0000000000000000c0000201'],
      ['0000:0000:0000:0000:0000:ffff:255.255.255.255', `${'0'.repeat(20)}ffffffffffff`],
    ];
    for (const [text, expected] of table) assert.equal(hexOf(text), expected, text);
  });

  test('shorthand, octal, zones, blanks and everything else loose is refused', () => {
    const loose = [
      ...['', ' ', '1', '127.1', '1.2.3', '1.2.3.4.5', '1.2.3.', '.1.2.3', '1..2.3', '01.2.3.4', '1.2.3.04', '0x1.2.3.4', '1.2.3.256'],
      ...['1.2.3.4 ', ' 1.2.3.4', '1.2.3.-4', '+1.2.3.4', '1.2.3.1e1', '１.2.3.4', '1.2.3.4/8', '1.2.3.4%0', '4294967295'],
      ...[':', ':::', '1:', ':1', '1::2::3', '1:2:3:4:5:6:7', '1:2:3:4:5:6:7:8:9', '1:2:3:4::5:6:7:8', '12345::', '::g', '::1%eth0'],
      ...['[::1]', '::1/128', '1.2.3.4::', '::1.2.3.4:5', '::1.2.3', '::1.2.3.4.5', '::01.2.3.4', '1:2:3:4:5:6:7:1.2.3.4', '1.2.3.4:80'],
      ...['0000:0000:0000:0000:0000:0000:255.255.255.2550', '\u00001.2.3.4', '1.2.3.4\n'],
    ];
    for (const text of loose) assert.equal(parseIpAddress(text), undefined, JSON.stringify(text));
  });

  test('addresses are written by RFC 5952', () => {
    const table: readonly (readonly [string, string])[] = [
      // 4.1: leading zeros
      ['2001:0db8::0001', '2001:db8::1'],
      // 4.2.1: as short as can be
      ['2001:db8:0:0:0:0:2:1', '2001:db8::2:1'],
      // 4.2.2: not for one group alone
      ['2001:db8:0:1:1:1:1:1', '2001:db8:0:1:1:1:1:1'],
      // 4.2.3: the longest run, the first of two as long
      ['2001:0:0:1:0:0:0:1', '2001:0:0:1::1'],
      ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
      // 4.3: lower case
      ['2001:DB8::ABCD:EF01', '2001:db8::abcd:ef01'],
      // 5: IPv4 inside, where the prefix says so
      ['::ffff:c000:201', '::ffff:192.0.2.1'],
      ['::c000:201', '::c000:201'],
      ['0:0:0:0:0:0:0:0', '::'],
      ['1:0:0:0:0:0:0:0', '1::'],
      ['0:0:0:0:0:0:0:1', '::1'],
      ['10.96.0.1', '10.96.0.1'],
    ];
    for (const [text, expected] of table) {
      const octets = parseIpAddress(text);
      assert.ok(octets !== undefined, text);
      assert.equal(formatIpAddress(octets), expected, text);
    }
  });

  test('every address comes back from its text, and no text is longer than it must be', () => {
    fc.assert(
      fc.property(anyAddress, (octets) => {
        const text = formatIpAddress(octets);
        assert.deepEqual(parseIpAddress(text), octets);
        assert.ok(!/(^|:)0[0-9a-f]/.test(text) && !/[A-F]/.test(text), text);
      }),
      { numRuns: runs(500, 100_000) },
    );
  });

  test('what is read as an address is what the runtime reads as one, zones aside', () => {
    const near = fc.array(fc.constantFrom(':', '::', '.', '0', '1', '255', '256', 'ffff', 'a', '1.2.3.4', 'g', '/', '%'), {
      maxLength: 17,
    });
    fc.assert(
      fc.property(
        fc.oneof(
          near.map((parts) => parts.join('')),
          fc.ipV4(),
          fc.ipV6(),
          fc.ipV4Extended(),
          fc.string(),
        ),
        (text) => {
          if (text.includes('%')) return;
          const octets = parseIpAddress(text);
          assert.equal(octets === undefined ? 0 : octets.length === 4 ? 4 : 6, isIP(text), JSON.stringify(text));
        },
      ),
      { numRuns: runs(2_000, 200_000) },
    );
  });
});

describe('CIDR blocks', () => {
  const cidr = (text: string): Cidr => {
    const parsed = parseCidr(text);
    assert.ok(parsed !== undefined, text);
    return parsed;
  };
  const nth = (text: string, index: number): string | undefined => {
    const octets = addressInCidr(cidr(text), index);
    return octets === undefined ? undefined : formatIpAddress(octets);
  };

  test('blocks are read with host bits cleared', () => {
    const table: readonly (readonly [string, string, number])[] = [
      ['10.96.0.0/12', '10.96.0.0', 12],
      ['10.111.255.255/12', '10.96.0.0', 12],
      ['10.1.2.3/32', '10.1.2.3', 32],
      ['10.1.2.3/0', '0.0.0.0', 0],
      ['10.1.2.255/25', '10.1.2.128', 25],
      ['fd00:10:96::1/112', 'fd00:10:96::', 112],
      ['ffff::/1', '8000::', 1],
    ];
    for (const [text, network, prefixLength] of table) {
      assert.equal(formatIpAddress(cidr(text).network), network, text);
      assert.equal(cidr(text).prefixLength, prefixLength, text);
    }
  });

  test('malformed blocks are refused', () => {
    for (const text of [
      '',
      '/',
      '10.0.0.0',
      '10.0.0.0/',
      '/8',
      '10.0.0.0/33',
      '10.0.0.0/08',
      '10.0.0.0/-1',
      '10.0.0.0/8/8',
      '10.0.0/8',
      '::/129',
      '::/1e1',
      '10.0.0.0/8 ',
      '10.0.0.0/255.0.0.0',
    ])
      assert.equal(parseCidr(text), undefined, JSON.stringify(text));
  });

  test('the addresses of the API service and of cluster DNS are counted from the network address', () => {
    assert.equal(nth('172.20.0.0/16', 1), '172.20.0.1');
    assert.equal(nth('172.20.0.0/16', 2), '172.20.0.2');
    assert.equal(nth('10.96.0.0/12', 1), '10.96.0.1');
    assert.equal(nth('10.96.0.0/12', 10), '10.96.0.10');
    assert.equal(nth('fd00:10:96::/112', 1), 'fd00:10:96::1');
    assert.equal(nth('fd00:10:96::/112', 10), 'fd00:10:96::a');
  });

  test('carries run over octets', () => {
    assert.equal(nth('10.0.0.0/8', 256), '10.0.1.0');
    assert.equal(nth('10.0.0.0/8', 0xffffff), '10.255.255.255');
    assert.equal(nth('fd00::/8', 2 ** 53 - 1), 'fd00::1f:ffff:ffff:ffff');
  });

  test('what falls outside the block is not an address of it', () => {
    assert.equal(nth('10.0.0.0/24', 255), '10.0.0.255');
    for (const index of [256, -1, 0.5, Number.NaN, 2 ** 53]) assert.equal(nth('10.0.0.0/24', index), undefined, String(index));
    assert.equal(nth('10.0.0.1/32', 0), '10.0.0.1');
    assert.equal(nth('10.0.0.1/32', 1), undefined);
    assert.equal(nth('::/0', -1), undefined);
  });

  test('a block contains its own addresses and no others', () => {
    const inside = (block: string, address: string): boolean => {
      const octets = parseIpAddress(address);
      assert.ok(octets !== undefined);
      return cidrContains(cidr(block), octets);
    };
    assert.equal(inside('10.96.0.0/12', '10.111.255.255'), true);
    assert.equal(inside('10.96.0.0/12', '10.112.0.0'), false);
    assert.equal(inside('10.96.0.0/12', '10.95.255.255'), false);
    assert.equal(inside('0.0.0.0/0', '255.1.2.3'), true);
    assert.equal(inside('::/0', '1.2.3.4'), false);
    assert.equal(inside('::ffff:0:0/96', '1.2.3.4'), false);
    assert.equal(inside('fd00::/9', 'fd7f::1'), true);
    assert.equal(inside('fd00::/9', 'fd80::1'), false);
  });

  const numberOf = (octets: Uint8Array): bigint => BigInt(`0x${toHex(octets)}`);

  test('counting and containing agree with arithmetic on whole numbers', () => {
    fc.assert(
      fc.property(anyCidr, fc.nat(), anyAddress, (block, index, address) => {
        const size = 2n ** BigInt(block.network.length * 8 - block.prefixLength);
        const first = numberOf(block.network);
        assert.equal(first % size, 0n);
        const found = addressInCidr(block, index);
        assert.equal(found === undefined ? undefined : numberOf(found), BigInt(index) < size ? first + BigInt(index) : undefined);
        const within = address.length === block.network.length && numberOf(address) >= first && numberOf(address) < first + size;
        assert.equal(cidrContains(block, address), within);
      }),
      { numRuns: runs(500, 100_000) },
    );
  });
});

import assert from 'node:assert/strict';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { isCodedError } from '../base/coded-error.ts';
import { testAuthority } from '../testing/authority-files.ts';
import { temporaryDirectory } from '../testing/temporary-directory.ts';
import { appendLedger, readLedger } from './ledger.ts';
import { type IssuedEvent, issuedEvent, type LedgerEvent } from './ledger-event.ts';
import { nextCrlContent, type RevocationTarget, revoke } from './revocation.ts';

const at = new Date('2026-11-23T05:00:00.000Z');
const issued = (serial: string, subject: string, changes: Partial<IssuedEvent> = {}): IssuedEvent => ({
  event: 'issued',
  serial,
  subject,
  names: [],
  notBefore: at.toISOString(),
  notAfter: '2027-11-23T05:00:00.000Z',
  requestedBy: 'root@laptop',
  at: at.toISOString(),
  fingerprint: serial.padStart(64, '0').toLowerCase(),
  ...changes,
});
const coded =
  (code: string) =>
  (error: unknown): boolean =>
    isCodedError(error) && error.code === code;

const ask = (target: RevocationTarget, more: { readonly all?: boolean } = {}) =>
  ({ target, reason: 'superseded', at, by: 'a@b', ...more }) as const;

describe('revoking by the ledger', () => {
  test('a serial number is recognised however it is written', async (t) => {
    const path = join(temporaryDirectory(t), 'l');
    await appendLedger(path, [issued('0A1B', 'CN=alice'), issued('0C', 'CN=bob')]);
    for (const serial of ['0a:1b', '0x0A1B', 'A1B', '000a1b']) {
      const { revoked, alreadyRevoked } = await revoke(path, ask({ serial }));
      assert.deepEqual(
        [...revoked, ...alreadyRevoked].map((event) => event.subject),
        ['CN=alice'],
        serial,
      );
    }
    assert.deepEqual(readLedger(path).slice(2), [
      { event: 'revoked', serial: '0A1B', reason: 'superseded', at: at.toISOString(), by: 'a@b' },
    ]);
  });

  test('a name means the common name, a subject alternative name with or without its type, or the whole subject', async (t) => {
    const path = join(temporaryDirectory(t), 'l');
    await appendLedger(path, [issued('01', 'CN=alice,O=dev', { names: ['DNS:a.example', 'IP Address:10.0.0.1'] }), issued('02', 'CN=al')]);
    for (const name of ['alice', 'ALICE', 'a.example', 'DNS:a.example', '10.0.0.1', 'CN=alice,O=dev']) {
      const { revoked, alreadyRevoked } = await revoke(path, ask({ name }));
      assert.deepEqual(
        [...revoked, ...alreadyRevoked].map(({ serial }) => serial),
        ['01'],
        name,
      );
    }
  });

  test('a name that several valid certificates carry is refused unless all are meant; expired ones are passed over', async (t) => {
    const path = join(temporaryDirectory(t), 'l');
    await appendLedger(path, [
      issued('01', 'CN=alice'),
      issued('02', 'CN=alice'),
      issued('03', 'CN=alice', { notAfter: new Date(at.getTime() - 1).toISOString() }),
    ]);
    await assert.rejects(revoke(path, ask({ name: 'alice' })), coded('CertificateAmbiguous'));
    assert.equal(readLedger(path).length, 3);
    const { revoked } = await revoke(path, ask({ name: 'alice' }, { all: true }));
    assert.deepEqual(
      revoked.map(({ serial }) => serial),
      ['01', '02'],
    );
    const again = await revoke(path, ask({ name: 'alice' }));
    assert.deepEqual([again.revoked.length, again.alreadyRevoked.length], [0, 2]);
    assert.equal(readLedger(path).length, 5);
  });

  test('a certificate is recognised by its bytes, not by its serial number alone', async (t) => {
    const path = join(temporaryDirectory(t), 'l');
    const { certificate } = await testAuthority('root', at);
    const event = issuedEvent(certificate, 'a@b', at);
    await appendLedger(path, [{ ...event, fingerprint: 'f'.repeat(64) }]);
    await assert.rejects(revoke(path, ask({ certificate })), coded('CertificateUnknown'));
    await appendLedger(path, [event]);
    assert.deepEqual((await revoke(path, ask({ certificate }))).revoked, [event]);
  });

  test('what the ledger does not know is told and changes nothing', async (t) => {
    const path = join(temporaryDirectory(t), 'l');
    for (const target of [{ serial: '01' }, { name: 'alice' }])
      await assert.rejects(revoke(path, ask(target)), coded('CertificateUnknown'));
    assert.deepEqual(readLedger(path), []);
  });
});

describe('the next revocation list', () => {
  const revoked = (serial: string) => ({ event: 'revoked', serial, reason: 'keyCompromise', at: at.toISOString(), by: 'a@b' }) as const;
  const crl = (number: number, madeAt = at) => ({ event: 'crl', number, at: madeAt.toISOString() }) as const;
  const serialsOf = (events: readonly LedgerEvent[]) => nextCrlContent(events).revoked.map(({ serial }) => serial);

  test('holds what is revoked, and its number only grows', () => {
    const events = [issued('01', 'CN=a'), issued('02', 'CN=b'), revoked('01'), crl(7), crl(3)];
    assert.deepEqual(nextCrlContent(events), { number: 8, revoked: [{ serial: '01', revokedAt: at, reason: 'keyCompromise' }] });
    assert.deepEqual(nextCrlContent([]), { number: 1, revoked: [] });
  });

  test('drops an expired certificate only after one list made beyond its end (RFC 5280 section 3.3)', () => {
    const end = new Date(at.getTime() + 1000);
    const history = [issued('03', 'CN=c', { notAfter: end.toISOString() }), revoked('03'), crl(1)];
    assert.deepEqual(serialsOf(history), ['03']);
    assert.deepEqual(serialsOf([...history, crl(2, end)]), ['03']);
    assert.deepEqual(serialsOf([...history, crl(2, new Date(end.getTime() + 1))]), []);
  });
});

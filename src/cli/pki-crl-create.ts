// `certwright pki crl create`: the next revocation list of a CA, from its ledger.

import { fromHex } from '../base/bytes.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { extendLedger } from '../cluster/ledger.ts';
import { nextCrlContent } from '../cluster/revocation.ts';
import { crlPem } from '../pki/crl.ts';
import { makeCrl } from '../pki/make-crl.ts';
import type { DefineCommand } from './command.ts';
import { passphraseFileOption } from './common-options.ts';
import { say } from './io.ts';
import { durationOption, positiveDuration } from './option-values.ts';
import { onlyOneStdin } from './read-input.ts';
import { readSigningCa } from './signing-ca.ts';
import { requireFree, writeOutputs } from './write-output.ts';

const serialOctets = (serial: string): Uint8Array => {
  const octets = fromHex(serial);
  if (octets === undefined) throw new CodedError('LedgerInvalid', `cannot make revocation list: serial number ${quote(serial)} is not hex`);
  return octets;
};

export const definePkiCrlCreate: DefineCommand = (command, io) => {
  command
    .requiredOption('--ca <file>', 'certificate of the CA')
    .requiredOption('--ca-key <file>', 'private key of the CA')
    .addOption(durationOption('--valid-for <time>', 'until the next list is due', '168h', positiveDuration('--valid-for')))
    .option('--ledger <file>', 'ledger of signatures (default: beside the CA certificate)')
    .option('--out <file>', 'where the list goes; "-" is standard output', '-')
    .option('--der', 'write DER, as distribution points serve it, not PEM')
    .addOption(passphraseFileOption())
    .option('--overwrite', 'replace a file that exists')
    .action(async (options) => {
      onlyOneStdin([options.ca, options.caKey, options.passphraseFile]);
      requireFree(io, [options.out], options.overwrite);
      const ca = await readSigningCa(io, options);
      const thisUpdate = io.now();
      let content: ReturnType<typeof nextCrlContent> = { number: 0, revoked: [] };
      // The number is taken on record first: no two lists bear the same, whatever is killed in between.
      await io.writing((onStep) =>
        extendLedger(
          ca.ledgerFile,
          (events) => {
            content = nextCrlContent(events);
            return [{ event: 'crl', number: content.number, at: thisUpdate.toISOString() } as const];
          },
          { onStep },
        ),
      );
      const entries = content.revoked.map(({ serial, revokedAt, reason }) => ({ serialNumber: serialOctets(serial), revokedAt, reason }));
      const nextUpdate = new Date(thisUpdate.getTime() + options.validFor);
      const crl = await makeCrl({ thisUpdate, nextUpdate, number: content.number, entries }, ca);
      const what = `revocation list ${content.number}, ${entries.length} revoked`;
      await writeOutputs(
        io,
        [{ path: options.out, content: options.der === true ? crl.raw : crlPem(crl), what, secret: false }],
        options.overwrite,
      );
      say(io, 'note: kube-apiserver reads no revocation list; this one is for servers that do');
    });
  return {
    examples: [
      { command: 'pki crl create --ca ca.pem --ca-key ca-key.pem --out ca.crl', about: 'the next list, due in a week' },
      {
        command: 'pki crl create --ca ca.pem --ca-key ca-key.pem --valid-for 24h --der --out ca.crl --overwrite',
        about: 'daily, for a web server',
      },
    ],
    values: { '--ca': 'files', '--ca-key': 'files', '--ledger': 'files', '--out': 'files', '--passphrase-file': 'files' },
  };
};

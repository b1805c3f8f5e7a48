// `certwright pki revoke`: withdraws certificates on record, in the ledger beside their CA. What servers learn of it is the next
// revocation list, and kube-apiserver reads none: both are said.

import { existsSync } from 'node:fs';
import { CodedError, quote } from '../base/coded-error.ts';
import type { IssuedEvent } from '../cluster/ledger-event.ts';
import { revocationReasons } from '../cluster/ledger-event.ts';
import { type RevocationTarget, revoke } from '../cluster/revocation.ts';
import { parseFirstCertificate } from '../pki/x509-certificate.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { type Io, say } from './io.ts';
import { oneOf } from './option-values.ts';
import { printResult } from './output-format.ts';
import { inputName, readInput } from './read-input.ts';
import { shellWord } from './shell-word.ts';
import { ledgerPath } from './signing-ca.ts';

type TargetOptions = {
  readonly serial?: string | undefined;
  readonly certificate?: string | undefined;
  readonly name?: string | undefined;
};

const readTarget = async (io: Io, { serial, certificate, name }: TargetOptions): Promise<RevocationTarget> => {
  if ([serial, certificate, name].filter((given) => given !== undefined).length !== 1)
    throw new CodedError('UsageInvalid', 'cannot tell which certificate to revoke', {
      hint: 'give one of --serial, --certificate and --name',
    });
  if (serial !== undefined) return { serial };
  if (name !== undefined) return { name };
  return { certificate: parseFirstCertificate(await readInput(io, certificate ?? ''), `certificate ${inputName(certificate ?? '')}`) };
};

const line = (word: string, { serial, subject, names }: IssuedEvent): string =>
  `${word} ${subject === '' ? names.join(', ') : subject}: serial ${serial}\n`;

export const definePkiRevoke: DefineCommand = (command, io) => {
  command
    .requiredOption('--ca <file>', 'certificate of the CA that signed it; the ledger lies beside it')
    .option('--serial <number>', 'by serial number, in hex')
    .option('--certificate <file>', 'by the certificate itself')
    .option('--name <name>', 'by common name or alternative name, among those that are still valid')
    .option('--all', 'every certificate of that name')
    .option(
      '--reason <reason>',
      `one of ${revocationReasons.join(', ')}`,
      (text) => oneOf('--reason', text, revocationReasons),
      'unspecified',
    )
    .option('--ledger <file>', 'ledger of signatures (default: beside the CA certificate)')
    .addOption(outputOption())
    .action(async (options) => {
      const { ca, reason, output } = options;
      const target = await readTarget(io, options);
      const ledgerFile = ledgerPath(io, ca, options.ledger);
      if (!existsSync(ledgerFile))
        throw new CodedError('CertificateUnknown', `cannot revoke by ledger ${quote(ledgerFile)}: it does not exist`, {
          hint: 'it lies beside the CA that signed; --ledger FILE names another place',
        });
      const all = options.all === true;
      const result = await io.writing((onStep) => revoke(ledgerFile, { target, reason, at: io.now(), by: io.userName(), all, onStep }));
      await printResult(io, output, { ...result, reason, ledger: ledgerFile }, () =>
        [
          ...result.revoked.map((event) => line('revoked', event)),
          ...result.alreadyRevoked.map((event) => line('was revoked before:', event)),
        ].join(''),
      );
      say(
        io,
        `next: ${io.settings.programName} pki crl create --ca ${shellWord(ca)} --ca-key KEY --out ca.crl, and hand the list to whoever reads it`,
      );
      say(io, 'note: kube-apiserver reads no revocation list; there, remove the role bindings of the user, or change the CA');
    });
  return {
    examples: [
      { command: 'pki revoke --ca generated/keys/ca.pem --certificate alice.pem --reason keyCompromise', about: 'a certificate at hand' },
      { command: 'pki revoke --ca generated/keys/ca.pem --name alice --all', about: "every valid certificate of alice's" },
    ],
    values: { '--ca': 'files', '--certificate': 'files', '--ledger': 'files', '--reason': revocationReasons },
  };
};

// `certwright pki bundle`: certificates of many files as one list, each once, sorted and sifted, or in the order of a chain.

import { CodedError } from '../base/coded-error.ts';
import { formatTime } from '../pki/inspect-certificate.ts';
import { formatName } from '../pki/name-text.ts';
import { deduplicateCertificates, orderChain, parseTrustBundle, trustBundlePem } from '../pki/trust-bundle.ts';
import { certificateFingerprint, isCa, type X509Certificate } from '../pki/x509-certificate.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { say } from './io.ts';
import { oneOf, rfc3339Time } from './option-values.ts';
import { printResult } from './output-format.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';
import { textTable } from './text-table.ts';
import { requireFree, writeOutputs } from './write-output.ts';

const orders = ['given', 'subject', 'expiry', 'chain'] as const;

type Order = (typeof orders)[number];

/** Sorted by text as bytes, so that the result is the same on every machine. */
const bySubject = (a: X509Certificate, b: X509Certificate): number => {
  const [left, right] = [a, b].map((certificate) => `${formatName(certificate.subject)}\0${certificateFingerprint(certificate)}`);
  return left === right ? 0 : (left ?? '') < (right ?? '') ? -1 : 1;
};

const sorted = (certificates: readonly X509Certificate[], order: Order): readonly X509Certificate[] => {
  if (order === 'chain') return orderChain(certificates);
  if (order === 'subject') return certificates.toSorted(bySubject);
  if (order === 'expiry') return certificates.toSorted((a, b) => a.notAfter.getTime() - b.notAfter.getTime() || bySubject(a, b));
  return certificates;
};

const describe = (certificate: X509Certificate) => ({
  subject: formatName(certificate.subject),
  notAfter: formatTime(certificate.notAfter),
  isCa: isCa(certificate),
  sha256: certificateFingerprint(certificate),
});

export const definePkiBundle: DefineCommand = (command, io) => {
  command
    .argument('<files...>', 'certificates, PEM with any number or DER; "-" is standard input')
    .option(
      '--sort <order>',
      `${orders.join(', ')}: chain is leaf first, each signed by the next`,
      (text) => oneOf('--sort', text, orders),
      'given' as const,
    )
    .option('--drop-expired', 'leave out what is expired')
    .option('--only-ca', 'refuse certificates that are no CA')
    .option('--at <time>', 'what is expired, at this time instead of now', rfc3339Time('--at'))
    .option('--list', 'print what is in it instead of PEM')
    .addOption(outputOption())
    .option('--out <file>', 'where the bundle goes; "-" is standard output', '-')
    .option('--overwrite', 'replace a file that exists')
    .action(async (files, options) => {
      onlyOneStdin(files);
      requireFree(io, [options.out], options.overwrite);
      const found: X509Certificate[] = [];
      let repeats = 0;
      for (const path of files) {
        const { certificates, duplicateCount } = parseTrustBundle(await readInput(io, path), {
          what: inputName(path),
          onlyCas: options.onlyCa === true,
        });
        found.push(...certificates);
        repeats += duplicateCount;
      }
      const once = deduplicateCertificates(found);
      repeats += found.length - once.length;
      const at = options.at ?? io.now();
      const kept = options.dropExpired === true ? once.filter(({ notAfter }) => notAfter >= at) : once;
      const certificates = sorted(kept, options.sort);
      say(io, `${certificates.length} certificates, ${repeats} repeated, ${once.length - kept.length} expired and left out`);
      if (certificates.length === 0)
        throw new CodedError('UsageInvalid', 'cannot make a bundle: every certificate is expired, and none would be left', {
          hint: 'a bundle of nothing would trust nobody; without --drop-expired all are kept',
        });
      if (options.list !== true && options.output === 'text') {
        const content = trustBundlePem(certificates);
        await writeOutputs(
          io,
          [{ path: options.out, content, what: `bundle of ${certificates.length}`, secret: false }],
          options.overwrite,
        );
        return;
      }
      const rows = certificates.map(describe);
      await printResult(io, options.output, { certificates: rows, repeated: repeats, expired: once.length - kept.length }, () =>
        textTable(
          ['SUBJECT', 'NOT AFTER', 'CA', 'SHA-256'],
          rows.map(({ subject, notAfter, isCa: ca, sha256 }) => [subject, notAfter, ca ? 'yes' : 'no', sha256]),
        ),
      );
    });
  return {
    examples: [
      { command: 'pki bundle --only-ca --drop-expired --sort subject old.pem new.pem --out trust.pem', about: 'a trust bundle of two' },
      { command: 'pki bundle --sort chain leaf.pem ca-certificates.pem', about: 'a chain as servers send it' },
      { command: 'pki bundle --list /etc/ssl/certs/ca-certificates.crt', about: 'what a bundle holds' },
    ],
    values: { '0': 'files', '--sort': orders, '--out': 'files' },
  };
};

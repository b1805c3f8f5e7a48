// `certwright pki sign`: a certificate for a request, by a CA or by the request's own key, with a line in the CA's ledger.

import { CodedError } from '../base/coded-error.ts';
import { issueCertificates } from '../cluster/authority.ts';
import { appendLedger } from '../cluster/ledger.ts';
import { issuedEvent } from '../cluster/ledger-event.ts';
import type { CertificateTemplate } from '../pki/certificate-template.ts';
import { readCsr, verifyCsr } from '../pki/csr.ts';
import { formatTime } from '../pki/inspect-certificate.ts';
import { type FindingName, findingNames, lintCertificate } from '../pki/lint-certificate.ts';
import { formatName } from '../pki/name-text.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { selfSignCertificate } from '../pki/sign-certificate.ts';
import { keySigner } from '../pki/signature-algorithm.ts';
import { extendedUsageName } from '../pki/usage.ts';
import { certificatePem, formatSerialNumber, type X509Certificate } from '../pki/x509-certificate.ts';
import { nameConstraintsOf, sanValue, usageValues, usageWords } from './certificate-options.ts';
import type { DefineCommand } from './command.ts';
import { passphraseFileOption } from './common-options.ts';
import { type Io, say } from './io.ts';
import { anyDuration, commaList, durationOption, oneOf, positiveDuration, repeated, wholeNumber } from './option-values.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';
import { ledgerPath, readPrivateKey, readSigningCa } from './signing-ca.ts';
import { signingTemplate } from './signing-request.ts';
import { requireFree, writeOutputs } from './write-output.ts';

/** A year, and ten for a CA, as kubeadm has it. */
const leafLifetimeMs = 8760 * 3_600_000;
const caLifetimeMs = 87_600 * 3_600_000;

type SignOptions = {
  readonly ca?: string | undefined;
  readonly caKey: string;
  readonly ledger?: string | undefined;
  readonly out: string;
  readonly passphraseFile?: string | undefined;
};

type Signed = {
  readonly certificate: X509Certificate;
  readonly issuer: X509Certificate | undefined;
  readonly served: readonly X509Certificate[];
};

const signByCa = async (
  io: Io,
  options: SignOptions & { readonly ca: string },
  template: CertificateTemplate,
  accept: readonly FindingName[],
): Promise<Signed> => {
  const ca = await readSigningCa(io, options);
  const context = { at: io.now(), random: io.random, requestedBy: io.userName(), accept };
  const [certificate] = await io.writing((onStep) => issueCertificates(ca, [template], { ...context, onStep }));
  if (certificate === undefined) throw new Error('signing gave no certificate');
  return { certificate, issuer: ca.certificate, served: ca.isIntermediate ? [certificate, ca.certificate] : [certificate] };
};

const signBySelf = async (io: Io, options: SignOptions, template: CertificateTemplate, accept: readonly FindingName[]): Promise<Signed> => {
  const key = await readPrivateKey(io, options.caKey, options);
  const certificate = await selfSignCertificate(template, keySigner(key, publicKeyOf(key)), { random: io.random, accept });
  // The ledger of a self-signed certificate lies beside it; on standard output it lies nowhere.
  const ledger = options.out === '-' && options.ledger === undefined ? undefined : ledgerPath(io, options.out, options.ledger);
  if (ledger !== undefined)
    await io.writing((onStep) => appendLedger(ledger, [issuedEvent(certificate, io.userName(), io.now())], { onStep }));
  return { certificate, issuer: undefined, served: [certificate] };
};

const tell = (io: Io, { certificate, issuer }: Signed, wantedEnd: Date): void => {
  const usages = [...(certificate.keyUsage ?? []), ...(certificate.extendedKeyUsage ?? []).map(extendedUsageName)];
  say(
    io,
    `signed ${formatName(certificate.subject) || '(no subject)'}: serial ${formatSerialNumber(certificate.serialNumber)}, for ${usages.join(', ')}, until ${formatTime(certificate.notAfter)}`,
  );
  if (certificate.notAfter < wantedEnd) say(io, 'note: it ends with its CA, earlier than asked for');
  for (const { name, message } of lintCertificate(certificate, issuer)) say(io, `accepted: ${message} (${name})`);
};

export const definePkiSign: DefineCommand = (command, io) => {
  command
    .requiredOption('--csr <file>', 'the request; "-" is standard input')
    .option('--ca <file>', 'certificate of the CA; of several in the file, the first')
    .requiredOption('--ca-key <file>', 'private key of the CA; with --self-signed, of the request')
    .option('--self-signed', 'sign with the key of the request itself: a root CA, or a certificate for a test')
    .option('--duration <time>', 'how long it holds, from now (default: 8760h, for a CA 87600h)', positiveDuration('--duration'))
    .addOption(
      durationOption('--backdate <time>', 'how long before now it starts, for clocks that are behind', '5m', anyDuration('--backdate')),
    )
    .option('--usage <usages>', 'usages, a comma list (default: for a server where it names hosts, else for a client)', commaList)
    .option('--san <name>', "alternative name in place of the request's; repeatable", repeated)
    .option(
      '--copy <extensions>',
      'take over requested extensions, a comma list of names or identifiers: keyUsage, extendedKeyUsage, 1.2.3.4',
      commaList,
    )
    .option('--is-ca', 'make it a CA')
    .option('--path-length <number>', 'how many CAs may stand below it', wholeNumber('--path-length', 0, 100))
    .option('--permit <names>', 'the CA may name only these: example.com, 10.0.0.0/8, email:…, URI:…, dirName:…; repeatable', repeated)
    .option('--exclude <names>', 'the CA may never name these; repeatable', repeated)
    .option('--crl-url <url>', 'where its revocation list lies; repeatable', repeated)
    .option('--ocsp-url <url>', 'where its OCSP responder is; repeatable', repeated)
    .option('--issuer-url <url>', "where its CA's certificate lies; repeatable", repeated)
    .option('--accept-finding <name>', 'sign although lint finds this; repeatable', commaList)
    .option('--chain', 'write the CA certificate behind it where the CA is an intermediate')
    .option('--ledger <file>', 'ledger of signatures (default: beside the CA certificate)')
    .option('--out <file>', 'where the certificate goes; "-" is standard output', '-')
    .addOption(passphraseFileOption())
    .option('--overwrite', 'replace a file that exists')
    .action(async (options) => {
      const { ca, out, overwrite } = options;
      if ((ca === undefined) !== (options.selfSigned === true))
        throw new CodedError('UsageInvalid', 'cannot tell who signs', { hint: 'give --ca FILE, or --self-signed' });
      onlyOneStdin([options.csr, ca, options.caKey, options.passphraseFile]);
      const accept = (options.acceptFinding ?? []).map((name) => oneOf('--accept-finding', name, findingNames));
      const csr = readCsr(await readInput(io, options.csr), `certificate request ${inputName(options.csr)}`);
      verifyCsr(csr);
      const now = Math.floor(io.now().getTime() / 1000) * 1000;
      const wantedEnd = new Date(now + (options.duration ?? (options.isCa === true ? caLifetimeMs : leafLifetimeMs)));
      const template = signingTemplate(csr, {
        notBefore: new Date(now - options.backdate),
        notAfter: wantedEnd,
        usages: options.usage === undefined ? undefined : usageValues(options.usage),
        subjectAltNames: options.san?.map(sanValue),
        copy: options.copy ?? [],
        isCa: options.isCa === true,
        pathLength: options.pathLength,
        nameConstraints: nameConstraintsOf(options.permit ?? [], options.exclude ?? []),
        crlUrls: options.crlUrl ?? [],
        ocspUrls: options.ocspUrl ?? [],
        issuerUrls: options.issuerUrl ?? [],
      });
      requireFree(io, [out], overwrite);
      const signed =
        ca === undefined ? await signBySelf(io, options, template, accept) : await signByCa(io, { ...options, ca }, template, accept);
      tell(io, signed, wantedEnd);
      const written = options.chain === true ? signed.served : [signed.certificate];
      await writeOutputs(io, [{ path: out, content: written.map(certificatePem).join(''), what: 'certificate', secret: false }], overwrite);
    });
  return {
    description:
      "Subject and alternative names are the request's; anything else it asks for counts only where --copy names it. What would be\n" +
      'signed is linted before the key is touched, and every signature leaves a line in the ledger beside the CA.',
    examples: [
      { command: 'pki sign --ca ca.pem --ca-key ca-key.pem --csr server.csr --out server.pem', about: 'a server certificate for a year' },
      {
        command: 'pki sign --ca ca.pem --ca-key ca-key.pem --csr alice.csr --usage client-auth --duration 90d > alice.pem',
        about: 'a client certificate for 90 days',
      },
      {
        command: 'pki sign --self-signed --ca-key ca-key.pem --csr ca.csr --is-ca --duration 87600h --out ca.pem',
        about: 'a root CA for ten years',
      },
    ],
    values: {
      '--csr': 'files',
      '--ca': 'files',
      '--ca-key': 'files',
      '--ledger': 'files',
      '--out': 'files',
      '--passphrase-file': 'files',
      '--usage': usageWords,
      '--copy': ['keyUsage', 'extendedKeyUsage'],
      '--accept-finding': findingNames,
    },
  };
};

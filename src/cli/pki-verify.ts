// `certwright pki verify`: whether certificates lead to a CA that is believed in, by RFC 5280 to the letter, and for what.

import { CodedError, isCodedError, quote } from '../base/coded-error.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { type RelaxableRule, relaxableRules } from '../pki/chain-rule.ts';
import { type Crl, readCrl } from '../pki/crl.ts';
import { formatTime } from '../pki/inspect-certificate.ts';
import { formatName } from '../pki/name-text.ts';
import { oid } from '../pki/oid.ts';
import { parseTrustBundle } from '../pki/trust-bundle.ts';
import { extendedUsageOids, parseUsage } from '../pki/usage.ts';
import { type VerifyRequest, verifyChain } from '../pki/verify-chain.ts';
import type { X509Certificate } from '../pki/x509-certificate.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import type { Io } from './io.ts';
import { commaList, oneOf, repeated, rfc3339Time } from './option-values.ts';
import { printResult } from './output-format.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';

const purposes: Readonly<Record<string, readonly string[]>> = { server: [oid.serverAuth], client: [oid.clientAuth], any: [] };

/** `server`, `client` and `any`, a purpose by Kubernetes' name, or a dotted identifier. */
const purposeOids = (word: string): readonly string[] => {
  const known = purposes[word];
  if (known !== undefined) return known;
  if (/^[0-2](?:\.\d+)+$/.test(word)) return [word];
  const usage = parseUsage(word);
  const found = Object.entries(extendedUsageOids).find(([name]) => name === usage)?.[1];
  if (found !== undefined) return [found];
  throw new CodedError('UsageInvalid', `cannot use --purpose ${quote(word)}: it is a use of a key, not a purpose`, {
    hint: 'use server, client, any, code-signing or the like',
  });
};

const readCertificates = async (io: Io, paths: readonly string[]): Promise<readonly X509Certificate[]> => {
  const certificates: X509Certificate[] = [];
  for (const path of paths) certificates.push(...parseTrustBundle(await readInput(io, path), { what: inputName(path) }).certificates);
  return certificates;
};

const readCrls = async (io: Io, paths: readonly string[] | undefined): Promise<readonly Crl[] | undefined> => {
  if (paths === undefined) return undefined;
  const crls: Crl[] = [];
  for (const path of paths) crls.push(readCrl(await readInput(io, path), `revocation list ${inputName(path)}`));
  return crls;
};

type Verdict = {
  readonly file: string;
  readonly valid: boolean;
  readonly subject: string;
  /** Subjects, leaf first, anchor last. */
  readonly chain?: readonly string[];
  readonly policies?: readonly string[];
  readonly error?: { readonly code: string; readonly message: string; readonly hint?: string; readonly details?: unknown };
};

const judge = (
  file: string,
  leaf: X509Certificate,
  request: Omit<VerifyRequest, 'leaf'>,
): { readonly verdict: Verdict; readonly error?: CodedError } => {
  const subject = formatName(leaf.subject);
  try {
    const { chain, anchor, policies } = verifyChain({ ...request, leaf });
    return { verdict: { file, valid: true, subject, chain: [...chain, anchor].map((part) => formatName(part.subject)), policies } };
  } catch (error) {
    if (!isCodedError(error) || error.code !== 'ChainInvalid') throw error;
    const { code, message, hint, details } = error;
    const told = { code, message, ...(hint === undefined ? {} : { hint }), ...(details === undefined ? {} : { details }) };
    return { verdict: { file, valid: false, subject, error: told }, error };
  }
};

const hostOf = (name: string | undefined): Pick<VerifyRequest, 'dnsName' | 'ipAddress'> =>
  name === undefined ? {} : parseIpAddress(name) === undefined ? { dnsName: name } : { ipAddress: name };

export const definePkiVerify: DefineCommand = (command, io) => {
  command
    .argument('<files...>', 'certificates; what stands behind the first of a file may serve as intermediate')
    .requiredOption('--ca <file>', 'CA certificates that are believed in; repeatable', repeated)
    .option('--intermediates <file>', 'CA certificates that may stand in between; repeatable', repeated)
    .option('--purpose <purpose>', 'server, client, any, or another purpose by name or identifier', purposeOids, [])
    .option('--dns-name <host>', 'host name or IP address that it must be for')
    .option('--at <time>', 'judge for this time instead of now', rfc3339Time('--at'))
    .option('--crl <file>', 'revocation list; where one is given every certificate below the CA must be told about; repeatable', repeated)
    .option('--relax <rules>', 'rules to leave out, a comma list of the names that refusals give', commaList)
    .addOption(outputOption())
    .action(async (files, options) => {
      onlyOneStdin([...files, ...options.ca, ...(options.intermediates ?? []), ...(options.crl ?? [])]);
      const relax = (options.relax ?? []).map((word): RelaxableRule => oneOf('--relax', word, relaxableRules));
      const crls = await readCrls(io, options.crl);
      const shared = {
        anchors: await readCertificates(io, options.ca),
        at: options.at ?? io.now(),
        purposes: options.purpose,
        relax,
        ...hostOf(options.dnsName),
        ...(crls === undefined ? {} : { crls }),
      };
      const intermediates = await readCertificates(io, options.intermediates ?? []);
      const verdicts: Verdict[] = [];
      const errors: CodedError[] = [];
      for (const file of files) {
        const [leaf, ...behind] = await readCertificates(io, [file]);
        if (leaf === undefined) continue;
        const { verdict, error } = judge(file, leaf, { ...shared, intermediates: [...behind, ...intermediates] });
        verdicts.push(verdict);
        if (error !== undefined) errors.push(error);
      }
      const [first] = errors;
      // One certificate that fails is told as the error it is; of several, each has its line.
      if (first !== undefined && files.length === 1 && options.output === 'text') throw first;
      await printResult(io, options.output, { at: formatTime(shared.at), results: verdicts }, () =>
        verdicts
          .map(({ file, valid, chain = [], error }) =>
            valid ? `${file}: OK\n  ${chain.join('\n  ')}\n` : `${file}: FAILED\n  ${error?.message ?? ''}\n`,
          )
          .join(''),
      );
      if (first !== undefined)
        throw files.length === 1
          ? first
          : new CodedError('ChainInvalid', `cannot verify ${errors.length} of ${files.length} certificates`, {
              hint: 'each reason stands above',
            });
    });
  return {
    description:
      'A certificate that breaks a rule of RFC 5280 is refused, also where OpenSSL and Go let it pass; the refusal names the rule, and\n' +
      '--relax takes that name. Revocation is asked about only where a list is given.',
    examples: [
      {
        command: 'pki verify --ca ca.pem --purpose server --dns-name www.example.com server.pem',
        about: 'as a client of www.example.com would',
      },
      {
        command: 'pki verify --ca root.pem --intermediates sub.pem --crl root.crl --crl sub.crl alice.pem',
        about: 'with revocation lists',
      },
    ],
    values: {
      '0': 'files',
      '--ca': 'files',
      '--intermediates': 'files',
      '--crl': 'files',
      '--purpose': ['server', 'client', 'any', 'code-signing', 'email-protection', 'timestamping', 'ocsp-signing'],
      '--relax': relaxableRules,
    },
  };
};

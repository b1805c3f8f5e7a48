// `certwright pki gencsr`: a certificate request, from flags or from cfssl's JSON, with a key that exists or is made along with it.

import { CodedError } from '../base/coded-error.ts';
import { parseCfsslRequest } from '../pki/cfssl-request.ts';
import { csrPem, makeCsr } from '../pki/csr.ts';
import { type Extension, encodeBasicConstraints, encodeExtendedKeyUsage, encodeKeyUsage } from '../pki/extension.ts';
import type { GeneralName } from '../pki/general-name.ts';
import type { KeyAlgorithm } from '../pki/key-algorithm.ts';
import { emptyName, isEmptyName, type Name } from '../pki/name.ts';
import { oid } from '../pki/oid.ts';
import { exportPrivateKey, generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { keySigner } from '../pki/signature-algorithm.ts';
import { splitUsages, type Usage } from '../pki/usage.ts';
import { keyAlgorithmValue, keyAlgorithmWords, sanValue, subjectOf, usageValues, usageWords } from './certificate-options.ts';
import type { DefineCommand } from './command.ts';
import { passphraseFileOption } from './common-options.ts';
import { type Io, say } from './io.ts';
import { commaList, repeated } from './option-values.ts';
import { keyPassphrase } from './passphrase.ts';
import { inputName, onlyOneStdin, readTextInput } from './read-input.ts';
import { readPrivateKey } from './signing-ca.ts';
import { requireFree, writeOutputs } from './write-output.ts';

type Wanted = {
  readonly subject: Name;
  readonly subjectAltNames: readonly GeneralName[];
  readonly keyAlgorithm: KeyAlgorithm;
  readonly ca: { readonly pathLength?: number } | undefined;
};

const fromCfssl = async (io: Io, path: string): Promise<Wanted> => {
  const { subject, subjectAltNames, keyAlgorithm, ca, crlUrl, ignored } = parseCfsslRequest(await readTextInput(io, path));
  const passedOver = [...ignored, ...(crlUrl === undefined ? [] : ['crl_url'])];
  if (passedOver.length > 0) say(io, `note: ${inputName(path)}: a request cannot say ${passedOver.join(', ')}`);
  return { subject, subjectAltNames, keyAlgorithm, ca };
};

const requestedUsages = (wanted: readonly Usage[]): readonly Extension[] => {
  const { keyUsage, extendedKeyUsage } = splitUsages(wanted);
  return [
    ...(keyUsage.length === 0 ? [] : [{ oid: oid.keyUsage, critical: true, value: encodeKeyUsage(keyUsage) }]),
    ...(extendedKeyUsage.length === 0
      ? []
      : [{ oid: oid.extendedKeyUsage, critical: false, value: encodeExtendedKeyUsage(extendedKeyUsage) }]),
  ];
};

export const definePkiGencsr: DefineCommand = (command, io) => {
  command
    .option('-k, --key <file>', 'private key that exists')
    .option('--key-out <file>', 'make a private key as well and write it there')
    .option('-a, --algorithm <algorithm>', 'of the key that is made (default: ecdsa-p256)', keyAlgorithmValue('--algorithm'))
    .option('--from <file>', "cfssl's request JSON")
    .option('--subject <name>', 'subject as RFC 4514 writes it, most specific part first: "CN=alice,O=dev"')
    .option('--common-name <name>', 'common name of the subject')
    .option('--organizations <names>', 'organizations of the subject (Kubernetes: groups), a comma list', commaList)
    .option('--san <name>', 'alternative name: host, IP address, URI, email, or with its type, "DNS:a.example"; repeatable', repeated)
    .option('--usage <usages>', 'usages to ask for, a comma list: client-auth, server-auth, …', commaList)
    .option('--is-ca', 'ask for a CA certificate')
    .option('--out <file>', 'where the request goes; "-" is standard output', '-')
    .option('--encrypt', 'encrypt the key that is made with a passphrase (PKCS#8, AES-256)')
    .option('--cfssl-json', "print cfssl's JSON {csr, key} on standard output, for cfssljson -bare")
    .addOption(passphraseFileOption())
    .option('--overwrite', 'replace files that exist')
    .action(async (options) => {
      const { key: keyPath, keyOut, overwrite } = options;
      onlyOneStdin([keyPath, options.from, options.passphraseFile]);
      const subject = subjectOf(options);
      if (options.from !== undefined && (subject !== undefined || options.san !== undefined))
        throw new CodedError('UsageInvalid', 'cannot take names both from --from and from flags: give one of the two');
      const makesKey = keyOut !== undefined || options.cfsslJson === true;
      if ((keyPath === undefined) === !makesKey)
        throw new CodedError('UsageInvalid', 'cannot tell which key the request is for', {
          hint: 'give --key FILE for a key that exists, or --key-out FILE to make one',
        });
      if (options.cfsslJson === true && (keyOut !== undefined || options.out !== '-'))
        throw new CodedError('UsageInvalid', 'cannot write files with --cfssl-json: everything goes to standard output', {
          hint: 'leave out --key-out and --out',
        });
      const wanted: Wanted =
        options.from === undefined
          ? {
              subject: subject ?? emptyName,
              subjectAltNames: (options.san ?? []).map(sanValue),
              keyAlgorithm: 'ecdsa-p256',
              ca: options.isCa === true ? {} : undefined,
            }
          : await fromCfssl(io, options.from);
      if (isEmptyName(wanted.subject) && wanted.subjectAltNames.length === 0)
        throw new CodedError('UsageInvalid', 'cannot make a request for nobody: it has neither subject nor alternative names', {
          hint: 'give --common-name NAME, --subject NAME, --san NAME or --from FILE',
        });
      const extensions = requestedUsages(usageValues(options.usage ?? []));
      const caRequest = wanted.ca ?? (options.isCa === true ? {} : undefined);
      const basic: readonly Extension[] =
        caRequest === undefined
          ? []
          : [
              {
                oid: oid.basicConstraints,
                critical: true,
                value: encodeBasicConstraints({ isCa: true, pathLength: caRequest.pathLength }),
              },
            ];
      requireFree(io, [options.out, keyOut], overwrite);
      const algorithm = options.algorithm ?? wanted.keyAlgorithm;
      const key = keyPath === undefined ? await generatePrivateKey(algorithm) : await readPrivateKey(io, keyPath, options);
      const passphrase = keyOut === undefined ? undefined : await keyPassphrase(io, options);
      const { subjectAltNames } = wanted;
      const signer = keySigner(key, publicKeyOf(key));
      const csr = await makeCsr({ subject: wanted.subject, subjectAltNames, extensions: [...extensions, ...basic] }, signer);
      if (options.cfsslJson === true) {
        const made = keyPath === undefined ? { key: exportPrivateKey(key, { encoding: 'traditional' }) } : {};
        io.out.write(`${JSON.stringify({ csr: csrPem(csr), ...made })}\n`);
        return;
      }
      const outputs = [{ path: options.out, content: csrPem(csr), what: 'certificate request', secret: false }];
      if (keyOut !== undefined)
        outputs.unshift({
          path: keyOut,
          content: exportPrivateKey(key, passphrase === undefined ? {} : { passphrase: { text: passphrase, random: io.random } }),
          what: `${passphrase === undefined ? '' : 'encrypted '}private key, ${algorithm}`,
          secret: true,
        });
      await writeOutputs(io, outputs, overwrite);
    });
  return {
    description: 'The request is signed by its key, which proves to whoever signs it that the asker has that key.',
    examples: [
      {
        command: 'pki gencsr --key-out server-key.pem --common-name web --san web.example.com --san 10.0.0.5 --out server.csr',
        about: 'a request and its key for a server',
      },
      { command: "pki gencsr --key alice-key.pem --subject 'CN=alice,O=dev' > alice.csr", about: 'a request for a key that exists' },
      { command: 'pki gencsr --from server.json --cfssl-json | cfssljson -bare server', about: 'where cfssl genkey stood' },
    ],
    values: {
      '--key': 'files',
      '--key-out': 'files',
      '--algorithm': keyAlgorithmWords,
      '--from': 'files',
      '--usage': usageWords,
      '--out': 'files',
      '--passphrase-file': 'files',
    },
  };
};

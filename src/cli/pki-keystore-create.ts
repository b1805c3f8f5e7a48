// `certwright pki keystore create`: a PKCS#12 or JKS keystore of a key with its chain, of certificates to trust, or of both.

import { CodedError } from '../base/coded-error.ts';
import type { KeystoreEntry } from '../pki/pkcs12.ts';
import { parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';
import type { DefineCommand } from './command.ts';
import { passphraseFileOption } from './common-options.ts';
import { type Io, say } from './io.ts';
import { encodeKeystore, keyEntry, profileWords, trustedEntries } from './keystore-files.ts';
import { oneOf, repeated } from './option-values.ts';
import { newPassphrase } from './passphrase.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';
import { readPrivateKey } from './signing-ca.ts';
import { requireFree, writeOutputs } from './write-output.ts';

const readCertificates = async (io: Io, path: string): Promise<readonly X509Certificate[]> => {
  const certificates = parseCertificates(await readInput(io, path), `certificate ${inputName(path)}`);
  if (certificates.length === 0) throw new CodedError('PemInvalid', `cannot read ${inputName(path)}: it holds no certificate`);
  return certificates;
};

export const definePkiKeystoreCreate: DefineCommand = (command, io) => {
  command
    .option('--key <file>', 'private key')
    .option('--certificate <file>', 'its certificate, with the chain behind it')
    .option('--alias <name>', 'name of the key entry', '1')
    .option('--trust <file>', 'certificates to trust; repeatable', repeated)
    .option('--format <format>', 'pkcs12 or jks', (text) => oneOf('--format', text, ['pkcs12', 'jks'] as const), 'pkcs12' as const)
    .option(
      '--profile <profile>',
      'of PKCS#12: Modern2023 (AES, SHA-256), Modern2026 (AES, PBMAC1), LegacyDES, LegacyRC2',
      (text) => oneOf('--profile', text, profileWords),
      'Modern2023',
    )
    .requiredOption('--out <file>', 'where the keystore goes, mode 0600; "-" is standard output')
    .addOption(passphraseFileOption())
    .option('--key-passphrase-file <file>', 'file whose first line opens the private key, where that is encrypted')
    .option('--overwrite', 'replace a file that exists')
    .action(async (options) => {
      const { key, certificate, out, overwrite, trust = [] } = options;
      onlyOneStdin([key, certificate, ...trust, options.passphraseFile, options.keyPassphraseFile]);
      if ((key === undefined) !== (certificate === undefined))
        throw new CodedError('UsageInvalid', 'cannot make a key entry: --key and --certificate go together');
      if (key === undefined && trust.length === 0)
        throw new CodedError('UsageInvalid', 'cannot make an empty keystore', { hint: 'give --key and --certificate, or --trust' });
      requireFree(io, [out], overwrite);
      const entries: KeystoreEntry[] = [];
      if (key !== undefined && certificate !== undefined) {
        const chain = await readCertificates(io, certificate);
        const privateKey = await readPrivateKey(io, key, { passphraseFile: options.keyPassphraseFile });
        entries.push(keyEntry(options.alias, privateKey, chain, inputName(certificate)));
      }
      const trusted: X509Certificate[] = [];
      for (const path of trust) trusted.push(...(await readCertificates(io, path)));
      entries.push(...trustedEntries(trusted));
      const password = await newPassphrase(io, options, 'the keystore');
      if (password.length < 6) say(io, 'note: keytool makes no keystore with a password below six characters, though it reads this one');
      const content = encodeKeystore(entries, options.format, { io, password, profile: options.profile });
      const what = `${options.format === 'jks' ? 'JKS' : `PKCS#12, ${options.profile}`}, ${entries.length} ${entries.length === 1 ? 'entry' : 'entries'}`;
      await writeOutputs(io, [{ path: out, content, what, secret: true }], overwrite);
    });
  return {
    examples: [
      {
        command: 'pki keystore create --key server-key.pem --certificate server.pem --passphrase-file pass.txt --out server.p12',
        about: 'a key with its chain as PKCS#12',
      },
      {
        command: 'pki keystore create --format jks --trust ca.pem --passphrase-file pass.txt --out trust.jks',
        about: 'a truststore for Java',
      },
    ],
    values: {
      '--key': 'files',
      '--certificate': 'files',
      '--trust': 'files',
      '--out': 'files',
      '--passphrase-file': 'files',
      '--key-passphrase-file': 'files',
      '--format': ['pkcs12', 'jks'],
      '--profile': profileWords,
    },
  };
};

// `certwright pki genkey`: one private key, for its owner only.

import { CodedError } from '../base/coded-error.ts';
import { encodePem } from '../pki/pem.ts';
import { exportPrivateKey, generatePrivateKey } from '../pki/private-key.ts';
import { publicKeyOf } from '../pki/public-key.ts';
import { keyAlgorithmValue, keyAlgorithmWords } from './certificate-options.ts';
import type { DefineCommand } from './command.ts';
import { passphraseFileOption } from './common-options.ts';
import { keyPassphrase } from './passphrase.ts';
import { requireFree, writeOutputs } from './write-output.ts';

export const definePkiGenkey: DefineCommand = (command, io) => {
  command
    .option(
      '-a, --algorithm <algorithm>',
      'ecdsa-p256, ecdsa-p384, ecdsa-p521, ed25519, rsa-2048 to rsa-8192, ml-dsa-44, -65 or -87',
      keyAlgorithmValue('--algorithm'),
      'ecdsa-p256',
    )
    .option('--out <file>', 'where the key goes, mode 0600; "-" is standard output', 'key.pem')
    .option('--public-out <file>', 'where the public key goes besides')
    .option('--encrypt', 'encrypt the key with a passphrase (PKCS#8, AES-256)')
    .addOption(passphraseFileOption())
    .option('--traditional', 'write PKCS#1 (RSA) or SEC1 (ECDSA) as old tools want it, not PKCS#8')
    .option('--overwrite', 'replace files that exist')
    .action(async (options) => {
      const { algorithm, out, publicOut, overwrite } = options;
      const encrypts = options.encrypt === true || options.passphraseFile !== undefined;
      if (options.traditional === true && !/^(?:rsa|ecdsa)-/.test(algorithm))
        throw new CodedError('UsageInvalid', `cannot write a traditional key: ${algorithm} has no form but PKCS#8`, {
          hint: 'leave out --traditional',
        });
      if (encrypts && options.traditional === true)
        throw new CodedError('UsageInvalid', 'cannot encrypt a traditional key: only PKCS#8 is encrypted here', {
          hint: 'leave out --traditional or --encrypt',
        });
      requireFree(io, [out, publicOut], overwrite);
      const passphrase = await keyPassphrase(io, options);
      const key = await generatePrivateKey(algorithm);
      const content = exportPrivateKey(key, {
        encoding: options.traditional === true ? 'traditional' : 'pkcs8',
        ...(passphrase === undefined ? {} : { passphrase: { text: passphrase, random: io.random } }),
      });
      const outputs = [
        { path: out, content, what: `${passphrase === undefined ? '' : 'encrypted '}private key, ${algorithm}`, secret: true },
      ];
      if (publicOut !== undefined)
        outputs.push({ path: publicOut, content: encodePem('PUBLIC KEY', publicKeyOf(key).spki), what: 'public key', secret: false });
      await writeOutputs(io, outputs, overwrite);
    });
  return {
    examples: [
      { command: 'pki genkey --out server-key.pem', about: 'a P-256 key' },
      { command: 'pki genkey --algorithm rsa-4096 --encrypt --out ca-key.pem', about: 'an encrypted key; its passphrase is asked for' },
    ],
    values: { '--algorithm': keyAlgorithmWords, '--out': 'files', '--public-out': 'files', '--passphrase-file': 'files' },
  };
};

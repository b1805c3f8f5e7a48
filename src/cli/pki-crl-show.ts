// `certwright pki crl show`: what a revocation list says, and with its CA whether it may be believed.

import { CodedError } from '../base/coded-error.ts';
import { crlProblem, readCrl } from '../pki/crl.ts';
import { inspectCrl } from '../pki/inspect-crl.ts';
import { inspectionText } from '../pki/inspect-text.ts';
import { parseFirstCertificate } from '../pki/x509-certificate.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { rfc3339Time } from './option-values.ts';
import { printResult } from './output-format.ts';
import { inputName, onlyOneStdin, readInput } from './read-input.ts';

export const definePkiCrlShow: DefineCommand = (command, io) => {
  command
    .argument('<file>', 'revocation list, PEM or DER; "-" is standard input')
    .option('--ca <file>', 'check it against this CA certificate: issuer, signature, and whether it is current')
    .option('--at <time>', 'judge for this time instead of now', rfc3339Time('--at'))
    .addOption(outputOption())
    .action(async (file, options) => {
      onlyOneStdin([file, options.ca]);
      const at = options.at ?? io.now();
      const crl = readCrl(await readInput(io, file), `revocation list ${inputName(file)}`);
      const issuer =
        options.ca === undefined
          ? undefined
          : parseFirstCertificate(await readInput(io, options.ca), `CA certificate ${inputName(options.ca)}`);
      const problem = issuer === undefined ? undefined : crlProblem(crl, issuer, at);
      const item = inspectCrl(crl, at);
      const checked = issuer === undefined ? {} : { believable: problem === undefined, ...(problem === undefined ? {} : { problem }) };
      await printResult(io, options.output, { ...item, ...checked }, () => inspectionText(item));
      if (problem !== undefined)
        throw new CodedError('CrlInvalid', `cannot believe revocation list ${inputName(file)}: ${problem}`, {
          hint: 'get the current list of the CA; `certwright pki crl create` makes one',
        });
    });
  return {
    examples: [
      { command: 'pki crl show ca.crl', about: 'what it withdraws' },
      { command: 'pki crl show --ca ca.pem ca.crl', about: 'and whether the CA signed it and it is current' },
    ],
    values: { '0': 'files', '--ca': 'files' },
  };
};

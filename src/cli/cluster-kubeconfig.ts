// `certwright cluster kubeconfig`: a kubeconfig for a certificate that is there already, the administrator's or a person's. It signs nothing.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { readFileBounded } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { plainFileName } from '../base/safe-path.ts';
import { maxCertificateFileBytes, maxKeyFileBytes, readAuthorityCertificate } from '../cluster/authority.ts';
import { componentKeyPem } from '../cluster/component-key.ts';
import { type KubeconfigContent, kubeconfigText, parseKubeconfig } from '../cluster/kubeconfig.ts';
import type { ClusterManifest } from '../cluster/manifest.ts';
import { parseEndpoint } from '../cluster/plan-names.ts';
import { rememberedTrustRoot, serverTrust, serverTrustFileOf } from '../cluster/trust-root.ts';
import { commonNameOf } from '../pki/name.ts';
import { oid } from '../pki/oid.ts';
import { importPrivateKey, requireKeyBelongsTo } from '../pki/private-key.ts';
import { certificateKey, isCa, parseCertificates, type X509Certificate } from '../pki/x509-certificate.ts';
import { dryRunOption, outDirectory, outOption, planFileOption, readPlan } from './cluster-plan.ts';
import type { DefineCommand } from './command.ts';
import { outputOption } from './common-options.ts';
import { printResult } from './output-format.ts';
import { writeOutputs } from './write-output.ts';

type Wanted = {
  readonly manifest: ClusterManifest;
  readonly directory: string;
  readonly name: string;
  readonly server: string | undefined;
  readonly at: Date;
};

const adminOf = ({ kubeconfigs }: ClusterManifest) => kubeconfigs.find(({ file }) => file === 'kubeconfig' || file.endsWith('/admin.conf'));

const notThere = (name: string, places: readonly string[]): never => {
  throw new CodedError(
    'CertificateUnknown',
    `cannot write a kubeconfig for ${quote(name)}: there is ${places.length === 1 ? 'no' : 'neither'} ${places.map(quote).join(' nor ')}`,
    {
      hint: "`certwright certificates generate` makes a certificate for a person, `certwright cluster generate` the administrator's",
    },
  );
};

/** A kubeconfig is for a client: a CA, a server and what signs tokens have keys that must not travel in one. */
const requireClient = (leaf: X509Certificate, certificateFile: string): void => {
  const problem = isCa(leaf)
    ? 'it is the certificate of a CA'
    : leaf.extendedKeyUsage?.includes(oid.clientAuth) === true
      ? undefined
      : 'it does not have the usage "client auth"';
  if (problem !== undefined)
    throw new CodedError('CertificateRefused', `cannot write a kubeconfig with ${quote(certificateFile)}: ${problem}`, {
      hint: 'name admin, or a person that `certificates generate` made a certificate for',
    });
};

/** The kubeconfig of a pair of files, or one of kubeadm's taken over, with the server that is wanted. */
const contentFor = ({ manifest, directory, name, server, at }: Wanted): KubeconfigContent => {
  plainFileName(name);
  const admin = adminOf(manifest);
  const authority = manifest.authorities.find(({ id }) => id === 'cluster');
  if (admin === undefined || authority === undefined) throw new Error('a manifest has a cluster CA and an administrator');
  const isKismatic = manifest.layout === 'kismatic';
  const [certificateFile, keyFile] = isKismatic
    ? [`keys/${name}.pem`, `keys/${name}-key.pem`]
    : [`people/${name}.crt`, `people/${name}.key`];
  const conf = join(directory, admin.file.replace(/admin\.conf$/, `${name}.conf`));
  if (!isKismatic && !existsSync(join(directory, certificateFile)) && existsSync(conf)) {
    const found = parseKubeconfig(readFileBounded(conf, maxCertificateFileBytes), quote(conf));
    if (found.keyPem === undefined) throw new CodedError('KeyInvalid', `cannot take over ${quote(conf)}: it holds no private key`);
    return { ...found, server: server ?? found.server, chain: found.chain.length === 0 ? undefined : found.chain, keyPem: found.keyPem };
  }
  if (!existsSync(join(directory, certificateFile))) return notThere(name, isKismatic ? [certificateFile] : [certificateFile, conf]);
  const chain = parseCertificates(
    readFileBounded(join(directory, certificateFile), maxCertificateFileBytes),
    `certificate ${quote(certificateFile)}`,
  );
  const [leaf] = chain;
  if (leaf === undefined) throw new CodedError('PemInvalid', `cannot read ${quote(certificateFile)}: it holds no certificate`);
  requireClient(leaf, certificateFile);
  const key = importPrivateKey(readFileBounded(join(directory, keyFile), maxKeyFileBytes), { what: `private key ${quote(keyFile)}` });
  requireKeyBelongsTo(key, certificateKey(leaf), { key: quote(keyFile), certificate: quote(certificateFile) });
  const ca = readAuthorityCertificate(join(directory, authority.certificateFile), at);
  const userName = commonNameOf(leaf.subject) ?? name;
  return {
    clusterName: manifest.clusterName,
    server: server ?? admin.server,
    userName,
    contextName: name === 'admin' ? admin.contextName : `${userName}@${manifest.clusterName}`,
    trust: serverTrust(ca, rememberedTrustRoot(join(directory, serverTrustFileOf(authority.certificateFile)), ca)),
    chain,
    keyPem: componentKeyPem(key),
  };
};

/** Host and port of a URL; without a port it is the one of https. */
const endpointIn = (authority: string) => (/:\d+$/.test(authority) ? parseEndpoint(authority) : parseEndpoint(`${authority}:443`));

const serverUrl = (text: string): string => {
  const [, authority] = /^https:\/\/([^/?#@]+)$/.exec(text) ?? [];
  const endpoint = authority === undefined ? { problem: 'is not the URL of an API server' } : endpointIn(authority);
  if (!('problem' in endpoint)) return text;
  throw new CodedError('UsageInvalid', `cannot use --server ${quote(text)}: it ${endpoint.problem}`, {
    hint: 'write it as https://HOST:PORT',
  });
};

export const defineClusterKubeconfig: DefineCommand = (command, io) => {
  command
    .argument('[name]', 'whose: admin, or a name that `certificates generate` was given', 'admin')
    .addOption(planFileOption())
    .addOption(outOption())
    .option('--server <url>', 'URL of the API server (default: the load balancer of the plan)', serverUrl)
    .option('--file <file>', 'where it goes, mode 0600; "-" is standard output', '-')
    .addOption(dryRunOption())
    .addOption(outputOption())
    .option('--overwrite', 'replace a file that exists')
    .action(async (name, options) => {
      const { manifest } = await readPlan(io, options.planFile);
      const content = contentFor({ manifest, directory: outDirectory(io, options.out), name, server: options.server, at: io.now() });
      const { server, clusterName, userName, contextName } = content;
      if (options.dryRun === true) {
        const told = { file: options.file, server, clusterName, userName, contextName, dryRun: true };
        await printResult(
          io,
          options.output,
          told,
          () => `${options.file}: user ${userName} at ${server}, context ${contextName} (dry run: nothing was written)\n`,
        );
        return;
      }
      const text = kubeconfigText(content);
      const shown = options.output === 'json' ? `${JSON.stringify(parse(text), null, 2)}\n` : text;
      await writeOutputs(io, [{ path: options.file, content: shown, what: `kubeconfig of ${userName}`, secret: true }], options.overwrite);
    });
  return {
    examples: [
      { command: 'cluster kubeconfig > ~/.kube/config', about: "the administrator's" },
      {
        command: 'cluster kubeconfig alice --server https://10.0.0.1:6443 --file alice.kubeconfig',
        about: "alice's, past the load balancer",
      },
    ],
    values: { '--plan-file': 'files', '--out': 'files', '--file': 'files' },
  };
};

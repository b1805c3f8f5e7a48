// Chains for path validation, and what OpenSSL, Go and we say of each. Shared by the suites that compare them.

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after } from 'node:test';
import { CodedError } from '../../src/base/coded-error.ts';
import { lintCertificate } from '../../src/pki/lint-certificate.ts';
import { parseNameText } from '../../src/pki/name-text.ts';
import { oid } from '../../src/pki/oid.ts';
import { verifyChain } from '../../src/pki/verify-chain.ts';
import { certificatePem, type X509Certificate } from '../../src/pki/x509-certificate.ts';
import { testDay, testTime } from '../../src/testing/certificates.ts';
import {
  type ChainMember,
  type ChainPart,
  chainCa,
  chainLeaf,
  inhibitAnyPolicyExtension,
  mappingsExtension,
  policiesExtension,
  policyConstraintsExtension,
} from '../../src/testing/chains.ts';
import { requireTool } from '../../src/testing/tools.ts';

const folder = mkdtempSync(join(tmpdir(), 'certwright-verify-'));
after(() => rmSync(folder, { recursive: true, force: true }));

export type Scenario = {
  readonly leaf: X509Certificate;
  readonly intermediates: readonly X509Certificate[];
  readonly root: X509Certificate;
  readonly at?: Date;
};

/** The rule that refuses a chain, or `ok`. */
export const ours = ({ leaf, intermediates, root, at = testTime }: Scenario): string => {
  try {
    verifyChain({ leaf, intermediates, anchors: [root], at, purposes: [oid.serverAuth] });
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof CodedError && error.code === 'ChainInvalid', String(error));
    return String(error.details?.['rule']);
  }
};

let files = 0;
export const opensslSays = ({ leaf, intermediates, root, at = testTime }: Scenario, ...options: readonly string[]): string => {
  const path = (name: string, certificates: readonly X509Certificate[]): string => {
    const file = join(folder, `${files}-${name}.pem`);
    writeFileSync(file, certificates.map(certificatePem).join(''));
    return file;
  };
  files++;
  const untrusted = intermediates.length === 0 ? [] : ['-untrusted', path('untrusted', intermediates)];
  const { status, stdout, stderr } = spawnSync(
    requireTool('openssl'),
    [
      ...['verify', '-no-CApath', '-no-CAstore', '-CAfile', path('root', [root]), ...untrusted, '-purpose', 'sslserver'],
      ...['-attime', String(Math.floor(at.getTime() / 1000)), ...options, path('leaf', [leaf])],
    ],
    { encoding: 'utf8' },
  );
  return status === 0 && stdout.includes(': OK') ? 'ok' : (/error \d+ at .*/.exec(stderr)?.[0] ?? stderr);
};

export const base64 = (certificates: readonly X509Certificate[]): string =>
  certificates.map(({ raw }) => Buffer.from(raw).toString('base64')).join(',');

let known: boolean | undefined;

/** Whether the Go at hand is 1.26 or later: Debian 12's 1.19 processes no critical policy extension and lets a wildcard pass what is excluded. */
const isCurrentGo = (): boolean => {
  known ??= Number(/go1\.(\d+)/.exec(spawnSync(requireTool('go'), ['version'], { encoding: 'utf8' }).stdout)?.[1]) >= 26;
  return known;
};

const policyExtensions: readonly string[] = [oid.policyMappings, oid.policyConstraints, oid.inhibitAnyPolicy];
const isWildcard = ({ subjectAltNames = [] }: X509Certificate): boolean =>
  subjectAltNames.some((name) => name.type === 'dns' && name.value.startsWith('*.'));

/** Go processes no constraints on directory names, and refuses every chain with them; an older Go is asked about less. */
export const isForGo = ({ leaf, intermediates, root }: Scenario): boolean => {
  const cas = [...intermediates, root];
  const constrained = cas.flatMap(({ nameConstraints }) => [...(nameConstraints?.permitted ?? []), ...(nameConstraints?.excluded ?? [])]);
  if (constrained.some(({ base }) => base.type === 'directoryName')) return false;
  if (isCurrentGo()) return true;
  const isUnderNames = constrained.some(({ base }) => base.type === 'dns');
  return (
    !(isWildcard(leaf) && isUnderNames) &&
    cas.every(({ extensions }) => extensions.every(({ oid: type }) => !policyExtensions.includes(type)))
  );
};

/** What Go says of each chain. */
export const goSays = (scenarios: readonly Scenario[]): readonly string[] => {
  const lines = scenarios.map(({ leaf, intermediates, root, at = testTime }) =>
    [Math.floor(at.getTime() / 1000), base64([leaf]), base64(intermediates), base64([root])].join(' '),
  );
  const { stdout, stderr, status } = spawnSync(requireTool('go'), ['run', join(import.meta.dirname, 'go-verify.go')], {
    input: `${lines.join('\n')}\n`,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
    env: { ...process.env, GO111MODULE: 'off', GOFLAGS: '', GOTOOLCHAIN: 'local' },
  });
  assert.equal(status, 0, stderr);
  return stdout.trimEnd().split('\n');
};

export const isClean = ({ leaf, intermediates, root }: Scenario): boolean => {
  const all = [leaf, ...intermediates, root];
  return all.every((certificate, i) => lintCertificate(certificate, all[i + 1]).length === 0);
};

export const dns = (value: string) => ({ type: 'dns', value }) as const;
export const range = (...octets: readonly number[]) => ({ type: 'ip-range', octets: Uint8Array.from(octets) }) as const;
export const ten = range(10, 0, 0, 0, 255, 0, 0, 0);
export const directory = (text: string) => ({ type: 'directoryName', name: parseNameText(text) }) as const;

/** Root, CAs below it, each below the one before, and a leaf: each told by what it differs in. */
export const chain = (
  parts: readonly Partial<ChainPart>[],
  leafPart: Partial<ChainPart> = {},
  rootPart: Partial<ChainPart> = {},
): Scenario => {
  const root = chainCa({ subject: 'CN=Root', ...rootPart });
  const members: ChainMember[] = [root];
  for (const [i, part] of parts.entries()) {
    const issuer = members[i];
    assert.ok(issuer);
    members.push(chainCa({ subject: `CN=CA ${i}`, issuer, ...part }));
  }
  return {
    leaf: chainLeaf(members.at(-1) ?? root, leafPart),
    intermediates: members
      .slice(1)
      .map(({ certificate }) => certificate)
      .reverse(),
    root: root.certificate,
  };
};

const unknown = (critical: boolean) => ({ oid: '1.2.3.4', critical, value: Uint8Array.of(5, 0) });
export const p1 = '1.3.6.1.4.1.99999.1';
export const p2 = '1.3.6.1.4.1.99999.2';

/** One difference at a time, in CA, leaf and root: what a table of rules would list. */
const caParts: readonly Partial<ChainPart>[] = [
  {},
  { ca: false },
  { ca: null },
  { ca: null, usages: null },
  { version: 1 },
  { usages: ['crl sign'] },
  { usages: null },
  { pathLength: 0 },
  { notBefore: testDay(1) },
  { notAfter: testDay(-1), notBefore: testDay(-2) },
  { purposes: [oid.serverAuth] },
  { purposes: [oid.clientAuth] },
  { purposes: [oid.anyExtendedKeyUsage] },
  { purposes: [] },
  { extensions: [unknown(true)] },
  { extensions: [unknown(false)] },
  { forged: true },
  { weak: true },
  { permitted: [dns('example')] },
  { permitted: [dns('other')] },
  { excluded: [dns('leaf.example')] },
  { excluded: [dns('other.example')] },
  { permitted: [ten] },
  { excluded: [ten] },
  { permitted: [directory('O=Example')] },
  { excluded: [directory('O=Example')] },
  { permitted: [{ type: 'email', value: 'example' }] },
  { permitted: [{ type: 'uri', value: 'leaf.example' }] },
  { excluded: [{ type: 'uri', value: '.example' }] },
  { extensions: [policiesExtension([p1]), policyConstraintsExtension(0)] },
  { extensions: [policiesExtension([oid.anyPolicy]), policyConstraintsExtension(0), inhibitAnyPolicyExtension(0)] },
  { extensions: [policiesExtension([p1]), mappingsExtension([p1, p2]), policyConstraintsExtension(0)] },
  { extensions: [policiesExtension([p1]), mappingsExtension([oid.anyPolicy, p2])] },
];
const leafParts: readonly Partial<ChainPart>[] = [
  {},
  { usages: null },
  { usages: ['key encipherment'] },
  { usages: ['content commitment'] },
  { purposes: [oid.clientAuth] },
  { purposes: [oid.anyExtendedKeyUsage] },
  { names: [dns('*.example'), { type: 'ip', value: '10.1.2.3' }] },
  { names: [dns('leaf.example'), { type: 'ip', value: 'fd00::1' }, { type: 'email', value: 'a@example' }] },
  { names: [{ type: 'uri', value: 'https://leaf.example/x' }], subject: 'CN=leaf,O=Example' },
  { names: [], subject: 'CN=www.other.org,EMAILADDRESS=a@other.org' },
  { extensions: [unknown(true)] },
  { extensions: [policiesExtension([p1])] },
  { extensions: [policiesExtension([p2])] },
  { notAfter: testDay(-1), notBefore: testDay(-2) },
  { forged: true },
  { ca: true, usages: ['digital signature', 'cert sign'] },
];

export const matrix: readonly Scenario[] = [
  ...caParts.flatMap((ca) => leafParts.map((leaf) => chain([ca], leaf))),
  ...caParts.map((root) => chain([{}], {}, root)),
  ...caParts.map((ca) => chain([{}, ca])),
  ...caParts.map((ca) => chain([ca, {}])),
  ...leafParts.map((leaf) => chain([], leaf)),
];

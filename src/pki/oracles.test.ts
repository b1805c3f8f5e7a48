// Random certificates read by two other implementations: @peculiar/asn1 and the runtime. They agree with us on every field that they have.

import assert from 'node:assert/strict';
import { X509Certificate as RuntimeCertificate } from 'node:crypto';
import { describe, test } from 'node:test';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  AuthorityKeyIdentifier,
  BasicConstraints,
  Certificate,
  ExtendedKeyUsage,
  KeyUsage,
  type Name as PeculiarName,
  SubjectAlternativeName,
  SubjectKeyIdentifier,
} from '@peculiar/asn1-x509';
import fc from 'fast-check';
import { toHex } from '../base/bytes.ts';
import { CodedError } from '../base/coded-error.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { type TestIssuer, testCa, testLeaf } from '../testing/certificates.ts';
import { randomCa, randomLeaf } from '../testing/random-templates.ts';
import { runs } from '../testing/runs.ts';
import type { Extension } from './extension.ts';
import type { GeneralName } from './general-name.ts';
import type { Name } from './name.ts';
import { oid } from './oid.ts';
import { keyUsageBits } from './usage.ts';
import { formatSerialNumber, isSignedBy, parseCertificate, type X509Certificate } from './x509-certificate.ts';

const hex = (buffer: ArrayBuffer): string => Buffer.from(buffer).toString('hex');
/** A copy whose buffer holds it alone, which is what the libraries take. */
const own = (bytes: Uint8Array): ArrayBuffer => new Uint8Array(bytes).buffer;

const listed = (extensions: readonly Extension[]): unknown =>
  extensions.map(({ oid: type, critical, value }) => [type, critical, toHex(value)]);
const ourParts = (name: Name): unknown => name.rdns.map((rdn) => rdn.map(({ type, value }) => [type, value]));

const peculiarParts = (name: PeculiarName): unknown =>
  [...name].map((rdn) =>
    [...rdn].map(({ type, value }) => [type, value.utf8String ?? value.printableString ?? value.ia5String ?? value.toString()]),
  );

const ourSan = (name: GeneralName): unknown => {
  switch (name.type) {
    case 'dns':
    case 'email':
    case 'uri':
      return [name.type, name.value];
    case 'ip':
      return ['ip', toHex(parseIpAddress(name.value) ?? new Uint8Array())];
    case 'registeredId':
      return ['registeredId', name.oid];
    case 'directoryName':
      return ['directoryName', ourParts(name.name)];
    case 'otherName':
      return ['otherName', name.oid, toHex(name.value)];
    case 'unsupported':
      return ['unsupported'];
  }
};

const comparePeculiar = (certificate: X509Certificate): void => {
  const {
    tbsCertificate: tbs,
    tbsCertificateRaw,
    signatureValue,
    signatureAlgorithm,
  } = AsnConvert.parse(own(certificate.raw), Certificate);
  assert.equal(hex(tbs.serialNumber), toHex(certificate.serialNumber));
  assert.equal(tbs.version + 1, certificate.version);
  assert.deepEqual(peculiarParts(tbs.subject), ourParts(certificate.subject));
  assert.deepEqual(peculiarParts(tbs.issuer), ourParts(certificate.issuer));
  assert.deepEqual([tbs.validity.notBefore.getTime(), tbs.validity.notAfter.getTime()], [certificate.notBefore, certificate.notAfter]);
  assert.equal(hex(tbs.subjectPublicKeyInfo.subjectPublicKey), toHex(certificate.publicKey.bits));
  assert.equal(tbs.subjectPublicKeyInfo.algorithm.algorithm, certificate.publicKey.algorithmOid);
  assert.equal(signatureAlgorithm.algorithm, certificate.signatureAlgorithm.oid);
  assert.equal(hex(signatureValue), toHex(certificate.signature));
  assert.equal(hex(tbsCertificateRaw ?? new ArrayBuffer(0)), toHex(certificate.tbs));
  const extensions = [...(tbs.extensions ?? [])];
  assert.deepEqual(
    extensions.map(({ extnID, critical, extnValue }) => [extnID, critical, hex(extnValue.buffer)]),
    listed(certificate.extensions),
  );
  const content = (type: string): ArrayBuffer | undefined => extensions.find(({ extnID }) => extnID === type)?.extnValue.buffer;
  const [basic, usage, purposes, names, subjectKey, authority] = [
    ...[oid.basicConstraints, oid.keyUsage, oid.extendedKeyUsage, oid.subjectAltName, oid.subjectKeyIdentifier, oid.authorityKeyIdentifier],
  ].map(content);
  if (basic !== undefined) {
    const { cA, pathLenConstraint } = AsnConvert.parse(basic, BasicConstraints);
    assert.deepEqual({ isCa: cA, pathLength: pathLenConstraint }, certificate.basicConstraints);
  }
  if (usage !== undefined) {
    const flags = AsnConvert.parse(usage, KeyUsage).toNumber();
    assert.deepEqual(
      keyUsageBits.filter((_, i) => (flags & (1 << i)) !== 0),
      certificate.keyUsage,
    );
  }
  if (purposes !== undefined) assert.deepEqual([...AsnConvert.parse(purposes, ExtendedKeyUsage)], certificate.extendedKeyUsage);
  if (subjectKey !== undefined)
    assert.equal(
      hex(AsnConvert.parse(subjectKey, SubjectKeyIdentifier).buffer),
      toHex(certificate.subjectKeyIdentifier ?? new Uint8Array()),
    );
  if (authority !== undefined)
    assert.equal(
      hex(AsnConvert.parse(authority, AuthorityKeyIdentifier).keyIdentifier?.buffer ?? new ArrayBuffer(0)),
      toHex(certificate.authorityKeyIdentifier?.keyIdentifier ?? new Uint8Array()),
    );
  if (names !== undefined) {
    const theirs = [...AsnConvert.parse(names, SubjectAlternativeName)].map((name): unknown => {
      if (name.dNSName !== undefined) return ['dns', name.dNSName];
      if (name.rfc822Name !== undefined) return ['email', name.rfc822Name];
      if (name.uniformResourceIdentifier !== undefined) return ['uri', name.uniformResourceIdentifier];
      if (name.iPAddress !== undefined) return ['ip', toHex(parseIpAddress(name.iPAddress) ?? new Uint8Array())];
      if (name.registeredID !== undefined) return ['registeredId', name.registeredID];
      if (name.directoryName !== undefined) return ['directoryName', peculiarParts(name.directoryName)];
      if (name.otherName !== undefined) return ['otherName', name.otherName.typeId, hex(name.otherName.value)];
      return ['unsupported'];
    });
    assert.deepEqual(theirs, certificate.subjectAltNames?.map(ourSan));
  }
};

const compareRuntime = (certificate: X509Certificate, issuer: X509Certificate): void => {
  const theirs = new RuntimeCertificate(certificate.raw);
  assert.equal(theirs.serialNumber, formatSerialNumber(certificate.serialNumber));
  assert.deepEqual([theirs.validFromDate, theirs.validToDate], [certificate.notBefore, certificate.notAfter]);
  assert.equal(theirs.ca, certificate.basicConstraints?.isCa === true);
  assert.equal(theirs.publicKey.export({ format: 'der', type: 'spki' }).toString('hex'), toHex(certificate.publicKey.spki));
  assert.deepEqual(theirs.keyUsage, certificate.extendedKeyUsage);
  assert.equal(theirs.verify(new RuntimeCertificate(issuer.raw).publicKey), isSignedBy(certificate, issuer));
};

const made = async (work: () => Promise<X509Certificate>): Promise<X509Certificate | undefined> => {
  try {
    return await work();
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
};

describe('other implementations', () => {
  test('read random certificates as we do', async () => {
    const issuer: TestIssuer = await testCa({ notBefore: new Date('1950-01-01T00:00:00Z'), notAfter: new Date('9999-12-31T23:59:59Z') });
    let compared = 0;
    await fc.assert(
      fc.asyncProperty(fc.oneof(randomLeaf, randomCa), async (changes) => {
        const leaf = await made(() => testLeaf(issuer, changes));
        if (leaf === undefined) return;
        compared++;
        const certificate = parseCertificate(leaf.raw);
        comparePeculiar(certificate);
        compareRuntime(certificate, issuer.certificate);
      }),
      { numRuns: runs(150, 10_000) },
    );
    assert.ok(compared > 50, `only ${compared} were compared`);
  });
});

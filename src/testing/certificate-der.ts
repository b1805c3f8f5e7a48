// Certificates and requests as the DER of their fields, so that a test can put one wrong field in the place of a right one. Unlike those of
// certificates.ts they need not be valid, and their signatures are zeros.

import { contextConstructedTag, element, octetBitString, sequence, smallInteger } from '../pki/der.ts';
import { subjectName } from '../pki/name.ts';
import { encodeOid, oid } from '../pki/oid.ts';
import { encodeTime } from '../pki/time.ts';
import { testDay, testPublicKey } from './certificates.ts';

const empty = new Uint8Array();
const spki = (await testPublicKey('ecdsa-p256')).spki;

const tbsFields = {
  version: element(contextConstructedTag(0), smallInteger(2)),
  serialNumber: smallInteger(1),
  algorithm: sequence(encodeOid(oid.ecdsaWithSha256)),
  issuer: subjectName('Test CA').raw,
  validity: sequence(encodeTime(testDay(-1)), encodeTime(testDay(90))),
  subject: subjectName('leaf.example').raw,
  publicKey: spki,
  uniqueIds: empty,
  extensions: empty,
  rest: empty,
};

/** Fields to put in the place of right ones; an empty byte string leaves one out. */
export type TbsFields = Partial<Readonly<Record<keyof typeof tbsFields, Uint8Array>>>;

/** A TBSCertificate; `rest` stands after everything else. */
export const tbsDer = (fields: TbsFields = {}): Uint8Array => sequence(...Object.values({ ...tbsFields, ...fields }));

export type CertificateFields = TbsFields & {
  readonly outerAlgorithm?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly afterSignature?: Uint8Array;
};

/** A certificate. */
export const certificateDer = ({ outerAlgorithm, signature, afterSignature, ...fields }: CertificateFields = {}): Uint8Array =>
  sequence(
    tbsDer(fields),
    outerAlgorithm ?? fields.algorithm ?? tbsFields.algorithm,
    signature ?? octetBitString(new Uint8Array(64)),
    afterSignature ?? empty,
  );

/** The extensions field around encoded extensions. */
export const extensionsField = (...extensions: readonly Uint8Array[]): Uint8Array =>
  element(contextConstructedTag(3), sequence(...extensions));

const csrFields = {
  version: smallInteger(0),
  subject: subjectName('leaf.example').raw,
  publicKey: spki,
  attributes: element(contextConstructedTag(0)),
  rest: empty,
};

export type CsrFields = Partial<Readonly<Record<keyof typeof csrFields, Uint8Array>>> & {
  readonly algorithm?: Uint8Array;
  readonly signature?: Uint8Array;
  readonly afterSignature?: Uint8Array;
};

/** A request. */
export const csrDer = ({ algorithm, signature, afterSignature, ...fields }: CsrFields = {}): Uint8Array =>
  sequence(
    sequence(...Object.values({ ...csrFields, ...fields })),
    algorithm ?? tbsFields.algorithm,
    signature ?? octetBitString(new Uint8Array(64)),
    afterSignature ?? empty,
  );

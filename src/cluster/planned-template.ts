// What a planned authority or certificate shall say, as the subject, names and template that are signed. Pure.

import type { CertificateTemplate } from '../pki/certificate-template.ts';
import type { GeneralName } from '../pki/general-name.ts';
import { makeName, type Name, nameAttribute, subjectName } from '../pki/name.ts';
import { oid } from '../pki/oid.ts';
import type { PublicKey } from '../pki/public-key.ts';
import { backdated, endOfLifetime } from './authority.ts';
import type { PlannedAuthority, PlannedCertificate } from './manifest.ts';

/** The subject of a CA that we make. */
export const authoritySubject = ({ subject }: PlannedAuthority): Name =>
  makeName(subject.map(({ type, value }) => [nameAttribute(oid[type], value)]));

/** The names of a CA that we make. */
export const authorityNames = ({ dnsNames }: PlannedAuthority): readonly GeneralName[] => dnsNames.map((value) => ({ type: 'dns', value }));

/** The subject of a planned certificate. */
export const plannedSubject = ({ subject }: PlannedCertificate): Name => subjectName(subject.commonName, subject.organizations);

/** The template of a planned certificate for a key, valid from five minutes before `at`; signing cuts it to the CA's own end. */
export const leafTemplate = (planned: PlannedCertificate, publicKey: PublicKey, at: Date, lifetimeMs: number): CertificateTemplate => {
  return {
    subject: plannedSubject(planned),
    publicKey,
    notBefore: backdated(at),
    notAfter: endOfLifetime(at, lifetimeMs),
    usages: planned.usages,
    subjectAltNames: planned.sans,
  };
};

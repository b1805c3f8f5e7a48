// What a lint rule is: a pure function from the certificate to be signed and its issuer to messages, none where all is well.

import type { Name } from './name.ts';
import type { TbsCertificate, X509Certificate } from './x509-certificate.ts';

export type LintInput = {
  readonly tbs: TbsCertificate;
  readonly issuer: X509Certificate | undefined;
  /** The names whose text we decide, with what they are: the subject, and directory names among the alternative names. */
  readonly names: readonly NamedName[];
};

export type NamedName = { readonly what: string; readonly name: Name };

export type LintRule = (input: LintInput) => readonly string[];

/** The message where a fault holds. */
export const when = (fault: boolean, message: () => string): readonly string[] => (fault ? [message()] : []);

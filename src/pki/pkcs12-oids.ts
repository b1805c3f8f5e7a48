// The identifiers that PKCS#7, PKCS#9 and PKCS#12 put into a keystore (RFC 7292 section 4, RFC 2985), and Java's one addition.

export const pkcs12Oid = {
  // content types (PKCS#7)
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  encryptedData: '1.2.840.113549.1.7.6',
  // bags
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  crlBag: '1.2.840.113549.1.12.10.1.4',
  secretBag: '1.2.840.113549.1.12.10.1.5',
  safeContentsBag: '1.2.840.113549.1.12.10.1.6',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  // attributes of bags
  friendlyName: '1.2.840.113549.1.9.20',
  localKeyId: '1.2.840.113549.1.9.21',
  /** Oracle's mark of a certificate that is believed in by itself; its value is a list of extended key usages. */
  trustedKeyUsage: '2.16.840.1.113894.746875.1.1',
  // encryption by password with the key derivation of appendix B
  sha1With3Des: '1.2.840.113549.1.12.1.3',
  sha1With2Key3Des: '1.2.840.113549.1.12.1.4',
  sha1With128BitRc2: '1.2.840.113549.1.12.1.5',
  sha1With40BitRc2: '1.2.840.113549.1.12.1.6',
  // integrity (RFC 9579)
  pbmac1: '1.2.840.113549.1.5.14',
} as const;

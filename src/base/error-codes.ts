// Every error code of Certwright with its class and one sentence on what it means.
// A code, once released, is never renamed or reused: it is also condition reason, event reason, metric label and anchor in the docs.
// docs/reference/errors.md is generated from this table.

/** What kind of failure a code is; it decides exit code, HTTP status and what a reconciler does next. */
export type ErrorClass = 'input' | 'waiting' | 'transient' | 'permanent' | 'bug';

type Row = { readonly class: ErrorClass; readonly about: string };

export const errorCodes = {
  // command line
  UsageInvalid: { class: 'input', about: 'a command, argument or flag is unknown, missing or has a value that is not accepted' },
  FileNotFound: { class: 'input', about: 'a file that was named does not exist' },
  FileUnreadable: { class: 'input', about: 'a file that was named cannot be read: rights, a directory in its place, or too large' },
  FileExists: { class: 'input', about: 'a file would be overwritten and nobody asked for that' },
  FileWriteFailed: { class: 'transient', about: 'a file could not be written: disk full, read-only, no rights' },
  PathRefused: { class: 'input', about: 'a name from outside would reach a file outside its directory, or is not a plain file name' },
  LockHeld: { class: 'transient', about: 'another process is working in the same directory' },
  DurationInvalid: { class: 'input', about: 'a duration is not written as Go writes it (17520h, 90m) or with d for days' },
  // encodings
  DerInvalid: { class: 'input', about: 'bytes are not strict DER (X.690) or do not have the structure expected' },
  PemInvalid: { class: 'input', about: 'text is not PEM (RFC 7468) or holds no block of the kind expected' },
  InputTooLarge: { class: 'input', about: 'an input is longer, deeper or has more parts than its decoder accepts' },
  OidInvalid: { class: 'input', about: 'an object identifier is malformed or outside the arcs X.660 allows' },
  TimeInvalid: { class: 'input', about: 'a time is malformed or outside what an X.509 certificate can say' },
  // keys
  KeyInvalid: { class: 'input', about: 'a key cannot be read or is malformed' },
  KeyUnsupported: { class: 'input', about: 'a key is of an algorithm or size that is not accepted' },
  KeyAlgorithmUnavailable: { class: 'input', about: 'the runtime does not offer this key algorithm' },
  KeyMismatch: { class: 'input', about: 'a private key does not belong to the certificate beside it' },
  PassphraseRequired: { class: 'input', about: 'a key or keystore is encrypted and no passphrase was given' },
  PassphraseWrong: { class: 'input', about: 'a key or keystore does not open with the passphrase given' },
  SignatureAlgorithmUnsupported: { class: 'input', about: 'a signature algorithm is unknown or too weak to accept' },
  // names
  NameInvalid: { class: 'input', about: 'a distinguished name is malformed (RFC 4514, X.501)' },
  SanInvalid: { class: 'input', about: 'a subject alternative name is malformed or of a form that is not accepted' },
  UsageUnknown: { class: 'input', about: 'a key usage is none of the 23 that Kubernetes names' },
  // requests and certificates
  CsrInvalid: { class: 'input', about: 'a PKCS#10 request is malformed' },
  CsrSignatureInvalid: { class: 'permanent', about: 'a PKCS#10 request is not signed by the key inside it' },
  CertificateInvalid: { class: 'input', about: 'a certificate is malformed (RFC 5280)' },
  ExtensionInvalid: { class: 'input', about: 'a certificate extension is malformed' },
  CertificateRefused: { class: 'permanent', about: 'lint found a fault in the certificate that was about to be signed' },
  SignerMismatch: { class: 'input', about: 'the key that should sign is not the one of the CA certificate' },
  IssuerNotCa: { class: 'input', about: 'the certificate that should sign is not a CA certificate' },
  IssuerExpired: { class: 'permanent', about: 'the CA certificate that should sign is expired or not yet valid' },
  ChainInvalid: { class: 'permanent', about: 'no valid path leads from a certificate to a trust anchor (RFC 5280 section 6)' },
  CrlInvalid: { class: 'input', about: 'a certificate revocation list is malformed' },
  KeystoreInvalid: { class: 'input', about: 'a PKCS#12 or JKS keystore is malformed or its integrity check fails' },
  KeystoreUnsupported: { class: 'input', about: 'a keystore uses an algorithm or structure that is not supported' },
  CfsslRequestInvalid: { class: 'input', about: 'a cfssl request file is malformed' },
  InspectUnrecognised: { class: 'input', about: 'bytes are none of the things that inspect knows' },
  // a cluster's PKI
  PlanInvalid: { class: 'input', about: 'a plan file has one or more faults; each is listed with its line' },
  CaMissing: { class: 'waiting', about: 'a CA pair that is needed is not there' },
  CaInvalid: { class: 'input', about: 'a CA pair that was given cannot sign: not a CA, expired, key of another certificate' },
  DriftFound: { class: 'permanent', about: 'files that exist differ from what the plan asks for' },
  SignedCertificateMissing: { class: 'waiting', about: 'a certificate that an external CA should sign has not been handed back yet' },
  NodeUnknown: { class: 'input', about: 'a node that was named is not in the plan' },
  CertificateUnknown: { class: 'input', about: 'a certificate that was named is not in the plan or the ledger' },
  CertificateAmbiguous: { class: 'input', about: 'a name means several certificates, and one was asked for' },
  NameReserved: { class: 'input', about: 'a name belongs to the cluster itself or would give the powers of its components' },
  KubeconfigInvalid: { class: 'input', about: 'a kubeconfig is malformed or lacks a part that is needed' },
  LayoutUnrecognised: { class: 'input', about: 'a directory is laid out as none of the tools that adopt knows' },
  LedgerInvalid: { class: 'input', about: 'a ledger of signatures is damaged' },
  // the Kubernetes API: its own words for why a request failed
  BadRequest: { class: 'input', about: 'a request cannot be understood' },
  Invalid: { class: 'input', about: 'an object has one or more faults; each is listed with its field' },
  Unauthorized: { class: 'permanent', about: 'credentials were given that are not valid' },
  Forbidden: { class: 'permanent', about: 'whoever asks may not do this, or nobody may' },
  NotFound: { class: 'waiting', about: 'an object or a resource does not exist' },
  AlreadyExists: { class: 'permanent', about: 'an object of that name exists already' },
  Conflict: { class: 'waiting', about: 'an object was changed by somebody else in the meantime' },
  Expired: { class: 'transient', about: 'a state of the past that was asked for is no longer kept' },
  MethodNotAllowed: { class: 'input', about: 'a resource does not offer this verb' },
  NotAcceptable: { class: 'input', about: 'none of the formats asked for is offered' },
  UnsupportedMediaType: { class: 'input', about: 'a body is in a format that is not read' },
  RequestEntityTooLarge: { class: 'input', about: 'a body is larger than is accepted' },
  Timeout: { class: 'transient', about: 'a state of the future was asked for, or something took too long' },
  AdmissionDenied: { class: 'permanent', about: 'an admission webhook or policy does not let an object be written' },
  WebhookFailed: { class: 'transient', about: 'an admission webhook could not be asked, or its answer is none' },
  TooManyRequests: { class: 'transient', about: 'more is asked than is served at once; try again later' },
  ServiceUnavailable: { class: 'transient', about: 'the server is starting or stopping' },
  // asking a Kubernetes API
  ServerUnreachable: { class: 'transient', about: 'a server cannot be reached, or broke off before it answered' },
  ServerUntrusted: { class: 'permanent', about: 'a server does not prove that it is the one that was meant' },
  ServerFailed: { class: 'transient', about: 'a server answered that it failed' },
  ServerAnswerInvalid: { class: 'transient', about: 'a server answered something that is not what its API says, or too much' },
  // the embedded control plane
  AddressUnavailable: { class: 'input', about: 'the address to listen on is taken, or not one of this machine' },
  DataDirectoryInvalid: { class: 'input', about: 'a data directory holds something that no store of this version made' },
  ClockWrong: { class: 'transient', about: 'the clock of the machine stands before this program was made' },
  EncryptionKeyInvalid: { class: 'input', about: 'a file with an encryption key does not hold 32 random bytes, or others may read it' },
  EncryptionKeyMismatch: { class: 'input', about: 'a store is sealed with an encryption key, and that key was not given' },
  ManifestRefused: { class: 'input', about: 'a manifest that is to be applied on the first start cannot be read or is refused' },
  BackupInvalid: { class: 'input', about: 'a file is no backup, is damaged, or is of a newer version' },
  // controllers
  LeadershipLost: { class: 'transient', about: 'this process does not lead any more, and another one may' },
  // ours
  Bug: { class: 'bug', about: 'a fault of Certwright itself' },
} as const satisfies Record<string, Row>;

export type ErrorCode = keyof typeof errorCodes;

/** The class of a code. */
export const errorClass = (code: ErrorCode): ErrorClass => errorCodes[code].class;

/** Exit codes of the command line by class (DESIGN, Errors). */
export const exitCodes: Readonly<Record<ErrorClass, number>> = { input: 2, waiting: 3, transient: 4, permanent: 5, bug: 70 };

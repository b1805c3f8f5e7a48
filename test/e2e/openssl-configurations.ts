// Arbitrary configurations of OpenSSL: subjects of every attribute and string type, and the extensions its own text form can ask for. Not all
// of them work: a string may have no type left by its mask, a subtree may be of the wrong form. OpenSSL says so itself.

import fc from 'fast-check';

/** A configuration of `openssl req`, with every section it names. */
export const configuration: fc.Arbitrary<string> = (() => {
  const word = fc.string({ unit: fc.constantFrom(...'abcxyz019'), minLength: 1, maxLength: 6 });
  const value = fc
    .string({ unit: fc.constantFrom(...'abc XYZ09,+<>;=/.:@*_', 'é', 'ß', '日'), minLength: 1, maxLength: 14 })
    .filter((text) => text.trim() === text);
  const host = word.map((label) => `${label}.example`);
  const subject = fc.array(
    fc.oneof(
      fc.tuple(
        fc.constantFrom(
          'CN',
          'O',
          'OU',
          'L',
          'ST',
          'street',
          'title',
          'GN',
          'SN',
          'initials',
          'pseudonym',
          'UID',
          'postalCode',
          'x500UniqueIdentifier',
        ),
        value,
      ),
      fc.tuple(fc.constantFrom('DC', 'emailAddress', 'serialNumber', 'dnQualifier'), word),
      fc.tuple(fc.constant('C'), fc.constantFrom('DE', 'US')),
    ),
    { minLength: 1, maxLength: 5 },
  );
  const joined = fc.array(fc.boolean(), { minLength: 5, maxLength: 5 });
  const name = fc.oneof(
    host.map((text) => `DNS:${text}`),
    host.map((text) => `DNS:*.${text}`),
    host.map((text) => `email:a@${text}`),
    host.map((text) => `URI:https://${text}/a?b`),
    fc.ipV4().map((text) => `IP:${text}`),
    fc.constantFrom(
      'IP:fd00::1',
      'IP:::ffff:1.2.3.4',
      'RID:1.2.3.4',
      'dirName:directory',
      'otherName:1.2.3.4;UTF8:tést',
      'otherName:1.3.6.1.4.1.311.20.2.3;UTF8:u@x',
      'otherName:1.2.3.5;IA5STRING:x',
      'otherName:1.2.3.6;INTEGER:5',
      'otherName:1.2.3.7;SEQUENCE:structure',
    ),
  );
  const usage = fc.constantFrom(
    'digitalSignature',
    'nonRepudiation',
    'keyEncipherment',
    'dataEncipherment',
    'keyAgreement',
    'keyCertSign',
    'cRLSign',
    'encipherOnly',
    'decipherOnly',
  );
  const purpose = fc.constantFrom(
    'serverAuth',
    'clientAuth',
    'codeSigning',
    'emailProtection',
    'timeStamping',
    'OCSPSigning',
    'ipsecUser',
    'ipsecTunnel',
    'ipsecEndSystem',
    'msSGC',
    'nsSGC',
    'anyExtendedKeyUsage',
    '1.2.3.4',
  );
  const subtree = fc.oneof(
    host.map((text) => `DNS:${text}`),
    host.map((text) => `email:.${text}`),
    host.map((text) => `URI:.${text}`),
    fc.constantFrom('IP:10.0.0.0/255.0.0.0', 'IP:fd00::/ff00::', 'dirName:directory', 'DNS:.'),
  );
  const list = (items: fc.Arbitrary<string>) => fc.uniqueArray(items, { minLength: 1, maxLength: 4 }).map((texts) => texts.join(','));
  const critical = (text: fc.Arbitrary<string>) => fc.tuple(fc.constantFrom('', 'critical,'), text).map(([first, rest]) => first + rest);
  const maybe = (title: string, text: fc.Arbitrary<string>) =>
    fc.option(
      text.map((line) => `${title} = ${line}`),
      { nil: '' },
    );
  const extensions = fc.tuple(
    maybe('subjectAltName', critical(list(name))),
    maybe('keyUsage', critical(list(usage))),
    maybe('extendedKeyUsage', critical(list(purpose))),
    maybe('basicConstraints', critical(fc.constantFrom('CA:TRUE', 'CA:FALSE', 'CA:TRUE,pathlen:0', 'CA:TRUE,pathlen:300'))),
    maybe(
      'nameConstraints',
      critical(list(fc.tuple(fc.constantFrom('permitted', 'excluded'), subtree).map(([kind, base]) => `${kind};${base}`))),
    ),
    maybe(
      'crlDistributionPoints',
      fc.constantFrom('URI:http://a.example/1', 'URI:http://a.example/1,URI:http://b.example/2', 'point1', 'point1,point2'),
    ),
    maybe(
      'authorityInfoAccess',
      list(fc.constantFrom('OCSP;URI:http://o.example', 'caIssuers;URI:http://i.example/ca', '1.2.3.4;DNS:x.example')),
    ),
    maybe('subjectKeyIdentifier', fc.constantFrom('hash', '0102', 'hash')),
    maybe('authorityKeyIdentifier', fc.constantFrom('keyid', 'keyid:always', 'keyid:always,issuer:always')),
    maybe('certificatePolicies', critical(fc.constantFrom('1.2.3.4', 'anyPolicy,@policy', '@policy'))),
    maybe('issuerAltName', list(name)),
    maybe('tlsfeature', fc.constant('status_request')),
    maybe('nsComment', fc.constant('"a comment"')),
    maybe('1.2.3.4.5', critical(fc.constantFrom('ASN1:UTF8:hello', 'DER:0500', 'DER:ff'))),
    maybe('1.2.3.4.6', fc.constant('ASN1:SEQUENCE:structure')),
  );
  const mask = fc.constantFrom('utf8only', 'nombstr', 'pkix', 'default', 'MASK:0x0800', 'MASK:0x0100');
  return fc.tuple(subject, joined, extensions, mask).map(([parts, joins, lines, stringMask]) =>
    [
      '[req]',
      'distinguished_name = subject\nprompt = no\nutf8 = yes\nx509_extensions = extensions\nreq_extensions = extensions',
      `string_mask = ${stringMask}`,
      '[subject]',
      // A plus before the type joins it with the part before.
      ...parts.map(([type, text], i) => `${i}.${i > 0 && joins[i] === true ? '+' : ''}${type} = ${text.replaceAll(/[\\#$"']/g, '\\$&')}`),
      '[extensions]',
      ...lines.filter((line) => line !== ''),
      '[directory]\n0.CN = one two\n1.CN = three',
      '[point1]\nfullname = URI:http://a.example/3,URI:http://a.example/4\nreasons = keyCompromise,CACompromise',
      '[point2]\nfullname = URI:http://a.example/5\nCRLissuer = dirName:directory',
      '[policy]\npolicyIdentifier = 1.3.5.8\nCPS.1 = http://cps.example/',
      '[structure]\na = INTEGER:1\nb = UTF8:x',
      '',
    ].join('\n'),
  );
})();

// Names of signers, `example.com/some-path` (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/#signers).

/** What is wrong with a signer's name. */
export const signerNameProblem = (name: string): string | undefined => {
  const [domain = '', path = '', ...more] = name.split('/');
  if (more.length > 0 || path === '' || domain === '')
    return 'must be a fully qualified domain and path of the form "example.com/signer-name"';
  if (name.length > 571) return 'must have at most 571 bytes';
  if (domain.split('.').length < 2) return 'should be a domain with at least two segments separated by dots';
  return /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(domain) && /^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$/.test(path)
    ? undefined
    : "must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
};

/** Whether a signer is one of Kubernetes' own. */
export const isKubernetesSigner = (name: string): boolean => /^(?:[^/]+\.)?kubernetes\.io\//.test(name);

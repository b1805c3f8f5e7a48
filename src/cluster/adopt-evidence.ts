// What certificates and kubeconfigs of an existing cluster tell, whatever laid them out: reading them, and the guesses that every layout
// needs. Only certificates and the server of kubeconfigs are read, never a key.

import { readdirSync, statSync } from 'node:fs';
import { readFileIfPresent, systemErrorCode } from '../base/atomic-file.ts';
import { CodedError, quote } from '../base/coded-error.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { commonNameOf } from '../pki/name.ts';
import { acceptPublicKey } from '../pki/public-key.ts';
import { parseFirstCertificate, type X509Certificate } from '../pki/x509-certificate.ts';
import type { AdoptedMachine, Learnt } from './adopted-plan.ts';
import { maxCertificateFileBytes } from './authority.ts';
import { parseKubeconfig } from './kubeconfig.ts';

export const maxFiles = 20_000;

export const namesIn = (directory: string): readonly string[] => {
  try {
    return readdirSync(directory).sort().slice(0, maxFiles);
  } catch (error) {
    if (systemErrorCode(error) === undefined) throw error;
    return [];
  }
};

export const certificateIn = (path: string): X509Certificate | undefined => {
  const bytes = readFileIfPresent(path, maxCertificateFileBytes);
  return bytes === undefined ? undefined : parseFirstCertificate(bytes, `certificate ${quote(path)}`);
};

export const isDirectory = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;

export const hoursOf = ({ notBefore, notAfter }: X509Certificate): number =>
  Math.max(1, Math.round((notAfter.getTime() - notBefore.getTime()) / 3_600_000));

export const addressesOf = (certificate: X509Certificate | undefined): readonly string[] =>
  (certificate?.subjectAltNames ?? []).flatMap((name) => (name.type === 'ip' ? [name.value] : []));
export const dnsNamesOf = (certificate: X509Certificate | undefined): readonly string[] =>
  (certificate?.subjectAltNames ?? []).flatMap((name) => (name.type === 'dns' ? [name.value] : []));

export const algorithmOf = (certificate: X509Certificate | undefined): Learnt<string> => {
  if (certificate === undefined) return { value: 'ecdsa-p256', doubt: 'no certificate tells the key algorithm' };
  const { algorithm } = acceptPublicKey(certificate.publicKey);
  return { value: algorithm };
};

export const clusterDomainOf = (names: readonly string[]): Learnt<string> => {
  const domain = names.map((name) => /^kubernetes\.default\.svc\.(.+)$/i.exec(name)?.[1]).find((found) => found !== undefined);
  return domain === undefined ? { value: 'cluster.local', doubt: 'no API server certificate tells the cluster domain' } : { value: domain };
};

/** The block that a service address is taken to be the first of. */
export const serviceCidrOf = (address: string | undefined): Learnt<string> => {
  if (address === undefined)
    return { value: '10.96.0.0/12', doubt: 'no API server certificate tells the address of the kubernetes service' };
  const octets = parseIpAddress(address);
  const isV4 = octets?.length === 4;
  const network = isV4 ? address.replace(/\d+$/, '0') : address.replace(/[0-9a-f]*$/i, '');
  return {
    value: isV4 ? `${network}/${octets[2] === 0 ? 16 : 24}` : `${network}/112`,
    doubt: `the kubernetes service is ${address}; how large its block is, certificates do not say`,
  };
};

/** Pods and services never share addresses. */
export const podCidrBeside = (serviceIp: string | undefined): Learnt<string> => ({
  value: serviceIp?.startsWith('172.16.') === true ? '10.244.0.0/16' : '172.16.0.0/16',
  doubt: 'certificates do not say which addresses pods have',
});

export const isLoopback = (address: string): boolean => address.startsWith('127.') || address === '::1';
export const isServiceName = (name: string): boolean => /^kubernetes(?:\.default(?:\.svc(?:\..+)?)?)?$/i.test(name);

export const hostPort = (server: string): string | undefined => {
  try {
    const { hostname, port, protocol } = new URL(server);
    return protocol === 'https:' && hostname !== '' ? `${hostname}:${port === '' ? '443' : port}` : undefined;
  } catch {
    // Not a URL: the plan's user is told that nothing says where the API server is.
    return undefined;
  }
};

/** What a kubeconfig says of the cluster; undefined where there is none that can be read. */
export const clusterIn = (
  path: string,
): { readonly name: string; readonly loadBalancer: string | undefined; readonly userCommonName: string | undefined } | undefined => {
  const bytes = readFileIfPresent(path, maxCertificateFileBytes);
  if (bytes === undefined) return undefined;
  try {
    const { clusterName, server, chain } = parseKubeconfig(bytes, quote(path));
    return {
      name: clusterName,
      loadBalancer: hostPort(server),
      userCommonName: chain[0] === undefined ? undefined : commonNameOf(chain[0].subject),
    };
  } catch (error) {
    if (error instanceof CodedError) return undefined;
    throw error;
  }
};

export const nodeOf = (commonName: string | undefined): string | undefined => /^system:node:(.+)$/.exec(commonName ?? '')?.[1];

export const noLoadBalancer = (machines: readonly AdoptedMachine[]): Learnt<string> => ({
  value: `${machines.find(({ roles }) => roles.includes('master'))?.ip.value ?? '192.0.2.1'}:6443`,
  doubt: 'no kubeconfig tells where clients reach the API servers',
});

export const loadBalancerOf = (found: string | undefined, machines: readonly AdoptedMachine[]): Learnt<string> =>
  found === undefined ? noLoadBalancer(machines) : { value: found };

export const unknownAddress: Learnt<string> = { value: '192.0.2.1', doubt: 'no certificate tells the address of this machine' };

/** Names of the API servers beyond those that every plan gives them. */
export const furtherNames = (servers: readonly X509Certificate[], own: ReadonlySet<string>): readonly string[] => {
  const [first, ...rest] = servers;
  if (first === undefined) return [];
  const all = [...dnsNamesOf(first), ...addressesOf(first)];
  return all
    .filter((name) => !own.has(name.toLowerCase()) && !isServiceName(name) && !isLoopback(name) && name !== 'localhost')
    .filter((name) => rest.every((other) => [...dnsNamesOf(other), ...addressesOf(other)].includes(name)));
};

export const lifetimes = (leaf: X509Certificate | undefined, ca: X509Certificate) => ({
  expiryHours: leaf === undefined ? { value: 8760, doubt: 'no certificate tells the lifetime' } : { value: hoursOf(leaf) },
  caExpiryHours: { value: hoursOf(ca) },
});

export const hasRole = (machines: readonly AdoptedMachine[], role: AdoptedMachine['roles'][number]): boolean =>
  machines.some(({ roles }) => roles.includes(role));

/** A plan needs a machine of each group; where none is known, a master stands for it. */
export const everyGroup = (machines: readonly AdoptedMachine[]): readonly AdoptedMachine[] => {
  const missing = (['etcd', 'master', 'worker'] as const).filter((role) => !hasRole(machines, role));
  const target = machines.find(({ roles }) => roles.includes('master')) ?? machines[0];
  if (missing.length === 0) return machines;
  const doubt = `no certificate tells which machines are ${missing.join(' or ')}`;
  if (target === undefined) return [{ host: 'master1', ip: unknownAddress, roles: ['etcd', 'master', 'worker'], extraSans: [], doubt }];
  return machines.map((machine) =>
    machine === target
      ? { ...machine, roles: [...machine.roles, ...missing], doubt: [machine.doubt, doubt].filter((text) => text !== undefined).join('; ') }
      : machine,
  );
};

export const ownNames = (machines: readonly AdoptedMachine[], serviceIp: string | undefined): ReadonlySet<string> =>
  new Set(
    [...machines.flatMap(({ host, ip, internalIp }) => [host, ip.value, internalIp ?? '']), serviceIp ?? ''].map((name) =>
      name.toLowerCase(),
    ),
  );

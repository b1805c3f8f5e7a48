// An EasyRSA `pki` read into a plan, as Charmed Kubernetes has it: which machines serve is known, what they are mostly is not.

import { join } from 'node:path';
import { CodedError, quote } from '../base/coded-error.ts';
import { parseIpAddress } from '../base/ip-address.ts';
import { attributeValues, commonNameOf } from '../pki/name.ts';
import { oid } from '../pki/oid.ts';
import type { X509Certificate } from '../pki/x509-certificate.ts';
import {
  addressesOf,
  algorithmOf,
  certificateIn,
  clusterDomainOf,
  dnsNamesOf,
  everyGroup,
  isLoopback,
  isServiceName,
  lifetimes,
  namesIn,
  noLoadBalancer,
  podCidrBeside,
  serviceCidrOf,
  unknownAddress,
} from './adopt-evidence.ts';
import type { AdoptedMachine, AdoptedPlan } from './adopted-plan.ts';

/** The plan of a directory with `ca.crt` and `issued/`. Throws FileNotFound. */
export const readEasyRsa = (pki: string, source: string): AdoptedPlan => {
  const ca = certificateIn(join(pki, 'ca.crt'));
  if (ca === undefined) throw new CodedError('FileNotFound', `cannot adopt ${quote(source)}: it holds no ca.crt`);
  const issued = namesIn(join(pki, 'issued'))
    .filter((name) => name.endsWith('.crt'))
    .flatMap((name) => certificateIn(join(pki, 'issued', name)) ?? []);
  const serving = issued.filter(({ extendedKeyUsage }) => extendedKeyUsage === undefined || extendedKeyUsage.includes(oid.serverAuth));
  const isApiServer = (certificate: X509Certificate): boolean => dnsNamesOf(certificate).some((name) => /^kubernetes\.default/i.test(name));
  const servers = serving.filter(isApiServer);
  const shared = addressesOf(servers[0]).filter(
    (address) => !isLoopback(address) && servers.every((other) => addressesOf(other).includes(address)),
  );
  const serviceIp = shared.find((address) => address.endsWith('.1') && commonNameOf(servers[0]?.subject ?? ca.subject) !== address);
  const machines = serving.map((certificate, index): AdoptedMachine => {
    const commonName = commonNameOf(certificate.subject) ?? '';
    const own = addressesOf(certificate).filter((address) => !isLoopback(address) && address !== serviceIp);
    const ip = parseIpAddress(commonName) === undefined ? own[0] : commonName;
    const names = dnsNamesOf(certificate).filter((name) => !isServiceName(name) && name !== 'localhost');
    const host =
      names.find((name) => !name.includes('.')) ??
      names[0] ??
      (parseIpAddress(commonName) === undefined ? commonName : `machine${index + 1}`);
    return {
      host,
      ip: ip === undefined ? unknownAddress : { value: ip },
      roles: isApiServer(certificate) ? ['master'] : ['worker'],
      extraSans: [],
      doubt: isApiServer(certificate) ? undefined : 'worker, etcd or load balancer: certificates of EasyRSA do not say',
    };
  });
  const hosts = new Set<string>();
  const unique = machines.filter(({ host }) => !hosts.has(host.toLowerCase()) && hosts.add(host.toLowerCase()));
  const complete = everyGroup(unique);
  const [organization] = attributeValues(ca.subject, oid.organization);
  return {
    source,
    clusterName: { value: organization ?? 'kubernetes', doubt: 'EasyRSA does not know the name of the cluster' },
    serviceCidr: serviceCidrOf(serviceIp),
    podCidr: podCidrBeside(serviceIp),
    ...lifetimes(serving[0] ?? issued[0], ca),
    extraSans: [],
    keyAlgorithm: algorithmOf(serving[0] ?? issued[0]),
    layout: 'kismatic',
    clusterDomain: clusterDomainOf(servers.flatMap(dnsNamesOf)),
    cniProvider: { value: 'calico', doubt: 'certificates do not say' },
    loadBalancer: noLoadBalancer(complete),
    machines: complete,
  };
};

// The PKI of a whole cluster under a real control plane, in both layouts, on our own CAs and on given intermediates.

import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { certificatePem, parseCertificates } from '../../src/pki/x509-certificate.ts';
import { apiServerPort, etcdClientPort } from '../../src/testing/control-plane.ts';
import { outcomeOf, type PemPair } from '../../src/testing/https-peer.ts';
import { etcdIp, masterIp } from './cluster-layouts.ts';
import { clusterPkiContract } from './cluster-pki.contract.ts';
import { type GivenAuthorities, giveIntermediates } from './given-authorities.ts';
import { issue, minuteMs } from './wrong-certificates.ts';

clusterPkiContract('layout kismatic', { layout: 'kismatic' });
clusterPkiContract('layout kubeadm', { layout: 'kubeadm' });

for (const layout of ['kismatic', 'kubeadm'] as const) {
  let given: GivenAuthorities;
  clusterPkiContract(`layout ${layout} on given intermediates`, {
    layout,
    prepare: async (out) => {
      given = await giveIntermediates(layout, out);
      return [];
    },
    more: (cluster) => {
      /** system:masters by an intermediate beside ours, with its chain, as a colleague of another department could hand it out. */
      const sibling = async (): Promise<PemPair> => {
        const identity = { commonName: 'intruder', organizations: ['system:masters'] };
        const pair = await issue(given.sibling, identity, ['client auth'], new Date(Date.now() + 10 * minuteMs));
        return { ...pair, certificate: pair.certificate + certificatePem(given.sibling.certificate) };
      };

      it('system:masters from a sibling intermediate under the same root is refused by the API server', async () => {
        const client = await sibling();
        const ca = readFileSync(cluster().serverTrust, 'utf8');
        assert.equal(await outcomeOf({ host: masterIp, port: apiServerPort, path: '/api', ca, client }), 'status 401');
      });

      it('a certificate from a sibling intermediate under the same root is refused by etcd', async () => {
        assert.match(
          await outcomeOf({ host: etcdIp('etcd1'), port: etcdClientPort, path: '/health', client: await sibling() }),
          /^refused: /,
        );
      });

      it('every file that clients are checked against holds exactly the given intermediate', () => {
        const { clientCa, etcdCa, requestHeaderCa } = cluster().controlPlane.apiServer;
        for (const file of [clientCa, etcdCa, requestHeaderCa, ...cluster().controlPlane.etcd.map(({ ca }) => ca)]) {
          const certificates = parseCertificates(readFileSync(file));
          assert.equal(certificates.length, 1, file);
          assert.notDeepEqual(certificates[0]?.raw, given.root.certificate.raw, file);
        }
      });

      it('served files carry the chain', () => {
        const served = parseCertificates(readFileSync(cluster().controlPlane.apiServer.serving.certificate));
        assert.equal(served.length, 2);
      });
    },
  });
}

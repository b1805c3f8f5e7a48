// What path validation asks of a path as a whole: path lengths, name constraints; and what its search costs (RFC 5280 section 6.1).

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { CodedError } from '../base/coded-error.ts';
import { intermediate, over, reason, refusal, refusedBy, root, verify } from '../testing/chain-verdicts.ts';
import { type ChainMember, chainCa, chainLeaf } from '../testing/chains.ts';
import { runs } from '../testing/runs.ts';
import type { SearchWork } from './chain-search.ts';
import { isSameName } from './name.ts';
import { defaultSearchLimits, type VerifyRequest } from './verify-chain.ts';
import { isCa, isSignedBy, type X509Certificate } from './x509-certificate.ts';

describe('path lengths (PKITS 4.6)', () => {
  const tower = (...lengths: readonly (number | undefined)[]) => {
    const cas: ChainMember[] = [];
    for (const [i, pathLength] of lengths.entries())
      cas.push(chainCa({ subject: `CN=CA${i}`, issuer: cas.at(-1) ?? root, ...(pathLength === undefined ? {} : { pathLength }) }));
    const lowest = cas.at(-1) ?? root;
    return { leaf: chainLeaf(lowest), lowest, changes: { intermediates: cas.map(({ certificate }) => certificate) } };
  };

  test('as many CAs as the length says may follow, the leaf not counted', () => {
    for (const lengths of [[0], [1, undefined], [1, 0], [2, 1, 0], [undefined, undefined, 0], [5, 0]]) {
      const { leaf, changes } = tower(...lengths);
      assert.equal(verify(leaf, changes).chain.length, lengths.length + 1, String(lengths));
    }
  });

  test('one more is refused, and a larger length below does not help', () => {
    for (const [lengths, subject] of [
      [[0, undefined], 'CN=CA0'],
      [[1, undefined, undefined], 'CN=CA0'],
      [[0, 5], 'CN=CA0'],
      [[undefined, 0, undefined], 'CN=CA1'],
    ] as const) {
      const { leaf, changes } = tower(...lengths);
      refusedBy('path-length', subject, leaf, changes);
    }
  });

  test('a CA as the last certificate is not counted either', () => {
    const { lowest, changes } = tower(0);
    const ca = chainCa({ subject: 'CN=Last', issuer: lowest }).certificate;
    assert.equal(verify(ca, { ...changes, purposes: [] }).chain.length, 2);
  });

  test('self-issued CAs are not counted', () => {
    const limited = chainCa({ subject: 'CN=Limited', issuer: root, pathLength: 0 });
    const again = chainCa({ subject: 'CN=Limited', issuer: limited });
    assert.equal(verify(chainLeaf(again), { intermediates: [limited.certificate, again.certificate] }).chain.length, 3);
    const other = chainCa({ subject: 'CN=Other', issuer: again });
    refusedBy('path-length', 'CN=Limited', chainLeaf(other), {
      intermediates: [limited, again, other].map(({ certificate }) => certificate),
    });
  });
});

describe('name constraints (PKITS 4.13)', () => {
  const dns = (value: string) => ({ type: 'dns', value }) as const;

  test('a CA may vouch only for what it is permitted, and every CA above counts', () => {
    const { leaf, changes } = over({ permitted: [dns('example')] }, { names: [dns('leaf.example')] });
    assert.ok(verify(leaf, changes));
    const outside = over({ permitted: [dns('example')] }, { names: [dns('leaf.example'), dns('evil.org')] });
    refusedBy('name-constraints', 'CN=leaf', outside.leaf, outside.changes);
    const high = chainCa({ subject: 'CN=High', issuer: root, excluded: [dns('secret.example')] });
    const low = chainCa({ subject: 'CN=Low', issuer: high, permitted: [dns('example')] });
    const below = chainLeaf(low, { names: [dns('*.example')] });
    refusedBy('name-constraints', 'CN=leaf', below, { intermediates: [high.certificate, low.certificate] });
  });

  test('permissions of two CAs meet: what one permits alone is refused', () => {
    const high = chainCa({ subject: 'CN=High', issuer: root, permitted: [dns('a.example')] });
    const low = chainCa({ subject: 'CN=Low', issuer: high, permitted: [dns('b.example'), dns('example')] });
    const intermediates = [high.certificate, low.certificate];
    assert.ok(verify(chainLeaf(low, { names: [dns('x.a.example')] }), { intermediates }));
    refusedBy('name-constraints', 'CN=leaf', chainLeaf(low, { names: [dns('x.b.example')] }), { intermediates });
  });

  test('the names of CAs below are judged, those of self-issued ones are not, those of a self-issued leaf are', () => {
    const permitted = [{ type: 'directoryName', name: chainCa({ subject: 'O=Example' }).certificate.subject }] as const;
    const limited = chainCa({ subject: 'CN=Limited', issuer: root, permitted });
    const stranger = chainCa({ subject: 'CN=Stranger', issuer: limited });
    refusedBy('name-constraints', 'CN=Stranger', chainLeaf(stranger, { subject: 'CN=leaf,O=Example' }), {
      intermediates: [limited.certificate, stranger.certificate],
    });
    const again = chainCa({ subject: 'CN=Limited', issuer: limited });
    const intermediates = [limited.certificate, again.certificate];
    assert.ok(verify(chainLeaf(again, { subject: 'CN=leaf,O=Example' }), { intermediates }));
    refusedBy('name-constraints', 'CN=Limited', chainLeaf(again, { subject: 'CN=Limited' }), { intermediates });
  });
});

let meshes = 0;

/** Layers of CAs, all of a layer of one name, each certified by each CA of the layer above; without key identifiers to find the way by. */
const mesh = (
  layers: number,
  width: number,
  nameOf: (layer: number) => string,
): { readonly leaf: X509Certificate; readonly certificates: X509Certificate[] } => {
  const certificates: X509Certificate[] = [];
  const base = 100_000 * ++meshes;
  const keyOf = (layer: number, place: number): number => base + layer * 100 + place;
  const member = (layer: number, place: number, issuer: ChainMember): ChainMember =>
    chainCa({ subject: nameOf(layer), key: keyOf(layer, place), issuer, withoutKeyIdentifiers: true });
  let above: readonly ChainMember[] = [root];
  for (let layer = layers - 1; layer >= 0; layer--) {
    const next: ChainMember[] = [];
    for (let place = 0; place < width; place++) for (const issuer of above) next.push(member(layer, place, issuer));
    certificates.push(...next.map(({ certificate }) => certificate));
    above = next.filter((_, i) => i % above.length === 0);
  }
  const lowest = above.at(-1) ?? root;
  return { leaf: chainLeaf(lowest, { withoutKeyIdentifiers: true }), certificates };
};

/** CAs of one name that certify each other crosswise: a mesh without a top. */
const ring = (size: number): ReturnType<typeof mesh> => {
  const base = 100_000 * ++meshes;
  const nowhere = chainCa({ subject: 'CN=Nowhere' });
  const members = Array.from({ length: size }, (_, i) => chainCa({ subject: 'CN=Ring', key: base + i, issuer: nowhere }));
  const certificates = members.flatMap((member) =>
    members
      .filter((issuer) => issuer !== member)
      .map((issuer) => chainCa({ subject: 'CN=Ring', key: member.key, issuer, withoutKeyIdentifiers: true }).certificate),
  );
  return { leaf: chainLeaf(members[0] ?? nowhere, { withoutKeyIdentifiers: true }), certificates };
};

const workOf = (leaf: X509Certificate, changes: Partial<VerifyRequest>): SearchWork =>
  (refusal(leaf, changes).details as { work: SearchWork }).work;

describe('the cost of the search', () => {
  test('a path through a cross-signed mesh is found with few signatures', () => {
    const { leaf, certificates } = mesh(5, 4, (layer) => `CN=Layer ${layer}`);
    assert.equal(certificates.length, 4 + 4 * 16);
    const { chain, work } = verify(leaf, { intermediates: certificates });
    assert.equal(chain.length, 6);
    assert.ok(work.signatureChecks <= 24, String(work.signatureChecks));
  });

  test('a mesh that leads nowhere is given up after every edge was tried once, not every path', () => {
    const { leaf, certificates } = mesh(6, 4, (layer) => `CN=Layer ${layer}`);
    const stranger = chainCa({ subject: 'CN=Root' });
    const work = workOf(leaf, { intermediates: certificates, anchors: [stranger.certificate], maxSignatureChecks: 10_000 });
    // 4^6 paths, but 84 certificates that each have at most 16 of the next layer's name to try.
    assert.ok(work.steps <= 84 * 17, String(work.steps));
    assert.ok(work.signatureChecks <= 84 * 5, String(work.signatureChecks));
    assert.equal(
      reason(leaf, { intermediates: certificates, anchors: [stranger.certificate], maxSignatureChecks: 10_000 }).rule,
      'signature',
    );
  });

  test('signature checks stop at the cap, and a path that lies within it is found', () => {
    const { leaf, certificates } = mesh(3, 5, (layer) => `CN=Layer ${layer}`);
    const { work } = verify(leaf, { intermediates: certificates });
    assert.ok(verify(leaf, { intermediates: certificates, maxSignatureChecks: work.signatureChecks }).chain.length === 4);
    const changes = { intermediates: certificates, maxSignatureChecks: work.signatureChecks - 1 };
    assert.deepEqual(
      [reason(leaf, changes).rule, reason(leaf, changes).message],
      ['search-limit', `the search stopped after ${work.signatureChecks - 1} signature checks`],
    );
    assert.equal(workOf(leaf, changes).signatureChecks, work.signatureChecks - 1);
  });

  test('a ring without a way out ends at the cap of signatures, and without that at the cap of steps', () => {
    const { leaf, certificates } = ring(10);
    assert.equal(workOf(leaf, { intermediates: certificates }).signatureChecks, 100);
    const work = workOf(leaf, { intermediates: certificates, maxSignatureChecks: 1_000_000 });
    assert.equal(work.steps, defaultSearchLimits.steps);
    assert.ok(work.signatureChecks <= 90 * 10 + 10);
  });

  test('no path comes back to a CA it has passed', () => {
    const { leaf, certificates } = ring(3);
    // Three CAs, each certified by the two others: from the leaf's CA two ways of two steps each, and no more.
    assert.ok(workOf(leaf, { intermediates: certificates }).steps <= 60);
  });

  test('the way to an anchor at hand is taken before a longer one that key identifiers speak for', () => {
    const other = chainCa({ subject: 'CN=Other Root' });
    const plain = chainCa({ subject: 'CN=Crossed', withoutKeyIdentifiers: true });
    const crossed = chainCa({ subject: 'CN=Crossed', key: plain.key, issuer: other });
    const verified = verify(chainLeaf(crossed), { intermediates: [crossed.certificate], anchors: [other.certificate, plain.certificate] });
    assert.equal(verified.chain.length, 1);
    assert.ok(verified.anchor === plain.certificate);
  });

  test('a way out of a ring is found', () => {
    const { leaf, certificates } = ring(6);
    const [, , , last] = certificates;
    const way = chainCa({ subject: 'CN=Ring', issuer: root, key: 100_000 * meshes + 3, withoutKeyIdentifiers: true });
    assert.ok(last);
    const { chain, anchor } = verify(leaf, { intermediates: [...certificates, way.certificate] });
    assert.equal(anchor.raw, root.certificate.raw);
    assert.equal(chain.at(-1)?.raw, way.certificate.raw);
  });

  test('comparisons of names stop at their cap', () => {
    const bases = Array.from({ length: 400 }, (_, i) => ({ type: 'dns', value: `x${i}.example` }) as const);
    const names = Array.from({ length: 600 }, (_, i) => ({ type: 'dns', value: `n${i}.example` }) as const);
    const cas = Array.from({ length: 20 }, (_, i) =>
      chainCa({
        subject: 'CN=Limited',
        issuer: root,
        key: 500,
        permitted: i < 19 ? bases : [{ type: 'dns', value: 'example' }],
        withoutKeyIdentifiers: true,
      }),
    );
    const leaf = chainLeaf(cas[0] ?? root, { names, withoutKeyIdentifiers: true });
    const changes = { intermediates: cas.map(({ certificate }) => certificate) };
    const { comparisons } = workOf(leaf, changes);
    assert.ok(
      comparisons >= defaultSearchLimits.comparisons && comparisons < defaultSearchLimits.comparisons + 250_000,
      String(comparisons),
    );
    assert.equal(reason(leaf, changes).rule, 'search-limit');
    assert.equal(verify(leaf, { intermediates: changes.intermediates.slice(15) }).chain.length, 2);
  });

  test('a path of more than 32 certificates is refused', () => {
    const tower: ChainMember[] = [];
    for (let i = 0; i < 32; i++) tower.push(chainCa({ subject: `CN=CA${i}`, issuer: tower.at(-1) ?? root }));
    const intermediates = tower.map(({ certificate }) => certificate);
    assert.equal(verify(chainLeaf(tower.at(-2) ?? root), { intermediates }).chain.length, 32);
    const { rule, message } = reason(chainLeaf(tower.at(-1) ?? root), { intermediates });
    assert.deepEqual([rule, message], ['search-limit', 'the path has more than 32 certificates']);
  });
});

/** Whether names and signatures alone lead from a certificate to an anchor over CAs. */
const reaches = (leaf: X509Certificate, intermediates: readonly X509Certificate[], anchors: readonly X509Certificate[]): boolean => {
  const reached = new Set([leaf]);
  for (const certificate of reached) {
    if (certificate === leaf && anchors.includes(leaf)) return true;
    for (const issuer of [...anchors, ...intermediates])
      if (isCa(issuer) && isSameName(certificate.issuer, issuer.subject) && isSignedBy(certificate, issuer)) {
        if (anchors.includes(issuer)) return true;
        reached.add(issuer);
      }
  }
  return false;
};

describe('the search against arbitrary pools', () => {
  test('whatever certificates are mixed, the outcome is a path of certificates each signed by the next, or ChainInvalid', () => {
    const cas = [root, intermediate];
    for (let i = 0; i < 6; i++)
      cas.push(chainCa({ subject: `CN=Pool ${i % 3}`, key: 600 + (i % 4), issuer: cas[(i * 5) % cas.length] ?? root }));
    const leaves = cas.map((ca) => chainLeaf(ca));
    const all = [...cas.map(({ certificate }) => certificate), ...leaves];
    const pool = fc.subarray(all.map((_, i) => i));
    const chosen = (places: readonly number[]): X509Certificate[] => places.flatMap((place) => all[place] ?? []);
    fc.assert(
      fc.property(fc.nat(leaves.length - 1), pool, pool, (place, below, above) => {
        const leaf = leaves[place] ?? assert.fail();
        const [intermediates, anchors] = [chosen(below), chosen(above)];
        try {
          const { chain, anchor } = verify(leaf, { intermediates, anchors });
          assert.equal(chain[0], leaf);
          assert.ok(anchors.includes(anchor));
          if (anchor !== leaf) for (const [i, certificate] of chain.entries()) assert.ok(isSignedBy(certificate, chain[i + 1] ?? anchor));
          for (const certificate of chain.slice(1)) assert.ok(intermediates.includes(certificate) || anchors.includes(certificate));
        } catch (error) {
          assert.ok(error instanceof CodedError && error.code === 'ChainInvalid', String(error));
          // Where every step up to an anchor is at hand, refusing would be wrong: the pool has no other fault than missing parts.
          assert.ok(!reaches(leaf, intermediates, anchors));
        }
      }),
      { numRuns: runs(500, 20_000) },
    );
  });
});

// The contract itself: no line of it without a case or a reason, and no reason that has outlived its case.

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { kubectlSessions } from './kubectl/kubectl-session.ts';
import { contractIds, proofs, unasked } from './parity/contract.ts';

describe('the parity contract', () => {
  test('has a case or a stated reason for every line, and not both', () => {
    const asked = proofs();
    assert.deepEqual(
      contractIds.filter((id) => !asked.has(id) && unasked[id] === undefined),
      [],
      'neither a case nor a reason',
    );
    assert.deepEqual(
      Object.keys(unasked).filter((id) => asked.has(id)),
      [],
      'these are asked by now: take their reasons out of contract.ts',
    );
  });

  test('is all that cases and sessions call by its numbers', () => {
    assert.deepEqual(
      [...proofs().keys()].filter((id) => /^C\d/.test(id) && !contractIds.includes(id)),
      [],
    );
  });

  test('is proved by sections that hold commands', () => {
    for (const { name, sections } of kubectlSessions())
      for (const { title, steps } of sections) assert.ok(steps.length > 0, `${name}: ${title}`);
  });
});

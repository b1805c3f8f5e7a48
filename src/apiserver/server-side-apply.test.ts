import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import { configMapKind } from '../api/kinds/config-map.ts';
import { deploymentKind } from '../api/kinds/workload.ts';
import { type Fields, isSameJson, type KubernetesObject } from '../api/object.ts';
import { isCodedError } from '../base/coded-error.ts';
import { runs } from '../testing/runs.ts';
import { managedBefore, type TrackedWrite, trackUpdate, writeManaged } from './managed-fields.ts';
import { type Applied, applyConfiguration, blank } from './server-side-apply.ts';

const time = '2026-01-01T00:00:00Z';
const by = (manager: string, kind = configMapKind, at = time): TrackedWrite => ({ kind, subresource: '', manager, time: at });
const configMap = (data: Fields, metadata: Fields = {}): KubernetesObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name: 'c', ...metadata },
  data,
});
const stored = ({ object, managedFields }: Applied): KubernetesObject => ({
  ...object,
  metadata: { ...object.metadata, creationTimestamp: time, managedFields },
});
const fieldsOfManagers = (object: KubernetesObject): Fields =>
  Object.fromEntries(
    (object.metadata.managedFields ?? []).map(({ manager, operation, fieldsV1 }) => [`${operation} ${manager}`, fieldsV1]),
  );

describe('server-side apply', () => {
  test('an object that nobody is recorded to manage gets a first owner', () => {
    const live = configMap({ a: '1' }, { creationTimestamp: time });
    const { managedFields } = applyConfiguration(by('m'), live, configMap({ a: '1' }), false);
    assert.deepEqual(
      managedFields.map(({ manager, operation }) => [manager, operation]),
      [
        ['m', 'Apply'],
        ['before-first-apply', 'Update'],
      ],
    );
  });
  test('the same again keeps its time; something else gets a new one', () => {
    const first = stored(applyConfiguration(by('m'), blank(configMap({})), configMap({ a: '1' }), false));
    const later = by('m', configMapKind, '2026-01-02T00:00:00Z');
    assert.deepEqual(applyConfiguration(later, first, configMap({ a: '1' }), false).managedFields, first.metadata.managedFields);
    assert.equal(applyConfiguration(later, first, configMap({ a: '2' }), false).managedFields[0]?.time, later.time);
  });
  test('the order of a configuration counts, and what it does not name stays before what came after it', () => {
    const deployment = (...names: readonly string[]): KubernetesObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { template: { spec: { containers: names.map((name) => ({ name })) } } },
    });
    const order = (old: readonly string[], now: readonly string[]): string => {
      const live = stored(applyConfiguration(by('m1', deploymentKind), blank(deployment()), deployment(...old), false));
      const { object } = applyConfiguration(by('m2', deploymentKind), live, deployment(...now), false);
      return (
        object as unknown as ReturnType<typeof deployment> & { spec: { template: { spec: { containers: { name: string }[] } } } }
      ).spec.template.spec.containers
        .map(({ name }) => name)
        .join('');
    };
    assert.equal(order(['z', 'y', 'x'], ['x', 'z']), 'yxz');
    assert.equal(order(['x', 'y', 'z'], ['z', 'x']), 'yzx');
    assert.equal(order(['a', 'b'], ['n']), 'abn');
    assert.equal(order(['a', 'b'], ['n', 'a']), 'nab');
    assert.equal(order([], ['n', 'a']), 'na');
  });
  test('many updaters are gathered into one', () => {
    let object = configMap({}, { creationTimestamp: time });
    let managed = managedBefore(undefined, []);
    for (let i = 0; i < 25; i++) {
      const next = configMap({ ...(object['data'] as Fields), [`k${i}`]: '1' }, { creationTimestamp: time });
      managed = trackUpdate(by(`m${i}`, configMapKind, `2026-01-01T00:00:${10 + i}Z`), object, next, managed);
      object = next;
    }
    const entries = writeManaged(managed);
    assert.equal(entries.length, 10);
    const ancient = entries.find(({ manager }) => manager === 'ancient-changes');
    assert.equal(Object.keys((ancient?.fieldsV1?.['f:data'] ?? {}) as Fields).length, 16);
    assert.ok(entries.some(({ manager }) => manager === 'm24'));
  });
  test('entries of a list that have no key make the list one value', () => {
    const of = (containers: unknown): KubernetesObject => ({
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'd' },
      spec: { template: { spec: { containers } } },
    });
    const twice = [{ name: 'a' }, { name: 'a' }];
    assert.throws(
      () => applyConfiguration(by('m', deploymentKind), blank(of([])), of(twice), false),
      (error) => isCodedError(error) && error.code === 'BadRequest' && error.message.includes('.spec.template.spec.containers'),
    );
    const managed = trackUpdate(by('m', deploymentKind), blank(of([])), of(twice), []);
    assert.deepEqual(fieldsOfManagers({ ...of(twice), metadata: { managedFields: writeManaged(managed) } }), {
      'Update m': { 'f:spec': { '.': {}, 'f:template': { '.': {}, 'f:spec': { '.': {}, 'f:containers': {} } } } },
    });
  });

  const key = fc.constantFrom('a', 'b', 'c');
  const data = fc.dictionary(key, fc.constantFrom('1', '2'), { maxKeys: 3, noNullPrototype: true });
  const manager = fc.constantFrom('m1', 'm2', 'm3');
  const step = fc.record({ manager, data, force: fc.boolean(), operation: fc.constantFrom('apply', 'update') });

  test('whoever applies has what they asked for, once and for all', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 12 }), (steps) => {
        let live: KubernetesObject = blank(configMap({}));
        for (const { manager: name, data: wanted, force, operation } of steps) {
          if (operation === 'update') {
            const next = { ...configMap(wanted, { creationTimestamp: time }) };
            const managed = writeManaged(trackUpdate(by(name), live, next, managedBefore(undefined, live.metadata.managedFields)));
            live = { ...next, metadata: { ...next.metadata, managedFields: managed } };
            continue;
          }
          try {
            const applied = applyConfiguration(by(name), live, configMap(wanted), force);
            const found = (applied.object['data'] ?? {}) as Fields;
            for (const [field, value] of Object.entries(wanted)) assert.equal(found[field], value);
            const own = fieldsOfManagers(stored(applied))[`Apply ${name}`];
            assert.deepEqual(
              Object.keys(((own as Fields | undefined)?.['f:data'] ?? {}) as Fields).filter((each) => each !== '.'),
              Object.keys(wanted)
                .map((each) => `f:${each}`)
                .sort(),
            );
            live = stored(applied);
            // Again changes nothing, forced or not.
            const again = applyConfiguration(by(name, configMapKind, 'later'), live, configMap(wanted), false);
            assert.ok(isSameJson(stored(again), live));
          } catch (error) {
            assert.ok(isCodedError(error) && error.code === 'Conflict' && !force, String(error));
          }
        }
      }),
      { numRuns: runs(300, 6000) },
    );
  });
  test('what two want alike is no conflict, and stays when one leaves', () => {
    fc.assert(
      fc.property(data, (wanted) => {
        const one = stored(applyConfiguration(by('m1'), blank(configMap({})), configMap(wanted), false));
        const both = stored(applyConfiguration(by('m2'), one, configMap(wanted), false));
        const { object } = applyConfiguration(by('m1'), both, configMap({}), false);
        assert.deepEqual(object['data'] ?? {}, wanted);
      }),
      { numRuns: runs(100, 2000) },
    );
  });
});

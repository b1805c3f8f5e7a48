import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { coded } from '../testing/coded-errors.ts';
import { bodyType, negotiate, patchType, patchTypesOf } from './media-type.ts';
import { parseResourcePath } from './request-path.ts';

describe('a path', () => {
  const parts = (path: string) => {
    const found = parseResourcePath(path);
    return (
      found &&
      [found.group, found.version, found.plural, found.namespace, found.name, found.subresource].map((part) => part ?? '-').join(' ')
    );
  };
  test('names what it asks for', () => {
    assert.deepEqual(
      Object.fromEntries(
        [
          '/api/v1',
          '/api/v1/secrets',
          '/api/v1/namespaces',
          '/api/v1/namespaces/n',
          '/api/v1/namespaces/n/status',
          '/api/v1/namespaces/n/finalize',
          '/api/v1/namespaces/n/secrets',
          '/api/v1/namespaces/n/secrets/',
          '/api/v1/namespaces/n/secrets/a%2Fb',
          '/apis/g.x/v1/namespaces/n/things/t/status',
          '/apis/g.x/v1/things/t/scale',
        ].map((path) => [path, parts(path)]),
      ),
      {
        '/api/v1': ' v1 - - - -',
        '/api/v1/secrets': ' v1 secrets - - -',
        '/api/v1/namespaces': ' v1 namespaces - - -',
        '/api/v1/namespaces/n': ' v1 namespaces - n -',
        '/api/v1/namespaces/n/status': ' v1 namespaces - n status',
        '/api/v1/namespaces/n/finalize': ' v1 namespaces - n finalize',
        '/api/v1/namespaces/n/secrets': ' v1 secrets n - -',
        '/api/v1/namespaces/n/secrets/': ' v1 secrets n - -',
        '/api/v1/namespaces/n/secrets/a%2Fb': ' v1 secrets n a/b -',
        '/apis/g.x/v1/namespaces/n/things/t/status': 'g.x v1 things n t status',
        '/apis/g.x/v1/things/t/scale': 'g.x v1 things - t scale',
      },
    );
  });

  test('with a part too many, an empty one or broken encoding names nothing', () => {
    for (const path of ['/api/v1/a/b/c/d', '/api//v1/secrets', '/api/v1/namespaces//secrets', '/healthz', '/apis/g'])
      assert.equal(parts(path), undefined, path);
    assert.throws(() => parts('/api/v1/secrets/%zz'), coded('BadRequest'));
  });
});

describe('media types', () => {
  test('of bodies: none is JSON, unknown ones are refused', () => {
    assert.equal(bodyType(undefined), 'application/json');
    assert.equal(bodyType('Application/JSON; charset=utf-8'), 'application/json');
    assert.equal(bodyType('application/vnd.kubernetes.protobuf'), 'application/vnd.kubernetes.protobuf');
    assert.throws(() => bodyType('text/plain'), coded('UnsupportedMediaType'));
    assert.throws(() => patchType('application/json', patchTypesOf({ isCustom: false })), coded('UnsupportedMediaType'));
    assert.throws(
      () => patchType('application/strategic-merge-patch+json', patchTypesOf({ isCustom: true })),
      coded('UnsupportedMediaType'),
    );
  });

  test('of answers: the first clause that can be answered', () => {
    const answer = (accept: string | undefined) => {
      const { shape, format } = negotiate(accept);
      return `${shape} ${format}`;
    };
    assert.equal(answer(undefined), 'object json');
    assert.equal(answer('application/vnd.kubernetes.protobuf,application/json'), 'object json');
    assert.equal(answer('application/json;as=Table;v=v1;g=meta.k8s.io,application/json'), 'table json');
    assert.equal(answer('application/json;as=Table;v=v9;g=meta.k8s.io,application/json'), 'object json');
    assert.equal(answer('application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1'), 'metadata json');
    assert.equal(answer('application/yaml'), 'object yaml');
    assert.equal(answer('application/json, */*;q=0.8'), 'object json');
    for (const accept of ['text/html', 'application/vnd.kubernetes.protobuf'])
      assert.throws(() => negotiate(accept), coded('NotAcceptable'), accept);
  });
});

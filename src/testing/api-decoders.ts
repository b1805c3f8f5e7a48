// Every decoder of the API server that is fed by clients, by name, with samples of what it reads; as decoders.ts has them of the PKI core.

import { generateKeyPairSync } from 'node:crypto';
import { conform } from '../api/conform.ts';
import { parseFieldSelector } from '../api/field-selector.ts';
import { parseJsonPath } from '../api/json-path.ts';
import { certificateSigningRequestKind } from '../api/kinds/certificate-signing-request.ts';
import { parseLabelSelector } from '../api/label-selector.ts';
import { type Fields, isFields, type KubernetesObject } from '../api/object.ts';
import { modelSchema } from '../api/schema.ts';
import { decodeContinue } from '../apiserver/continue-token.ts';
import { applyJsonPatch, PatchFailure } from '../apiserver/json-patch.ts';
import { bodyType, negotiate, patchType, patchTypesOf } from '../apiserver/media-type.ts';
import { applyMergePatch } from '../apiserver/merge-patch.ts';
import { parseJson, readBody } from '../apiserver/read-body.ts';
import { parseResourcePath } from '../apiserver/request-path.ts';
import { makeToken, tokenKey, verifyToken } from '../apiserver/service-account-token.ts';
import { applyStrategicMergePatch } from '../apiserver/strategic-merge-patch.ts';
import { fromUtf8, toUtf8 } from '../base/bytes.ts';
import { isCodedError } from '../base/coded-error.ts';
import type { Decoder } from './decoders.ts';

const onText =
  (decode: (text: string) => unknown) =>
  (bytes: Uint8Array): unknown =>
    decode(fromUtf8(bytes) ?? '');
const texts = (...samples: readonly string[]): readonly Uint8Array[] => samples.map(toUtf8);

const pod = {
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: 'p', labels: { a: 'b' } },
  spec: { containers: [{ name: 'c', image: 'i', env: [{ name: 'n', value: 'v' }] }] },
};
const podSchema = modelSchema('V1Pod');
const yaml =
  'apiVersion: v1\nkind: Pod\nmetadata:\n  name: &n p\n  labels: {a: "b", c: *n}\nspec:\n  containers:\n  - name: c\n    args: [-x, |\n';
const patch = JSON.stringify({
  metadata: { labels: { a: null }, '$deleteFromPrimitiveList/finalizers': ['f'] },
  spec: { containers: [{ name: 'c', env: [{ $patch: 'delete', name: 'n' }] }], '$setElementOrder/containers': [{ name: 'c' }] },
});
const jsonPatch = JSON.stringify([
  { op: 'add', path: '/metadata/labels/x', value: 'y' },
  { op: 'copy', from: '/spec/containers/0', path: '/spec/containers/-' },
  { op: 'test', path: '/kind', value: 'Pod' },
]);
// An envelope around a ConfigMap named c.
const protobuf = Uint8Array.from(Buffer.from('6b3873000a0f0a027631120' + '9436f6e6669674d617012050a030a0163', 'hex'));

const key = tokenKey(generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey, 'https://issuer');
const at = new Date('2026-01-01T00:00:00Z');
const token = makeToken(key, {
  audiences: ['a'],
  issuedAt: at,
  expiresAt: new Date(at.getTime() + 3_600_000),
  namespace: 'n',
  serviceAccount: { name: 's', uid: 'u' },
});
const nobody = { get: () => undefined, list: () => [] };

const readPod = (body: Uint8Array, type: Parameters<typeof readBody>[1]): unknown => conform(readBody(body, type), podSchema, 'Pod', 'v1');
const asObject = (value: unknown): Fields => (isFields(value) ? value : {});

const known = {
  'JSON body': { decode: (bytes) => readPod(bytes, 'application/json'), samples: texts(JSON.stringify(pod)) },
  'YAML body': { decode: (bytes) => readPod(bytes, 'application/yaml'), samples: texts(yaml, JSON.stringify(pod)) },
  'protobuf body': { decode: (bytes) => readBody(bytes, 'application/vnd.kubernetes.protobuf'), samples: [protobuf] },
  'JSON patch': { decode: (bytes) => applyJsonPatch(pod, parseJson(bytes)), samples: texts(jsonPatch) },
  'merge patch': { decode: (bytes) => applyMergePatch(pod, readBody(bytes, 'application/json')), samples: texts(patch) },
  'strategic merge patch': {
    decode: (bytes) => applyStrategicMergePatch(pod, asObject(readBody(bytes, 'application/json')), podSchema),
    samples: texts(patch),
  },
  'label selector': {
    decode: onText((text) => parseLabelSelector(text)?.({ a: 'b' })),
    samples: texts('a=b,!c,d in (e,f), g notin (h),i>1,j!=k'),
  },
  'field selector': {
    decode: onText((text) => parseFieldSelector(text, { 'metadata.name': (object) => object.metadata.name ?? '' })?.selects(pod)),
    samples: texts('metadata.name=a\\,b,metadata.name!=c'),
  },
  token: {
    decode: onText((text) => verifyToken(key, text, { source: nobody, at, audiences: ['a'] })),
    samples: texts(token),
  },
  'continue token': {
    decode: onText(decodeContinue),
    samples: texts(Buffer.from('{"v":"meta.k8s.io/v1","rv":7,"start":"n/a\\u0000"}').toString('base64url')),
  },
  'request for a signature': {
    decode: onText((text) => {
      const object: KubernetesObject = {
        apiVersion: 'certificates.k8s.io/v1',
        kind: 'CertificateSigningRequest',
        metadata: { name: 'c' },
        spec: { request: Buffer.from(text, 'latin1').toString('base64'), signerName: 'a.example/b', usages: ['client auth'] },
      };
      return certificateSigningRequestKind.problems(object);
    }),
    samples: texts('-----BEGIN CERTIFICATE REQUEST-----\nMAMCAQA=\n-----END CERTIFICATE REQUEST-----\n'),
  },
  JSONPath: {
    decode: onText((text) => parseJsonPath(text)?.(pod)),
    samples: texts('.spec.containers[?(@.name=="c")].env[0].name', ".metadata['labels'].a", '.spec.containers[*].image', '.a\\.b[-1]'),
  },
  'Accept header': {
    decode: onText(negotiate),
    samples: texts('application/json;as=Table;v=v1;g=meta.k8s.io,application/vnd.kubernetes.protobuf;q=0.8,*/*'),
  },
  'Content-Type header': {
    decode: onText((text) => [bodyType(text), patchType(text, patchTypesOf({ isCustom: false }))]),
    samples: texts('application/json; charset=utf-8', 'application/merge-patch+json'),
  },
  'request path': {
    decode: onText(parseResourcePath),
    samples: texts('/api/v1/namespaces/n/pods/p/status', '/apis/apps/v1/deployments', '/apis/g/v/r/%61%2F'),
  },
} as const satisfies Record<string, Decoder>;

export type ApiDecoderName = keyof typeof known;

export const apiDecoders: Readonly<Record<ApiDecoderName, Decoder>> = known;
export const apiDecoderNames = Object.keys(known) as readonly ApiDecoderName[];

/** Whether the decoder took the bytes; what it throws must be one of the errors that become a Status, anything else goes on. */
export const takes = (name: ApiDecoderName, bytes: Uint8Array): boolean => {
  try {
    known[name].decode(bytes);
    return true;
  } catch (error) {
    if (isCodedError(error) || error instanceof PatchFailure) return false;
    throw error;
  }
};

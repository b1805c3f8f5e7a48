// `node scripts/generate-protobuf-fields.ts DIRECTORY`: the field numbers of the messages that clients send as protobuf, out of the Go types of Kubernetes, for
// the models of src/api/kubernetes-models.json: names and numbers, no text. DIRECTORY holds the modules k8s.io/api, apimachinery and kube-aggregator,
// as `go mod download` leaves them under k8s.io. Written to src/apiserver/protobuf-fields.json.

import { globSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './repository.ts';

const [directory = ''] = process.argv.slice(2);
const models = JSON.parse(readFileSync(join(root, 'src/api/kubernetes-models.json'), 'utf8')) as Record<string, Record<string, string>>;

type Field = {
  readonly number: string;
  readonly name: string;
  /** Whether JSON has its fields in the object around it. */
  readonly isInline: boolean;
  readonly isPointer: boolean;
  readonly isOmittedEmpty: boolean;
  /** A package and a name. */
  readonly type: string;
};

const structs = new Map<string, readonly Field[]>();
const aliases = new Map<string, string>();

/** `k8s.io/api/core/v1` as `core/v1`; of apimachinery the last parts. */
const packageOf = (path: string): string => path.replace(/^k8s\.io\/(?:api|apimachinery\/pkg(?:\/apis)?|kube-aggregator\/pkg\/apis)\//, '');

const plainType = (text: string): string => text.replace(/^(?:\*|\[\]|map\[\w+\])+/, '');

const readFile = (file: string, name: string): void => {
  const text = readFileSync(file, 'utf8');
  const imports = new Map(
    [...text.matchAll(/^\s*(?:(\w+)\s+)?"(k8s\.io\/[^"]+)"/gm)].map(([, alias, path = '']) => [
      alias ?? path.split('/').at(-1) ?? '',
      packageOf(path),
    ]),
  );
  const resolved = (type: string): string => {
    const [first = '', second] = plainType(type).split('.');
    return second === undefined ? `${name} ${first}` : `${imports.get(first) ?? first} ${second}`;
  };
  for (const [, type = '', body = ''] of text.matchAll(/^type (\w+) struct \{\n([\s\S]*?)^\}/gm)) {
    const fields = body.split('\n').flatMap((line): readonly Field[] => {
      const [, , goType = '', tags = ''] = /^\s*(?:(\w+)\s+)?([*[\]\w.]+)\s+`([^`]*)`/.exec(line) ?? [];
      const [, number] = /protobuf:"[^"]*?,(\d+),/.exec(tags) ?? [];
      const [, json] = /json:"([^"]*)"/.exec(tags) ?? [];
      if (number === undefined || json === undefined) return [];
      const [field = '', ...options] = json.split(',');
      const isOmittedEmpty = options.includes('omitempty') || options.includes('omitzero');
      const isInline = options.includes('inline') || field === '';
      return [{ number, name: field, isInline, isPointer: goType.startsWith('*'), isOmittedEmpty, type: resolved(goType) }];
    });
    structs.set(`${name} ${type}`, fields);
  }
  for (const [, type = '', of = ''] of text.matchAll(/^type (\w+) ((?:map\[|\[\]|[A-Za-z])[^\n{]*)$/gm))
    aliases.set(`${name} ${type}`, resolved(of));
};

for (const module of ['api@*', 'apimachinery@*/pkg', 'kube-aggregator@*/pkg/apis'])
  for (const file of globSync(`${module}/**/*types*.go`, { cwd: directory })) {
    const name = file
      .replace(/^(?:api@[^/]*|apimachinery@[^/]*\/pkg(?:\/apis)?|kube-aggregator@[^/]*\/pkg\/apis)\//, '')
      .replace(/\/[^/]*$/, '');
    readFile(join(directory, file), name);
  }

type Numbers = { [number: string]: string | Numbers };
const found: Record<string, Numbers> = {};

const structOf = (type: string): readonly Field[] | undefined => {
  let name = type;
  while (!structs.has(name)) {
    const next = aliases.get(name);
    if (next === undefined) return undefined;
    name = next;
  }
  return structs.get(name);
};

const numbersOf = (fields: readonly Field[], model: string): Numbers => {
  const numbers: Numbers = {};
  for (const { number, name, isInline, isPointer, isOmittedEmpty, type } of fields) {
    if (isInline) {
      const inner = structOf(type);
      if (inner !== undefined && !type.endsWith(' TypeMeta')) numbers[number] = numbersOf(inner, model);
      continue;
    }
    const of = models[model]?.[name]?.replace(/!$/, '');
    if (of === undefined) continue;
    const isScalar = ['int32', 'int64', 'boolean'].includes(of);
    const isMessage = Object.keys(models[of] ?? {}).length > 0;
    // What is told even where it is zero.
    numbers[number] = `${name}${(isScalar && (isPointer || !isOmittedEmpty)) || (isMessage && isPointer) ? '*' : ''}`;
    walk(type, of.replace(/^(?:\[\]|\{\})+/, ''));
  }
  return numbers;
};

function walk(type: string, model: string): void {
  const fields = structOf(type);
  if (fields === undefined || Object.hasOwn(found, model) || Object.keys(models[model] ?? {}).length === 0) return;
  found[model] = {};
  found[model] = numbersOf(fields, model);
}

/** Models are named after their version, and after their package where two of one version share a name. */
const wanted = (model: string): readonly string[] => {
  const [, version = '', name = ''] = /^(?:[A-Z][a-z]+)??(V\d+(?:beta\d+)?)([A-Z]\w*)$/.exec(model) ?? [];
  const group = model.slice(0, model.length - version.length - name.length).toLowerCase();
  return [...structs.keys()].filter((key) => {
    const [path = '', type] = key.split(' ');
    const [of, at] = path.split('/').slice(-2);
    return type === name && (at === version.toLowerCase() || path === 'meta/v1') && (group === '' || of === group);
  });
};

for (const [model, fields] of Object.entries(models)) {
  const isKind = 'apiVersion' in fields && 'kind' in fields && ('metadata' in fields || model === 'V1DeleteOptions');
  const [type] = isKind && model !== 'V1CustomResourceDefinition' ? wanted(model) : [];
  if (type !== undefined) walk(type, model);
}
const lines = Object.keys(found)
  .sort()
  .map((model) => `  ${JSON.stringify(model)}: ${JSON.stringify(found[model])}`);
writeFileSync(join(root, 'src/apiserver/protobuf-fields.json'), `{\n${lines.join(',\n')}\n}\n`);

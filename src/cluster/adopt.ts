// An existing directory of certificates read into a plan: Kismatic's `generated` or its `keys`, kubeadm's /etc/kubernetes (or trees of
// several machines side by side, as layout kubeadm has them), or an EasyRSA `pki`. Nothing is written there.
// Certificates say much, but not all: the sizes of address blocks, which workers are for ingress or storage, and, from one machine of
// kubeadm, which others there are. Such lines are marked CHECK.

import { statSync } from 'node:fs';
import { join } from 'node:path';
import { CodedError, quote } from '../base/coded-error.ts';
import { readEasyRsa } from './adopt-easyrsa.ts';
import { isDirectory, namesIn } from './adopt-evidence.ts';
import { readKismatic } from './adopt-kismatic.ts';
import { readKubeadm } from './adopt-kubeadm.ts';
import { type AdoptedPlan, adoptedPlanText } from './adopted-plan.ts';

/** What a directory turned out to be. */
export type AdoptedLayout = 'kismatic' | 'kubeadm' | 'easyrsa';

export type Adoption = {
  readonly layout: AdoptedLayout;
  /** The plan as YAML. */
  readonly text: string;
  /** Every line that has to be compared with the cluster. */
  readonly doubts: readonly string[];
  readonly notes: readonly string[];
};

type Recognised = { readonly layout: AdoptedLayout; readonly plan: AdoptedPlan; readonly caFiles: string };

const recognise = (directory: string): Recognised | undefined => {
  const has = (path: string): boolean => statSync(join(directory, path), { throwIfNoEntry: false })?.isFile() === true;
  if (has('keys/ca.pem'))
    return {
      layout: 'kismatic',
      plan: readKismatic(join(directory, 'keys'), join(directory, 'kubeconfig'), directory),
      caFiles: 'keys/ca.pem and keys/ca-key.pem',
    };
  if (has('ca.pem'))
    return {
      layout: 'kismatic',
      plan: readKismatic(directory, join(directory, '..', 'kubeconfig'), directory),
      caFiles: 'ca.pem and ca-key.pem',
    };
  const trees = namesIn(directory).filter((name) => name !== 'pki' && isDirectory(join(directory, name, 'pki')));
  if (trees.length > 0)
    return {
      layout: 'kubeadm',
      plan: readKubeadm(
        trees.map((name) => join(directory, name)),
        directory,
      ),
      caFiles: 'the CAs of pki/',
    };
  for (const [root, prefix] of [
    [directory, 'pki/'],
    [join(directory, '..'), ''],
  ] as const) {
    if (has(`${prefix}ca.crt`) && isDirectory(join(directory, `${prefix}issued`)))
      return {
        layout: 'easyrsa',
        plan: readEasyRsa(join(directory, prefix), directory),
        caFiles: `${prefix}ca.crt and ${prefix}private/ca.key`,
      };
    if (has(`${prefix}ca.crt`))
      return {
        layout: 'kubeadm',
        plan: readKubeadm([root], directory),
        caFiles: `the CAs of ${prefix === '' ? 'this directory' : prefix}`,
      };
  }
  return undefined;
};

/** Every doubt of a plan, each once. */
const doubtsOf = (text: string): readonly string[] => [...new Set([...text.matchAll(/# CHECK: (.*)/g)].map(([, doubt = '']) => doubt))];

/**
 * Reads a directory into a plan. Throws LayoutUnrecognised for one laid out as none of the three, FileUnreadable, and what parsing throws
 * for a certificate that is damaged.
 */
export const adoptDirectory = (directory: string): Adoption => {
  const recognised = isDirectory(directory) ? recognise(directory) : undefined;
  if (recognised === undefined)
    throw new CodedError('LayoutUnrecognised', `cannot adopt ${quote(directory)}: it is no directory of Kismatic, kubeadm or EasyRSA`, {
      hint: "name Kismatic's generated, kubeadm's /etc/kubernetes, or EasyRSA's pki",
    });
  const text = adoptedPlanText(recognised.plan);
  return {
    layout: recognised.layout,
    text,
    doubts: doubtsOf(text),
    notes: [`to go on with the CA that is there, copy ${recognised.caFiles} into the new output directory before generating`],
  };
};

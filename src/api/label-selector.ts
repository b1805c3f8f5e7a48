// Label selectors as text (https://kubernetes.io/docs/concepts/overview/working-with-objects/labels/#label-selectors).

import { labelValueProblem, qualifiedNameProblem } from './metadata.ts';
import { badRequest } from './status.ts';

type Labels = Readonly<Record<string, string>>;

/** Whether labels are selected. */
export type LabelSelector = (labels: Labels) => boolean;

type Requirement = { readonly key: string; readonly operator: string; readonly values: readonly string[] };

const refuse = (problem: string): never => {
  throw badRequest(`unable to parse requirement: ${problem}`);
};

/** Splits at commas outside parentheses. */
const clauses = (text: string): readonly string[] => {
  const found: string[] = [];
  let depth = 0;
  let from = 0;
  for (let i = 0; i < text.length; i++) {
    if (text[i] === '(') depth++;
    else if (text[i] === ')') depth--;
    else if (text[i] === ',' && depth === 0) {
      found.push(text.slice(from, i));
      from = i + 1;
    }
  }
  return [...found, text.slice(from)];
};

const parseClause = (clause: string): Requirement => {
  const text = clause.trim();
  const set = /^([^\s!=<>(),]+)\s+(in|notin)\s*\(([^()]*)\)$/.exec(text);
  if (set !== null) return { key: set[1] ?? '', operator: set[2] ?? '', values: (set[3] ?? '').split(',').map((value) => value.trim()) };
  const pair = /^([^\s!=<>(),]+)\s*(==|=|!=|<|>)\s*([^\s!=<>(),]*)$/.exec(text);
  if (pair !== null) return { key: pair[1] ?? '', operator: pair[2] ?? '', values: [pair[3] ?? ''] };
  const alone = /^(!?)\s*([^\s!=<>(),]+)$/.exec(text);
  if (alone !== null) return { key: alone[2] ?? '', operator: alone[1] === '!' ? 'absent' : 'exists', values: [] };
  return refuse(`found ${JSON.stringify(text)}, expected: identifier, operator and values`);
};

const check = ({ key, operator, values }: Requirement): void => {
  const keyProblem = qualifiedNameProblem(key);
  if (keyProblem !== undefined) refuse(`key: Invalid value: ${JSON.stringify(key)}: ${keyProblem}`);
  for (const value of values) {
    if ((operator === '<' || operator === '>') && !/^-?\d+$/.test(value))
      refuse(`values[0]: Invalid value: ${JSON.stringify(value)}: for 'Gt', 'Lt' operators, the value must be an integer`);
    const problem = labelValueProblem(value);
    if (problem !== undefined) refuse(`values: Invalid value: ${JSON.stringify(value)}: ${problem}`);
  }
};

const holds = ({ key, operator, values }: Requirement, labels: Labels): boolean => {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  switch (operator) {
    case 'exists':
      return value !== undefined;
    case 'absent':
      return value === undefined;
    case '!=':
    case 'notin':
      return value === undefined || !values.includes(value);
    case '<':
    case '>': {
      if (value === undefined || !/^-?\d+$/.test(value)) return false;
      return operator === '<' ? Number(value) < Number(values[0]) : Number(value) > Number(values[0]);
    }
    default:
      return value !== undefined && values.includes(value);
  }
};

/** Parses a selector; undefined for an empty one, which selects everything. Throws BadRequest. */
export const parseLabelSelector = (text: string): LabelSelector | undefined => {
  if (text.trim() === '') return undefined;
  const requirements = clauses(text).map(parseClause);
  for (const requirement of requirements) check(requirement);
  return (labels) => requirements.every((requirement) => holds(requirement, labels));
};

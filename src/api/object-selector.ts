// Label selectors as objects: matchLabels and matchExpressions (meta/v1 LabelSelector). As text they are in label-selector.ts.

import { labelValueProblem, qualifiedNameProblem } from './metadata.ts';
import { fieldsAt, isFields, listAt, textAt } from './object.ts';
import { type FieldProblem, forbiddenField, invalidValue, required } from './status.ts';

type Labels = Readonly<Record<string, string>>;

const holds = (expression: unknown, labels: Labels): boolean => {
  const key = textAt(expression, 'key');
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  const values = listAt(expression, 'values');
  switch (textAt(expression, 'operator')) {
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    default:
      return false;
  }
};

/** Whether labels are selected; a selector that says nothing selects all. */
export const selectsLabels = (selector: unknown, labels: Labels): boolean =>
  Object.entries(fieldsAt(selector, 'matchLabels')).every(([key, value]) => Object.hasOwn(labels, key) && labels[key] === value) &&
  listAt(selector, 'matchExpressions').every((expression) => holds(expression, labels));

/** Whether a selector says nothing. */
export const isEmptySelector = (selector: unknown): boolean =>
  Object.keys(fieldsAt(selector, 'matchLabels')).length === 0 && listAt(selector, 'matchExpressions').length === 0;

const operators = ['DoesNotExist', 'Exists', 'In', 'NotIn'];

const expressionProblems = (expression: unknown, path: string): readonly FieldProblem[] => {
  const key = textAt(expression, 'key');
  const operator = textAt(expression, 'operator');
  const values = listAt(expression, 'values');
  const keyProblem = qualifiedNameProblem(key);
  const problems: FieldProblem[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0) problems.push(required(`${path}.values`, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (!operators.includes(operator)) problems.push(invalidValue(`${path}.operator`, operator, 'not a valid selector operator'));
  else if (values.length > 0)
    problems.push(forbiddenField(`${path}.values`, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"));
  if (keyProblem !== undefined) problems.push(invalidValue(`${path}.key`, key, keyProblem));
  for (const [i, value] of values.entries()) {
    const problem = labelValueProblem(String(value));
    if (problem !== undefined) problems.push(invalidValue(`${path}.values[${i}]`, value, problem));
  }
  return problems;
};

/** Every fault of a selector. */
export const selectorProblems = (selector: unknown, path: string): readonly FieldProblem[] => {
  if (!isFields(selector)) return [];
  const labels = Object.entries(fieldsAt(selector, 'matchLabels')).flatMap(([key, value]) => {
    const keyProblem = qualifiedNameProblem(key);
    const valueProblem = labelValueProblem(String(value));
    return [
      ...(keyProblem === undefined ? [] : [invalidValue(`${path}.matchLabels`, key, keyProblem)]),
      ...(valueProblem === undefined ? [] : [invalidValue(`${path}.matchLabels`, value, valueProblem)]),
    ];
  });
  return [
    ...labels,
    ...listAt(selector, 'matchExpressions').flatMap((each, i) => expressionProblems(each, `${path}.matchExpressions[${i}]`)),
  ];
};

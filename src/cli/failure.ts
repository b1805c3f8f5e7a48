// What a thrown value becomes at the edge of the program: lines on standard error and an exit code. Nothing here prints.

import { CodedError, isCodedError } from '../base/coded-error.ts';
import { exitCodes } from '../base/error-codes.ts';
import { visibleText } from '../base/visible-text.ts';

/** How a failure is told. */
export type Failure = { readonly text: string; readonly exitCode: number };

export type FailureStyle = {
  /** Stacks, causes and codes as well. */
  readonly verbose: boolean;
  /** One JSON object on one line, for whoever asked for results as JSON. */
  readonly json: boolean;
  /** How a user writes this program. */
  readonly programName: string;
};

const asCoded = (error: unknown, { programName }: FailureStyle): CodedError => {
  if (isCodedError(error)) return error;
  const words = error instanceof Error ? error.message : String(error);
  return new CodedError('Bug', `${programName} has a fault: ${words}`, {
    hint: 'run the same command with --verbose and report what it prints',
    cause: error,
  });
};

const stacks = (error: unknown): string => {
  const lines: string[] = [];
  for (let current = error, depth = 0; current instanceof Error && depth < 8; current = current.cause, depth++)
    lines.push(`${depth === 0 ? '' : 'caused by: '}${current.stack ?? current.message}`);
  return lines.join('\n');
};

/** Text of the form `error: …` and `hint: …`, or JSON, and the exit code of the error's class; 70 for what carries no code. */
export const describeFailure = (error: unknown, style: FailureStyle): Failure => {
  const coded = asCoded(error, style);
  const exitCode = exitCodes[coded.class];
  if (style.json) {
    const { code, message, hint, details } = coded;
    const stack = style.verbose ? stacks(error) : undefined;
    const told = { code, class: coded.class, message, hint, details, stack };
    return { text: `${visibleText(JSON.stringify({ error: told }))}\n`, exitCode };
  }
  const lines = [`error: ${coded.message}`];
  if (coded.hint !== undefined) lines.push(...coded.hint.split('\n').map((line) => `hint: ${line}`));
  if (style.verbose) lines.push(`code: ${coded.code} (${coded.class})`, stacks(error));
  return { text: `${visibleText(lines.join('\n'))}\n`, exitCode };
};

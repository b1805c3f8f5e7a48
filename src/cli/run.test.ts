import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { CodedError } from '../base/coded-error.ts';
import { inScratch, runCli } from '../testing/cli-run.ts';
import { chosenPath } from './command-path.ts';
import { commandRows, groupRows } from './command-table.ts';
import { describeFailure } from './failure.ts';

const style = { verbose: false, json: false, programName: 'certwright' };

describe('running a command line', () => {
  test('shows the commands where none is named, on standard output and without an error', async () => {
    for (const argv of [[], ['--help'], ['help']]) {
      const { exitCode, out, err } = await runCli(argv);
      assert.equal(exitCode, 0);
      assert.equal(err, '');
      for (const group of groupRows.filter(({ path }) => path.length === 1)) assert.match(out, new RegExp(`^  ${group.path[0]} `, 'm'));
    }
    const group = await runCli(['pki']);
    assert.equal(group.exitCode, 0);
    assert.match(group.out, /^Usage: certwright pki/);
    assert.match(group.out, /^ {2}inspect /m);
  });

  test('has help with examples for every command, in two spellings', async () => {
    for (const { path, summary } of commandRows) {
      const help = await runCli([...path, '--help']);
      assert.equal(help.exitCode, 0, path.join(' '));
      assert.ok(help.out.includes(`Usage: certwright ${path.join(' ')}`), path.join(' '));
      assert.ok(help.out.replaceAll(/\s+/g, ' ').includes(summary), path.join(' '));
      assert.match(help.out, new RegExp(`Examples:\\n  # .+\\n  certwright ${path.join(' ')}`), path.join(' '));
      assert.deepEqual(await runCli(['help', ...path]), help);
    }
  });

  test('names the program as kubectl’s plugin where it was called so', async () => {
    const { out } = await runCli(['pki', 'inspect', '--help'], { environment: { CERTWRIGHT_INVOKED_AS: 'kubectl-certwright' } });
    assert.match(out, /^Usage: kubectl certwright pki inspect/);
    assert.match(out, /^ {2}kubectl certwright pki inspect server\.pem$/m);
  });

  test('says what was meant by an unknown command or flag, and exits 2', async () => {
    const unknown = async (...argv: readonly string[]): Promise<string> => {
      const { exitCode, out, err } = await runCli(argv);
      assert.equal(exitCode, 2);
      assert.equal(out, '');
      return err;
    };
    assert.equal(
      await unknown('pki', 'inspct'),
      'error: cannot run certwright pki: unknown command "inspct"\nhint: did you mean inspect? certwright pki --help shows what it takes\n',
    );
    assert.equal(
      await unknown('pki', 'genkey', '--algoritm', 'rsa'),
      'error: cannot run certwright pki genkey: unknown option "--algoritm"\nhint: did you mean --algorithm? certwright pki genkey --help shows what it takes\n',
    );
    assert.match(await unknown('pki', 'inspect'), /missing required argument "files"/);
    assert.match(await unknown('pki', 'genkey', 'extra'), /too many arguments/);
    assert.match(await unknown('pki', 'inspect', '-o', 'xml', 'x'), /Allowed choices are text, json, yaml/);
    assert.match(await unknown('nonsense'), /unknown command "nonsense"/);
    assert.match(await unknown('--nonsense', 'pki', 'inspect', 'x'), /unknown option "--nonsense"/);
  });

  test('prints the version', async () => {
    for (const flag of ['--version', '-V']) assert.match((await runCli(['-v', flag])).out, /^certwright \d+\.\d+\.\d+\n$/);
  });

  test('tells an error as JSON on standard error where results were asked for as JSON', async () => {
    await inScratch(async (cwd) => {
      for (const flags of [['-o', 'json'], ['-ojson'], ['--output=json'], ['--output', 'json']]) {
        const { exitCode, out, err } = await runCli(['pki', 'inspect', 'nothing.pem', ...flags], { cwd });
        assert.equal(exitCode, 2);
        assert.equal(out, '');
        assert.deepEqual(JSON.parse(err), {
          error: { code: 'FileNotFound', class: 'input', message: 'cannot read "nothing.pem": it does not exist' },
        });
      }
      const yaml = await runCli(['pki', 'inspect', 'nothing.pem', '-o', 'yaml'], { cwd });
      assert.equal(yaml.err, 'error: cannot read "nothing.pem": it does not exist\n');
    });
  });

  test('takes global flags at any place', async () => {
    await inScratch(async (cwd) => {
      for (const argv of [
        ['-v', 'pki', 'inspect', 'x'],
        ['pki', '--verbose', 'inspect', 'x'],
        ['pki', 'inspect', 'x', '-v'],
      ])
        assert.match((await runCli(argv, { cwd })).err, /^code: FileNotFound \(input\)$/m);
      assert.doesNotMatch((await runCli(['pki', 'inspect', '--', '-v'], { cwd })).err, /^code:/m);
    });
  });

  test('finds the chosen command past flags, and stops at its arguments', () => {
    assert.deepEqual(chosenPath(['-v', 'pki', '--progress', 'inspect', 'pki']), ['pki', 'inspect']);
    assert.deepEqual(chosenPath(['pki', 'nothing']), ['pki']);
    assert.deepEqual(chosenPath(['--', 'pki']), []);
  });
});

describe('a failure', () => {
  test('exits by its class', () => {
    const codeOf = (error: unknown): number => describeFailure(error, style).exitCode;
    assert.equal(codeOf(new CodedError('FileNotFound', 'x')), 2);
    assert.equal(codeOf(new CodedError('CaMissing', 'x')), 3);
    assert.equal(codeOf(new CodedError('LockHeld', 'x')), 4);
    assert.equal(codeOf(new CodedError('ChainInvalid', 'x')), 5);
    assert.equal(codeOf(new TypeError('x')), 70);
    assert.equal(codeOf('thrown text'), 70);
  });

  test('without a code is told as a fault of ours, its stack only on request', () => {
    const error = new TypeError('undefined is not a function', { cause: new Error('below') });
    const { text } = describeFailure(error, style);
    assert.equal(
      text,
      'error: certwright has a fault: undefined is not a function\nhint: run the same command with --verbose and report what it prints\n',
    );
    const verbose = describeFailure(error, { ...style, verbose: true }).text;
    assert.match(verbose, /run\.test\.ts/);
    assert.match(verbose, /caused by: Error: below/);
    assert.match(verbose, /^code: Bug \(bug\)$/m);
  });

  test('keeps each line of its hint marked', () => {
    const error = new CodedError('UsageInvalid', 'cannot', { hint: 'one\ntwo' });
    assert.equal(describeFailure(error, style).text, 'error: cannot\nhint: one\nhint: two\n');
  });
});

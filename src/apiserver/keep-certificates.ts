// The server's own certificates while it runs: looked at now and then, for a timer of months would not notice that a machine slept. What is
// due is renewed; what fails is told and tried again. The end of a CA can only be told, a year ahead and every week.

import { formatTime } from '../pki/inspect-certificate.ts';
import { isAuthorityEnding } from './renewal-time.ts';
import { leafLifetimeMs, leavesDue, type PkiOptions, renewServerPki, type ServerPki } from './server-pki.ts';

export type KeepingOptions = {
  readonly pki: ServerPki;
  readonly renewal: Omit<PkiOptions, 'at'>;
  readonly now: () => Date;
  readonly everyMs: number;
  /** Puts new certificates to use. */
  readonly onRenewed: (pki: ServerPki) => Promise<void>;
  readonly onNotice: (line: string) => void;
};

const weekMs = 7 * 86_400_000;

/** How a server comes to new CAs and keeps everything else. */
export const newAuthoritiesAdvice = (directory: string): string =>
  `stop the server, back it up, remove everything in ${directory} but pki/sa.key and pki/sa.pub, start it again, and give every client the new kubeconfig`;

/** Lines about CAs that end within the life of a leaf. */
const endings = ({ leaves }: ServerPki, { directory }: { readonly directory: string }, at: Date): readonly string[] => {
  const ending = new Set(
    leaves
      .filter(({ authority }) => isAuthorityEnding(authority, leafLifetimeMs, at))
      .map(({ authority }) => formatTime(authority.notAfter)),
  );
  return [...ending].map(
    (end) => `warning: a CA of this server ends ${end}, and every certificate with it. Before that: ${newAuthoritiesAdvice(directory)}`,
  );
};

/** Starts looking after the certificates; returns what stops it. */
export const keepCertificates = ({ renewal, now, everyMs, onRenewed, onNotice, ...options }: KeepingOptions): (() => Promise<void>) => {
  let { pki } = options;
  let isInUse = true;
  let problem: string | undefined;
  let warnedAt = -Infinity;
  let current: Promise<void> | undefined;
  const warn = (at: Date): void => {
    if (at.getTime() - warnedAt < weekMs) return;
    const lines = endings(pki, renewal, at);
    if (lines.length > 0) warnedAt = at.getTime();
    for (const line of lines) onNotice(line);
  };
  const look = async (): Promise<void> => {
    const at = now();
    warn(at);
    const due = leavesDue(pki.leaves, at);
    if (due.length === 0 && isInUse) return;
    try {
      if (due.length > 0) pki = await renewServerPki({ ...renewal, at }, due);
      isInUse = false;
      await onRenewed(pki);
      isInUse = true;
      problem = undefined;
      if (due.length > 0) onNotice(`renewed ${due.join(', ')}`);
    } catch (error) {
      // Tried again and again, and told once.
      const found = error instanceof Error ? error.message : 'unknown';
      if (found !== problem) onNotice(`warning: certificates of this server cannot be renewed now: ${found}`);
      problem = found;
    }
  };
  warn(now());
  const timer = setInterval(() => {
    current ??= look().finally(() => {
      current = undefined;
    });
  }, everyMs);
  timer.unref();
  return async () => {
    clearInterval(timer);
    await current;
  };
};

// What goes by itself with time: events an hour after their last write, certificate signing requests and pod certificate requests that are done
// with or forgotten (https://kubernetes.io/docs/reference/access-authn-authz/certificate-signing-requests/). By the server's clock.

import { resourceKey } from '../api/kind.ts';
import { certificateSigningRequestKind } from '../api/kinds/certificate-signing-request.ts';
import { eventKind } from '../api/kinds/event.ts';
import { podCertificateRequestKind } from '../api/kinds/pod-certificate-request.ts';
import { fieldsAt, type KubernetesObject, listAt, textAt } from '../api/object.ts';
import { isCodedError } from '../base/coded-error.ts';
import { parseFirstCertificate } from '../pki/x509-certificate.ts';
import type { Server } from './api-request.ts';
import { type Controller, controllerUser, serverUser, startController } from './controller.ts';
import type { Stored } from './store.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;
const eventLifetimeMs = hour;
const podRequestLifetimeMs = 30 * minute;
const sweepIntervalMs = minute;
/** At most so many go in one transaction, for it holds up all others. */
const batch = 500;

const timeOf = (text: unknown): number => {
  const time = typeof text === 'string' ? Date.parse(text) : Number.NaN;
  return Number.isNaN(time) ? 0 : time;
};

/** When an event was written last, as far as it tells; what it says of a time to come is not believed. */
export const lastWriteOf = (event: KubernetesObject, now: Date): Date => {
  const told = [
    event.metadata.creationTimestamp,
    event['eventTime'],
    event['firstTimestamp'],
    event['lastTimestamp'],
    fieldsAt(event, 'series')['lastObservedTime'],
    ...(event.metadata.managedFields ?? []).map(({ time }) => time),
  ];
  return new Date(Math.min(now.getTime(), Math.max(...told.map(timeOf))));
};

const conditionTime = (request: KubernetesObject, type: string): number => {
  const found = listAt(request['status'], 'conditions').find((condition) => textAt(condition, 'type') === type);
  return timeOf(textAt(found, 'lastUpdateTime'));
};

const hasExpired = (certificate: string, now: Date): boolean => {
  try {
    return parseFirstCertificate(Buffer.from(certificate, 'base64')).notAfter < now;
  } catch (error) {
    if (isCodedError(error)) return false;
    throw error;
  }
};

/** Whether nobody needs a CertificateSigningRequest any more: an hour after it was settled, a day after it was made and left. */
export const isRequestDone = (request: KubernetesObject, now: Date): boolean => {
  const isOlder = (since: number, than: number): boolean => since !== 0 && now.getTime() - since > than;
  const certificate = textAt(request['status'], 'certificate');
  const approved = conditionTime(request, 'Approved');
  return (
    isOlder(conditionTime(request, 'Denied'), hour) ||
    isOlder(conditionTime(request, 'Failed'), hour) ||
    (certificate !== '' && isOlder(approved, hour)) ||
    (certificate === '' && isOlder(approved, day)) ||
    (certificate !== '' && approved !== 0 && hasExpired(certificate, now)) ||
    (listAt(request['status'], 'conditions').length === 0 && isOlder(timeOf(request.metadata.creationTimestamp), day))
  );
};

export type Expiry = { /** Looks at everything once. */ sweep(): Promise<void>; stop(): void };

/** Looks every minute. Throws nothing; `onTrouble` is told. */
export const startExpiry = (server: Server, onTrouble: (error: unknown) => void): Expiry => {
  const { store, now } = server;
  const events = resourceKey(eventKind);
  const lastWrites = new Map<string, number>();
  const keyOf = ({ namespace, name }: Stored): string => `${namespace}/${name}`;
  const note = (stored: Stored, time: number): void => void lastWrites.set(keyOf(stored), time);
  for (const stored of store.list(events)) note(stored, lastWriteOf(stored.object, now()).getTime());
  const unwatch = store.watch(events, ({ type, stored }) => {
    if (type === 'DELETED') lastWrites.delete(keyOf(stored));
    else note(stored, now().getTime());
  });
  const itself = startController(server, serverUser, onTrouble);
  const cleaner = startController(server, controllerUser('certificate-controller'), onTrouble);
  const podCleaner = startController(server, controllerUser('podcertificaterequestcleaner'), onTrouble);

  /** Removes what is still as it was seen. */
  const remove = async (controller: Controller, kind: typeof eventKind, found: readonly Stored[]): Promise<void> => {
    for (let start = 0; start < found.length; start += batch)
      await controller.act(`${kind.plural} ${start}`, (write) => {
        for (const { namespace, name, revision } of found.slice(start, start + batch))
          if (write.transaction.get(resourceKey(kind), namespace, name)?.revision === revision) write.remove(kind, namespace, name);
      });
  };
  const sweep = async (): Promise<void> => {
    const time = now();
    const isStale = (stored: Stored): boolean => time.getTime() - (lastWrites.get(keyOf(stored)) ?? 0) > eventLifetimeMs;
    await remove(itself, eventKind, store.list(events).filter(isStale));
    const requests = store.list(resourceKey(certificateSigningRequestKind));
    await remove(
      cleaner,
      certificateSigningRequestKind,
      requests.filter(({ object }) => isRequestDone(object, time)),
    );
    await remove(
      podCleaner,
      podCertificateRequestKind,
      store
        .list(resourceKey(podCertificateRequestKind))
        .filter(({ object }) => time.getTime() - timeOf(object.metadata.creationTimestamp) > podRequestLifetimeMs),
    );
  };
  const timer = setInterval(() => void sweep(), sweepIntervalMs).unref();
  void sweep();
  return {
    sweep,
    stop: () => {
      clearInterval(timer);
      unwatch();
      itself.stop();
      cleaner.stop();
      podCleaner.stop();
    },
  };
};

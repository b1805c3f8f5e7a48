// A TCP proxy that cuts every connection when it is told to: what a load balancer, a suspended laptop or a restarted server does to clients.

import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

export type CutProxy = {
  readonly port: number;
  cut(): void;
  /** Cuts, and lets nobody through until it is told otherwise. */
  setDown(isDown: boolean): void;
  close(): Promise<void>;
};

/** A proxy on a free port of this machine to another port of it. */
export const startCutProxy = (target: number): Promise<CutProxy> =>
  new Promise((resolve, reject) => {
    const sockets = new Set<Socket>();
    const keep = (socket: Socket): void => {
      sockets.add(socket);
      socket.on('error', () => socket.destroy()).on('close', () => sockets.delete(socket));
    };
    let isDown = false;
    const proxy = createServer((from) => {
      if (isDown) {
        from.destroy();
        return;
      }
      const to = connect(target, '127.0.0.1');
      for (const socket of [from, to]) keep(socket);
      from.pipe(to).pipe(from);
    });
    const cut = (): void => {
      for (const socket of sockets) socket.destroy();
    };
    const setDown = (down: boolean): void => {
      isDown = down;
      if (down) cut();
    };
    proxy.once('error', reject);
    proxy.listen(0, '127.0.0.1', () => {
      const close = (): Promise<void> =>
        new Promise((done) => {
          proxy.close(() => done());
          cut();
        });
      resolve({ port: (proxy.address() as AddressInfo).port, cut, setDown, close });
    });
  });

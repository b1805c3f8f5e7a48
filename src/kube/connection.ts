// Where a Kubernetes API is and as whom to speak to it. How that comes about, from a kubeconfig or inside a cluster, is not known here.

/** As whom; a new object whenever something of it is new. */
export type Credentials = {
  /** PEM, the client's own first. */
  readonly certificate?: string;
  /** PEM. */
  readonly key?: string;
  readonly token?: string;
};

export type Connection = {
  /** `https://HOST:PORT`, with a path before the API's own where there is one. */
  readonly server: string;
  /** Whom the server is believed by, PEM; the system's roots where left out. */
  readonly ca?: string;
  /** The name in the server's certificate, where it is not the host. */
  readonly serverName?: string;
  /** Asked before each request: certificates and tokens renew. */
  credentials(): Promise<Credentials>;
};

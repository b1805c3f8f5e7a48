// URLs of API servers.

/** `https://host:port`, the host a DNS name or an IP address; IPv6 goes into brackets (RFC 3986 section 3.2.2). */
export const apiServerUrl = (host: string, port: number): string => `https://${host.includes(':') ? `[${host}]` : host}:${port}`;

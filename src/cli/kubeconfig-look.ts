// Whether bytes look like a kubeconfig, told without loading YAML.

const kubeconfigKind = /(?:^|[\s{,])["']?kind["']?\s*:\s*["']?Config\b/;

/** Whether bytes are text that calls itself a kubeconfig. */
export const looksLikeKubeconfig = (bytes: Uint8Array): boolean =>
  kubeconfigKind.test(Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, 4 * 1024 * 1024)).toString('latin1'));

// Bytes sealed under a key: XAES-256-GCM (https://c2sp.org/XAES-256-GCM), which is AES-256-GCM under a key that is derived for each
// message from the first half of a random nonce of 24 bytes. With the 12 bytes of plain AES-GCM a busy server would use a nonce twice
// before the years it is meant to run are over.

import { createCipheriv, createDecipheriv, createSecretKey, type KeyObject } from 'node:crypto';

export const sealingKeyBytes = 32;
const nonceBytes = 24;
const tagBytes = 16;

/** A key as it is used. */
export type SealingKey = {
  /** Nonce, ciphertext and tag. The same associated data opens it again. */
  seal(text: Uint8Array, associated: Uint8Array): Buffer;
  /** Undefined where key or associated data are others, or a byte was changed. */
  open(sealed: Uint8Array, associated: Uint8Array): Buffer | undefined;
};

/** The first subkey of CMAC (NIST SP 800-38B) of the encrypted zero block: that block doubled. */
const firstSubkey = (block: Uint8Array): Buffer => {
  const doubled = Buffer.alloc(16);
  for (let i = 0; i < 16; i++) doubled[i] = ((block[i] ?? 0) << 1) | ((block[i + 1] ?? 0) >> 7);
  if ((block[0] ?? 0) >= 0x80) doubled[15] = (doubled[15] ?? 0) ^ 0x87;
  return doubled;
};

/** A sealing key of 32 bytes. `random` gives nonces. */
export const sealingKey = (key: Uint8Array, random: (length: number) => Uint8Array): SealingKey => {
  // Whole blocks go through it one by one, so it serves every derivation: making a cipher takes longer than using it.
  const blockCipher = createCipheriv('aes-256-ecb', key, null).setAutoPadding(false);
  const subkey = firstSubkey(blockCipher.update(new Uint8Array(16)));
  const derive = (nonce: Uint8Array): KeyObject => {
    const blocks = Buffer.alloc(32);
    for (const at of [0, 16]) {
      blocks.set([0, at === 0 ? 1 : 2, 0x58, 0], at);
      blocks.set(nonce.subarray(0, 12), at + 4);
      for (let i = 0; i < 16; i++) blocks[at + i] = (blocks[at + i] ?? 0) ^ (subkey[i] ?? 0);
    }
    // As an object: from plain bytes Node takes five times as long to make a cipher.
    return createSecretKey(blockCipher.update(blocks));
  };
  return {
    seal: (text, associated) => {
      const nonce = random(nonceBytes);
      const cipher = createCipheriv('aes-256-gcm', derive(nonce), nonce.subarray(12)).setAAD(associated);
      return Buffer.concat([nonce, cipher.update(text), cipher.final(), cipher.getAuthTag()]);
    },
    open: (sealed, associated) => {
      if (sealed.length < nonceBytes + tagBytes) return undefined;
      const nonce = sealed.subarray(0, nonceBytes);
      const decipher = createDecipheriv('aes-256-gcm', derive(nonce), nonce.subarray(12), { authTagLength: tagBytes }).setAAD(associated);
      decipher.setAuthTag(sealed.subarray(sealed.length - tagBytes));
      const text = decipher.update(sealed.subarray(nonceBytes, sealed.length - tagBytes));
      try {
        return Buffer.concat([text, decipher.final()]);
      } catch {
        // Not authentic; OpenSSL says no more than that.
        return undefined;
      }
    },
  };
};

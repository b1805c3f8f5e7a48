// RC2 in CBC mode (RFC 2268) with PKCS#7 padding. A 40-bit key is found by trying them all in minutes: it is here only because
// keystores of the legacy profile hide their certificates, which are public, behind it, and the runtime's OpenSSL no longer offers it.
// Nothing is protected with it, and no care is taken that its timing tells nothing.

const pi = Uint8Array.from(
  `
  d978f9c419ddb5ed28e9fd794aa0d89d c67e37832b76538e624c6488448bfba2 179a59f587b34f1361456d8d09817d32 bd8f40eb86b77b0bf09521225c6b4e82
  54d66593ce60b21c7356c014a78cf1dc 1275ca1f3bbee4d1423dd430a33cb626 6fbf0eda4669075727f21d9bbc944303 f811c7f690ef3ee706c3d52fc8661ed7
  08e8eade8052eef784aa72ac354d6a2a 961ad2715a1549744b9fd05e0418a4ec c2e0416e0f51cbcc2491af50a1f47039 997c3a8523b8b47afc02365b25559731
  2d5dfa98e38a92ae05df2910676cbac9 d300e6cfe19ea82c6316013f58e289a9 0d38341bab33ffb0bb480c5fb9b1cd2e c5f3db47e5a59c770aa62068fe7fc1ad`.match(
    /[0-9a-f]{2}/g,
  ) ?? [],
  (octet) => Number.parseInt(octet, 16),
);

const at = (words: Uint8Array | Uint16Array, index: number): number => words[index] ?? 0;

/** Key expansion (section 2): 64 words out of 1 to 128 octets, of which `effectiveBits` matter. */
const expandKey = (key: Uint8Array, effectiveBits: number): Uint16Array => {
  const octets = new Uint8Array(128);
  octets.set(key);
  for (let i = key.length; i < 128; i++) octets[i] = at(pi, (at(octets, i - 1) + at(octets, i - key.length)) & 0xff);
  const effectiveBytes = Math.ceil(effectiveBits / 8);
  octets[128 - effectiveBytes] = at(pi, at(octets, 128 - effectiveBytes) & (0xff >> (8 * effectiveBytes - effectiveBits)));
  for (let i = 127 - effectiveBytes; i >= 0; i--) octets[i] = at(pi, at(octets, i + 1) ^ at(octets, i + effectiveBytes));
  return Uint16Array.from({ length: 64 }, (_, i) => at(octets, 2 * i) | (at(octets, 2 * i + 1) << 8));
};

const rotations = Uint8Array.of(1, 2, 3, 5);
/** Mixing rounds before each mashing round, and after the last (section 3.4). */
const mixesByPhase = [5, 6, 5] as const;

/** Section 3: four words in place. */
const encryptBlock = (block: Uint16Array, key: Uint16Array): void => {
  let next = 0;
  for (const [phase, mixes] of mixesByPhase.entries()) {
    if (phase > 0) for (let i = 0; i < 4; i++) block[i] = at(block, i) + at(key, at(block, (i + 3) & 3) & 63);
    for (let mix = 0; mix < mixes; mix++)
      for (let i = 0; i < 4; i++) {
        const previous = at(block, (i + 3) & 3);
        const sum = (at(block, i) + at(key, next++) + (previous & at(block, (i + 2) & 3)) + (~previous & at(block, (i + 1) & 3))) & 0xffff;
        const by = at(rotations, i);
        block[i] = (sum << by) | (sum >> (16 - by));
      }
  }
};

/** Section 4: the same backwards. */
const decryptBlock = (block: Uint16Array, key: Uint16Array): void => {
  let next = 63;
  for (const [phase, mixes] of mixesByPhase.entries()) {
    if (phase > 0) for (let i = 3; i >= 0; i--) block[i] = at(block, i) - at(key, at(block, (i + 3) & 3) & 63);
    for (let mix = 0; mix < mixes; mix++)
      for (let i = 3; i >= 0; i--) {
        const word = at(block, i);
        const by = at(rotations, i);
        const previous = at(block, (i + 3) & 3);
        block[i] =
          ((word >> by) | (word << (16 - by))) -
          at(key, next--) -
          (previous & at(block, (i + 2) & 3)) -
          (~previous & at(block, (i + 1) & 3));
      }
  }
};

const blockBytes = 8;

const readWord = (bytes: Uint8Array, offset: number): number => at(bytes, offset) | (at(bytes, offset + 1) << 8);

const writeBlock = (bytes: Uint8Array, offset: number, block: Uint16Array): void => {
  for (let i = 0; i < 4; i++) {
    bytes[offset + 2 * i] = at(block, i) & 0xff;
    bytes[offset + 2 * i + 1] = at(block, i) >> 8;
  }
};

/** A key of 1 to 128 octets, how many of its bits count, and an initialization vector of 8 octets. */
export type Rc2Key = { readonly key: Uint8Array; readonly effectiveBits: number; readonly iv: Uint8Array };

/** Encrypts in CBC mode after padding by PKCS#7. */
export const encryptRc2Cbc = (plaintext: Uint8Array, { key, effectiveBits, iv }: Rc2Key): Uint8Array => {
  const expanded = expandKey(key, effectiveBits);
  const padding = blockBytes - (plaintext.length % blockBytes);
  const bytes = new Uint8Array(plaintext.length + padding).fill(padding);
  bytes.set(plaintext);
  const chain = Uint16Array.from({ length: 4 }, (_, i) => readWord(iv, 2 * i));
  for (let offset = 0; offset < bytes.length; offset += blockBytes) {
    for (let i = 0; i < 4; i++) chain[i] = at(chain, i) ^ readWord(bytes, offset + 2 * i);
    encryptBlock(chain, expanded);
    writeBlock(bytes, offset, chain);
  }
  return bytes;
};

/** Decrypts and takes the padding off; undefined where length or padding is wrong. */
export const decryptRc2Cbc = (ciphertext: Uint8Array, { key, effectiveBits, iv }: Rc2Key): Uint8Array | undefined => {
  if (ciphertext.length === 0 || ciphertext.length % blockBytes !== 0) return undefined;
  const expanded = expandKey(key, effectiveBits);
  const bytes = new Uint8Array(ciphertext.length);
  const chain = Uint16Array.from({ length: 4 }, (_, i) => readWord(iv, 2 * i));
  const block = new Uint16Array(4);
  for (let offset = 0; offset < bytes.length; offset += blockBytes) {
    for (let i = 0; i < 4; i++) block[i] = readWord(ciphertext, offset + 2 * i);
    decryptBlock(block, expanded);
    for (let i = 0; i < 4; i++) {
      block[i] = at(block, i) ^ at(chain, i);
      chain[i] = readWord(ciphertext, offset + 2 * i);
    }
    writeBlock(bytes, offset, block);
  }
  const padding = at(bytes, bytes.length - 1);
  if (padding < 1 || padding > blockBytes) return undefined;
  for (let i = bytes.length - padding; i < bytes.length; i++) if (bytes[i] !== padding) return undefined;
  return bytes.subarray(0, bytes.length - padding);
};

// When a certificate of the server's own is renewed: before its last third begins, which leaves a third of its life for whatever keeps it
// from being renewed at once. One that would not live longer than what it replaces is not made: its CA is what ends then. Pure.

type Validity = { readonly notBefore: Date; readonly notAfter: Date };

const day = 86_400_000;

/** Whether a leaf is due. `lifetimeMs` is what a new one gets as long as its CA lives. */
export const isRenewalDue = ({ notBefore, notAfter }: Validity, authority: Validity, lifetimeMs: number, at: Date): boolean => {
  const lastThird = notAfter.getTime() - (notAfter.getTime() - notBefore.getTime()) / 3;
  const newEnd = Math.min(at.getTime() + lifetimeMs, authority.notAfter.getTime());
  // A day, not a moment: a certificate that ends with its CA is not made anew again and again.
  return at.getTime() >= lastThird && newEnd > notAfter.getTime() + day;
};

/** Whether a CA's end is near enough to be told: leaves get shorter lives from then on. */
export const isAuthorityEnding = ({ notAfter }: Validity, lifetimeMs: number, at: Date): boolean =>
  notAfter.getTime() - at.getTime() < lifetimeMs;

// The version of this program, from the manifest; the bundle holds it as text.

import manifest from '../../package.json' with { type: 'json' };

/** Such as `0.1.0`. */
export const version: string = manifest.version;

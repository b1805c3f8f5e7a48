// The older OpenAPI document, which kubectl still asks for where v3 knows no patch of a kind (reviews, kinds that are not there). It is read as
// protobuf alone (https://github.com/google/gnostic-models, OpenAPIv2.proto). Ours is empty: nothing is validated by it, and nothing fails.

export const openApiV2Type = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';

/** Whether a client reads this document: it may also ask by the type's first name, which is no proper one. */
export const acceptsOpenApiV2 = (accept: string | undefined): boolean =>
  (accept ?? '').split(',').some((type) => type.trim().replace('@', '.') === openApiV2Type);

/** A field of text or of a message, shorter than 128 octets. */
const field = (number: number, content: string | Buffer): Buffer => {
  const bytes = Buffer.from(content);
  return Buffer.concat([Buffer.from([number * 8 + 2, bytes.length]), bytes]);
};

/** A document without paths. */
export const openApiV2 = (version: string): Buffer =>
  Buffer.concat([field(1, '2.0'), field(2, Buffer.concat([field(1, 'Kubernetes'), field(2, version)])), field(8, '')]);

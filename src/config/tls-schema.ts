import { Type } from '../json-schema.ts';

/** `[server.tls]`: on where it names a certificate. */
export const tlsSchema = Type.Object(
  {
    certificate_file: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'The certificate and its chain, PEM. With it the API speaks HTTPS only.',
      }),
    ),
    key_file: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          "The certificate's private key, PEM, without passphrase; nobody but owner and group may read it.",
      }),
    ),
    min_version: Type.Union([Type.Literal('1.3'), Type.Literal('1.2')], {
      default: '1.3',
      description: 'The oldest version of TLS that is spoken.',
    }),
    client_ca_file: Type.Optional(
      Type.String({
        minLength: 1,
        description:
          'The authorities whose client certificates identify clients, PEM; the policy says which certificate is which client.',
      }),
    ),
    client_crl_file: Type.Optional(
      Type.String({
        minLength: 1,
        description: 'Revocation lists, PEM: one for each authority in client_ca_file and below it.',
      }),
    ),
  },
  { additionalProperties: false },
);

/** What the thread that makes keys is asked for, and how it answers. */
export type KeyType = 'ed25519' | 'rsa-2048';

/** The private key as PKCS #8 PEM, or why there is none. */
export type KeyReply = { readonly pem: string } | { readonly failure: string };

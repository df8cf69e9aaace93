import { type Static, Type } from '../json-schema.ts';
import { tlsSchema } from './tls-schema.ts';

/**
 * The shape and the defaults of the configuration; the Config type derives from it. Every property has a default or is
 * optional, so an empty file is a valid one. docs/CONFIGURATION.md describes each key.
 */
const strict = { additionalProperties: false } as const;

function quota(standard: number, description: string) {
  return Type.Integer({ default: standard, minimum: 0, maximum: 1_000_000_000_000, description });
}

export const configSchema = Type.Object(
  {
    server: Type.Object(
      {
        bind_addr: Type.String({
          default: '127.0.0.1:8081',
          minLength: 3,
          description: 'Where the API listens: `host:port`, or `unix:///path`.',
        }),
        allowed_hosts: Type.Array(Type.String({ minLength: 1 }), {
          default: [],
          description: 'Host header values accepted besides loopback names and bind_addr.',
        }),
        init: Type.Optional(
          Type.Union([Type.Literal('auto'), Type.Literal('require')], {
            description:
              '`auto` creates key and vault where there are none (default on loopback and unix sockets); `require` refuses to start without them (default elsewhere).',
          }),
        ),
        allow_plaintext: Type.Boolean({
          default: false,
          description:
            'Listen beyond loopback without TLS: only where a proxy on this host or a mesh encrypts for the service.',
        }),
        socket_mode: Type.String({
          default: '0600',
          pattern: '^0[0-7]{3}$',
          description: 'The mode of the unix socket, in octal: who may connect. `0660` lets socket_group in.',
        }),
        socket_group: Type.Optional(
          Type.String({
            pattern: '^[A-Za-z0-9_][A-Za-z0-9_.-]*$',
            description: 'The group of the unix socket, by name (of /etc/group) or number.',
          }),
        ),
        tls: tlsSchema,
      },
      strict,
    ),
    paths: Type.Object(
      {
        vault_path: Type.String({ default: 'data/vault.db', minLength: 1, description: 'The SQLite vault.' }),
        audit_path: Type.String({
          default: 'data/audit',
          minLength: 1,
          description: 'The folder of audit segments.',
        }),
        master_key_path: Type.String({
          default: 'keys/master.key',
          minLength: 1,
          description: 'The 32-byte master key, mode 0600; kept apart from the data.',
        }),
        bootstrap_token_path: Type.String({
          default: 'keys/bootstrap.token',
          minLength: 1,
          description:
            'Where the first start with tokens, and `token bootstrap`, put the token that may only manage tokens, mode 0600.',
        }),
      },
      strict,
    ),
    security: Type.Object(
      {
        identity: Type.Union([Type.Literal('header'), Type.Literal('token')], {
          default: 'header',
          description:
            '`header` trusts X-Jarvis-Client and is for one host; `token` asks for a bearer token.',
        }),
        rbac_policy_path: Type.String({
          default: 'policy.yaml',
          minLength: 1,
          description: 'Who may do what.',
        }),
        rotation_days: Type.Integer({
          default: 90,
          minimum: 1,
          maximum: 3650,
          description: 'When rotation of a secret without a rule of its own is due, in days.',
        }),
        grace_days: Type.Integer({
          default: 14,
          minimum: 0,
          maximum: 3650,
          description: 'How long a generated version stays readable after it was replaced, in days.',
        }),
      },
      strict,
    ),
    limits: Type.Object(
      {
        client_rate: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 1_000_000,
            description:
              'Vault requests a second that each client may make; 0 is no limit (default on loopback and unix sockets; elsewhere 100).',
          }),
        ),
        client_burst: Type.Integer({
          default: 200,
          minimum: 1,
          maximum: 1_000_000,
          description: 'Vault requests that a client may make at once after a rest.',
        }),
        address_rate: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 1_000_000,
            description:
              'Vault requests a second from each address, an IPv6 /64 being one; 0 is no limit (default on loopback and unix sockets; elsewhere 500).',
          }),
        ),
        address_burst: Type.Integer({
          default: 1000,
          minimum: 1,
          maximum: 1_000_000,
          description: 'Vault requests that may come from an address at once after a rest.',
        }),
        failed_authentications: Type.Optional(
          Type.Integer({
            minimum: 0,
            maximum: 1_000_000,
            description:
              'Bad credentials a minute from each address before more are answered 429; 0 is no limit (default on loopback and unix sockets; elsewhere 30).',
          }),
        ),
        max_connections: Type.Integer({
          default: 1000,
          minimum: 1,
          maximum: 100_000,
          description:
            'Connections at once; past it the one that kept the service waiting longest is closed.',
        }),
        max_requests: Type.Integer({
          default: 1000,
          minimum: 1,
          maximum: 100_000,
          description: 'Vault requests under way at once; more are answered 503.',
        }),
        answer_bytes: Type.Integer({
          default: 67_108_864,
          minimum: 1_048_576,
          maximum: 1_099_511_627_776,
          description:
            'Bytes of answers that clients have not read yet; past it the connection with most of them is closed.',
        }),
        connection_answer_bytes: Type.Integer({
          default: 1_048_576,
          minimum: 65_536,
          maximum: 1_099_511_627_776,
          description:
            'Bytes of answers that one connection has not read yet; past it further requests on it are answered 503.',
        }),
        cache_bytes: Type.Integer({
          default: 67_108_864,
          minimum: 0,
          maximum: 1_099_511_627_776,
          description: 'Bytes that sealed secrets may take in memory, those that were used last.',
        }),
        disk_reserve_bytes: Type.Integer({
          default: 268_435_456,
          minimum: 0,
          maximum: 1_099_511_627_776,
          description:
            'Free bytes below which clients that write more than their share are refused; 0 is never.',
        }),
      },
      strict,
    ),
    quotas: Type.Object(
      {
        secrets: quota(
          10_000,
          'Secrets of a namespace of the policy, deleted ones included; 0 is no limit. docs/POLICY.md says what a namespace is.',
        ),
        versions: quota(
          1000,
          'Versions of a secret; only destroyed ones make room for another. 0 is no limit.',
        ),
        bytes: quota(
          1_073_741_824,
          'Bytes of a namespace: sealed values and metadata, 512 for each name, 256 for each version; 0 is no limit.',
        ),
        tokens: quota(100, 'Tokens of a client that are still good; 0 is no limit.'),
      },
      strict,
    ),
    audit: Type.Object(
      {
        sync: Type.Union([Type.Literal('always'), Type.Literal('changes')], {
          default: 'always',
          description:
            '`always` fsyncs before every answer; with `changes` records of reads may lose the last second on power loss.',
        }),
        segment_bytes: Type.Integer({
          default: 16_777_216,
          minimum: 4096,
          maximum: 1_073_741_824,
          description: 'A segment is closed once it has grown past this many bytes.',
        }),
      },
      strict,
    ),
    logging: Type.Object(
      {
        level: Type.Union(
          [
            Type.Literal('fatal'),
            Type.Literal('error'),
            Type.Literal('warn'),
            Type.Literal('info'),
            Type.Literal('debug'),
            Type.Literal('trace'),
            Type.Literal('silent'),
          ],
          { default: 'info', description: 'The least severe level that is logged.' },
        ),
        json: Type.Boolean({
          default: true,
          description: 'One JSON object a line; false prints lines for people.',
        }),
      },
      strict,
    ),
    telemetry: Type.Object(
      {
        prometheus: Type.Object(
          {
            bind_addr: Type.Optional(
              Type.String({
                minLength: 3,
                description: 'Serve /metrics on a listener of its own, `host:port`, instead of on the API.',
              }),
            ),
            max_connections: Type.Integer({
              default: 32,
              minimum: 1,
              maximum: 10_000,
              description:
                'Connections to that listener at once; past it the one that kept the service waiting longest is closed.',
            }),
          },
          strict,
        ),
        otlp: Type.Object(
          {
            endpoint: Type.Optional(
              Type.String({
                pattern: '^https?://[^/?#@]+(/[^?#@]*)?$',
                // Somebody may put a password into it, in vain; no message repeats it.
                writeOnly: true,
                description:
                  'Push metrics, traces and logs by OTLP to this collector, such as http://127.0.0.1:4318; off without it. No credentials: OTEL_EXPORTER_OTLP_HEADERS carries them.',
              }),
            ),
            trace_ratio: Type.Number({
              default: 0.01,
              minimum: 0,
              maximum: 1,
              description: 'Share of traces that begin here and are sampled, 0 to 1.',
            }),
          },
          strict,
        ),
      },
      strict,
    ),
  },
  strict,
);

export type ConfigValues = Static<typeof configSchema>;

/** The configuration as the service uses it: frozen, every path absolute. */
export type Config = Readonly<{
  [Section in keyof ConfigValues]: Readonly<ConfigValues[Section]>;
}>;

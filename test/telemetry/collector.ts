import { EventEmitter, once } from 'node:events';
import { createServer, type IncomingHttpHeaders } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';
import { Server as GrpcServer, ServerCredentials, type ServiceDefinition } from '@grpc/grpc-js';
import { type Signal, signals } from '../../telemetry/otlp-settings.ts';
import { decodeJson, decodeProtobuf, type Payload } from './otlp-payloads.ts';

export interface Push extends Payload {
  readonly signal: Signal;
  /** `POST` path, or the gRPC method. */
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  /** As it was sent, unzipped. */
  readonly body: Buffer;
}

/** What a collector does with a push; `silent` accepts it and never answers, `partial` says that it left out three items. */
export type Manner = 'accept' | 'refuse' | 'silent' | 'partial';

/** A collector on loopback that keeps what it is sent. */
export class Collector {
  readonly url: string;
  readonly pushes: Push[] = [];
  manner: Manner = 'accept';
  /** Requests that began, whatever became of them. */
  asked = 0;
  readonly #arrivals = new EventEmitter();
  readonly #close: () => void;

  constructor(url: string, close: () => void) {
    this.url = url;
    this.#close = close;
  }

  take(push: Push): void {
    this.pushes.push(push);
    this.#arrivals.emit('push');
  }

  get spans() {
    return this.pushes.flatMap(({ spans }) => spans);
  }

  get logs() {
    return this.pushes.flatMap(({ logs }) => logs);
  }

  /** Resolves with the first answer that is not undefined, asked anew after every push. */
  async until<T>(found: () => T | undefined, what: string): Promise<T> {
    const deadline = AbortSignal.timeout(30_000);
    for (;;) {
      const result = found();
      if (result !== undefined) return result;
      await once(this.#arrivals, 'push', { signal: deadline }).catch(() => {
        throw new Error(`nothing was pushed that is ${what}`);
      });
    }
  }

  close(): void {
    this.#close();
  }
}

/** Speaks OTLP over HTTP, protobuf and JSON. */
export async function startCollector(port = 0): Promise<Collector> {
  const server = createServer(async (request, response) => {
    collector.asked++;
    const sent = await buffer(request);
    if (collector.manner === 'silent') return;
    if (collector.manner === 'refuse') {
      response.writeHead(400).end('{"message":"no"}');
      return;
    }
    const body = request.headers['content-encoding'] === 'gzip' ? gunzipSync(sent) : sent;
    const { url: path = '', headers } = request;
    const signal = signals.find(name => path.endsWith(name)) ?? 'metrics';
    const isJson = headers['content-type'] === 'application/json';
    const type = isJson ? 'application/json' : 'application/x-protobuf';
    response.writeHead(200, { 'content-type': type }).end(replyTo(signal, collector.manner, isJson));
    const payload = isJson ? decodeJson(body) : decodeProtobuf(signal, body);
    collector.take({ ...payload, signal, path, headers, body });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('no port');
  const collector = new Collector(`http://127.0.0.1:${address.port}`, () => {
    server.closeAllConnections();
    server.close();
  });
  return collector;
}

/** What it says about what it left out. */
export const complaint = 'too old for this collector';
const rejectedFields = {
  metrics: 'rejectedDataPoints',
  traces: 'rejectedSpans',
  logs: 'rejectedLogRecords',
} as const;

/** A response of opentelemetry-proto's collector services: nothing, or a partial success in field 1. */
function replyTo(signal: Signal, manner: Manner, isJson: boolean): Buffer {
  if (isJson) {
    const partialSuccess = { [rejectedFields[signal]]: '3', errorMessage: complaint };
    return Buffer.from(JSON.stringify(manner === 'partial' ? { partialSuccess } : {}));
  }
  if (manner !== 'partial') return Buffer.alloc(0);
  const partial = [0x08, 3, 0x12, complaint.length, ...Buffer.from(complaint)];
  return Buffer.from([0x0a, partial.length, ...partial]);
}

/** Speaks OTLP over gRPC. */
export async function startGrpcCollector(): Promise<Collector> {
  const server = new GrpcServer();
  for (const signal of signals) {
    const path = grpcMethod(signal);
    server.addService(exportService(path), {
      export(
        call: { request: Buffer; metadata: { getMap(): object } },
        done: (error: null, reply: Buffer) => void,
      ) {
        const headers = call.metadata.getMap() as IncomingHttpHeaders;
        done(null, replyTo(signal, collector.manner, false));
        collector.take({
          ...decodeProtobuf(signal, call.request),
          signal,
          path,
          headers,
          body: call.request,
        });
      },
    });
  }
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  server.bindAsync('127.0.0.1:0', ServerCredentials.createInsecure(), (error, port) =>
    error === null ? resolve(port) : reject(error),
  );
  const collector = new Collector(`http://127.0.0.1:${await promise}`, () => server.forceShutdown());
  return collector;
}

function grpcMethod(signal: Signal): string {
  const names = { traces: ['trace', 'Trace'], metrics: ['metrics', 'Metrics'], logs: ['logs', 'Logs'] };
  const [folder, service] = names[signal];
  return `/opentelemetry.proto.collector.${folder}.v1.${service}Service/Export`;
}

/** One unary method whose messages are left as bytes. */
function exportService(path: string): ServiceDefinition {
  const bytes = (value: Buffer) => value;
  return {
    export: {
      path,
      requestStream: false,
      responseStream: false,
      requestSerialize: bytes,
      requestDeserialize: bytes,
      responseSerialize: bytes,
      responseDeserialize: bytes,
    },
  };
}

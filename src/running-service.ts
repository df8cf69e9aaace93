import type { Server } from 'node:http';
import { recordHttpMetrics } from '../telemetry/http-metrics.ts';
import type { Telemetry } from '../telemetry/sdk.ts';
import { parseBindAddress } from './config/bind-address.ts';
import type { Config } from './config/schema.ts';
import type { SocketName } from './handover/inherited-sockets.ts';
import { Drain } from './http/drain.ts';
import { routeTemplateOf } from './http/route-template.ts';
import { createScrapeServer } from './http/scrape-server.ts';
import { leaveSocketFile, listen, listenOn } from './listening.ts';
import { drainDeadlineMs, type Service, type ServiceOptions, startService } from './service.ts';
import { throwIfStopped } from './signals.ts';
import { socketAccess } from './socket-access.ts';

export interface RunningServiceOptions extends ServiceOptions {
  readonly telemetry: Telemetry;
  /** Sockets that listen already, by the name of their listener; the others are bound as the configuration says. */
  readonly handles: ReadonlyMap<SocketName, object>;
  /** Whether the file of a unix socket among them was made by the service, which then removes it at its end. */
  readonly ownsSocketFile: boolean;
}

/** The service with its listeners. */
export class RunningService {
  readonly service: Service;
  readonly #servers: ReadonlyMap<SocketName, Server>;
  readonly #scrapes: Drain | null;
  readonly #stopRecording: () => void;

  private constructor(
    service: Service,
    servers: ReadonlyMap<SocketName, Server>,
    scrapes: Drain | null,
    stopRecording: () => void,
  ) {
    this.service = service;
    this.#servers = servers;
    this.#scrapes = scrapes;
    this.#stopRecording = stopRecording;
  }

  /** Resolves when requests are served. @throws StartError, or the reason of `stopRequested`; nothing is left open */
  static async start(options: RunningServiceOptions): Promise<RunningService> {
    const { config, telemetry } = options;
    const service = await startService(options);
    const stopRecording = recordHttpMetrics(
      service.app.server,
      telemetry.metrics,
      routeTemplateOf,
      telemetry.tracing,
    );
    try {
      await service.app.ready();
      await throwIfStopped(options.stopRequested);
      const servers = new Map<SocketName, Server>([['api', service.app.server]]);
      const { bind_addr: scrapeAddress, max_connections: maxConnections } = config.telemetry.prometheus;
      if (scrapeAddress !== undefined) {
        const { exposition, metrics } = telemetry;
        servers.set('metrics', createScrapeServer({ exposition, maxConnections, metrics }));
      }
      const scrapeServer = servers.get('metrics');
      const scrapes = scrapeServer === undefined ? null : new Drain(scrapeServer);
      for (const [name, server] of servers) await open(name, server, options);
      return new RunningService(service, servers, scrapes, stopRecording);
    } catch (error) {
      stopRecording();
      await service.stop();
      throw error;
    }
  }

  /** Of each listening socket. */
  get descriptors(): ReadonlyMap<SocketName, number> {
    return new Map([...this.#servers].map(([name, server]) => [name, descriptorOf(server)]));
  }

  /** Ends the connections that are open now while new ones are served. */
  async windDown(): Promise<void> {
    await Promise.all([this.service.windDown(), this.#scrapes?.windDown(drainDeadlineMs)]);
  }

  /** The files of unix sockets that the service made stay when it stops. Returns their paths. */
  leaveSocketFiles(): string[] {
    return [...this.#servers.values()].map(leaveSocketFile).filter(path => path !== null);
  }

  /** Requests in flight are finished, the audit log is signed and closed, the vault let go. */
  async stop(): Promise<void> {
    await Promise.all([this.#scrapes?.close(drainDeadlineMs), this.service.stop()]);
    this.#stopRecording();
  }
}

async function open(name: SocketName, server: Server, options: RunningServiceOptions): Promise<void> {
  const { config, handles, ownsSocketFile } = options;
  const address = bindAddress(name, config);
  const handle = handles.get(name);
  const access = name === 'api' ? socketAccess(config) : null;
  if (handle === undefined) await listen(server, address, access);
  else await listenOn(server, handle, ownsSocketFile && address.kind === 'unix' ? address.path : null);
}

function bindAddress(name: SocketName, { server, telemetry }: Config) {
  return name === 'api'
    ? parseBindAddress(server.bind_addr, 'server.bind_addr')
    : parseBindAddress(telemetry.prometheus.bind_addr ?? '', 'telemetry.prometheus.bind_addr');
}

/** Node shows the descriptor of a listening socket nowhere else. */
function descriptorOf(server: Server): number {
  return (server as unknown as { _handle: { fd: number } })._handle.fd;
}

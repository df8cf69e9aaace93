import type { ServerOptions as TlsOptions } from 'node:https';
import swagger from '@fastify/swagger';
import type { Exposition } from '../telemetry/exposition.ts';
import type { Metrics } from '../telemetry/instruments.ts';
import type { Tracing } from '../telemetry/tracing.ts';
import type { Limits } from './config/limits.ts';
import type { Api } from './http/api.ts';
import { BearerIdentity } from './http/authentication/bearer-identity.ts';
import { CertificateIdentity } from './http/authentication/certificate-identity.ts';
import { HeaderIdentity } from './http/authentication/header-identity.ts';
import type { Identity } from './http/authentication/identity.ts';
import type { RefusalRecorder } from './http/authentication/refusals.ts';
import { ConnectionCap } from './http/connection-cap.ts';
import type { FailureLog } from './http/error-replies.ts';
import { HandlerDeadline } from './http/handler-deadline.ts';
import { describeApi } from './http/openapi.ts';
import { OriginGuard } from './http/origin.ts';
import { OverloadGuard } from './http/overload.ts';
import { boundPipelines } from './http/pipelines.ts';
import { RequestLimits } from './http/request-limits.ts';
import { refuseUnsupported } from './http/request-options.ts';
import { attachSpan } from './http/request-span.ts';
import { noteRouteTemplate } from './http/route-template.ts';
import { activateRoutes } from './http/routes/activate.ts';
import { type HealthFacts, healthRoutes } from './http/routes/health.ts';
import { metricsRoutes } from './http/routes/metrics.ts';
import { openapiRoutes } from './http/routes/openapi.ts';
import { rotateRoutes } from './http/routes/rotate.ts';
import { secretRoutes } from './http/routes/secret.ts';
import { secretsRoutes } from './http/routes/secrets.ts';
import { tokenRoutes } from './http/routes/tokens.ts';
import { undeleteRoutes } from './http/routes/undelete.ts';
import { versionsRoutes } from './http/routes/versions.ts';
import { createServer } from './http/server.ts';
import { RequestsUnderWay } from './http/under-way.ts';
import { UnreadAnswers } from './http/unread-answers.ts';
import type { Vault } from './vault/vault.ts';

export interface AppDependencies {
  /** How callers say who they are. */
  readonly identity: 'header' | 'token';
  readonly vault: Vault;
  readonly metrics: Metrics;
  readonly tracing: Tracing;
  readonly refusals: RefusalRecorder;
  readonly logger: FailureLog;
  /** Null for plain HTTP. */
  readonly tls: TlsOptions | null;
  /** The client that a name of a verified certificate belongs to; null for nobody's. */
  readonly clientOfCertificate: (name: string, authorities: readonly string[]) => string | null;
  readonly health: HealthFacts;
  /** By which credentials expire, in milliseconds since the epoch; the wall clock unless given. */
  readonly credentialTime?: () => number;
  /** Host names answered for, besides loopback ones. */
  readonly expectedHosts: readonly string[];
  readonly limits: Limits;
  /** Milliseconds of grace for rotation rules that name none. */
  readonly defaultGrace: number;
  /** Null where /metrics has a listener of its own. */
  readonly exposition: Exposition | null;
}

/** The only wiring of the HTTP side; tests build the same app. */
export async function buildApp(dependencies: AppDependencies): Promise<Api> {
  const { vault, metrics, tracing, logger, tls, health, exposition, defaultGrace } = dependencies;
  const app = createServer(logger, tls);
  app.server.on('tlsClientError', () => metrics.handshakeFailed());
  await app.register(swagger, describeApi(health.version));
  boundPipelines(app.server, metrics);
  const origin = new OriginGuard(dependencies.expectedHosts);
  const limits = new RequestLimits(dependencies.limits, metrics);
  const refusals = limits.guardRefusals(dependencies.refusals);
  const identity = identityOf({ ...dependencies, refusals });
  const certificates = new CertificateIdentity({
    clientOf: dependencies.clientOfCertificate,
    sayingHeaders:
      dependencies.identity === 'token' ? ['authorization'] : ['authorization', 'x-jarvis-client'],
    metrics,
    refusals,
    now: dependencies.credentialTime ?? Date.now,
  });
  const underWay = new RequestsUnderWay();
  const overload = new OverloadGuard(metrics, underWay, dependencies.limits.maxRequests);
  const unread = new UnreadAnswers(underWay, dependencies.limits, metrics);
  const deadline = new HandlerDeadline(underWay);
  new ConnectionCap(app.server, dependencies.limits.maxConnections, metrics);
  app.server.once('listening', () => {
    overload.watch();
    deadline.watch();
  });
  app.addHook('onClose', async () => {
    overload.stop();
    deadline.stop();
  });

  await app.register(async probes => {
    probes.addHook('onRequest', async request => refuseUnsupported(request));
    healthRoutes(probes, health);
    if (exposition !== null) metricsRoutes(probes, exposition);
  });
  await app.register(async guarded => {
    guarded.addHook('onRequest', async request => {
      origin.check(request);
      refuseUnsupported(request);
    });
    openapiRoutes(guarded);
  });
  await app.register(async api => {
    api.decorateRequest('caller');
    api.decorateRequest('span');
    api.addHook('onRequest', (request, _reply, done) => {
      noteRouteTemplate(request);
      attachSpan(request, tracing);
      overload.check(request.socket);
      origin.check(request);
      const caller = certificates.identify(request) ?? identity.authenticate(request);
      if (caller instanceof Promise) return void caller.catch(done);
      request.caller = caller;
      refuseUnsupported(request);
      limits.spend(request, 1);
      done();
    });
    api.addHook('preValidation', (request, reply, done) => {
      overload.check(request.socket);
      unread.check(reply);
      underWay.admit(reply);
      done();
    });
    api.addHook('onSend', (_request, reply, payload, done) => {
      unread.made(reply, payload);
      done();
    });
    secretRoutes(api, vault, metrics, limits, defaultGrace);
    secretsRoutes(api, vault, limits, unread);
    versionsRoutes(api, vault, limits, unread);
    activateRoutes(api, vault);
    undeleteRoutes(api, vault);
    rotateRoutes(api, vault, limits);
    tokenRoutes(api, vault, limits, unread);
  });
  return app;
}

function identityOf({ identity, vault, metrics, refusals }: AppDependencies): Identity {
  return identity === 'token'
    ? new BearerIdentity(vault, metrics, refusals)
    : new HeaderIdentity(metrics, refusals);
}

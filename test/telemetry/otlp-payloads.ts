/** What is pushed by OTLP, decoded from protobuf or JSON to the same flat shapes. */
import { join } from 'node:path';
import protobuf from 'protobufjs';
import type { Signal } from '../../telemetry/otlp-settings.ts';

export type Attributes = Readonly<Record<string, unknown>>;

export interface PushedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  /** Empty for a root. */
  readonly parentSpanId: string;
  readonly traceState: string;
  readonly kind: number;
  /** Nanoseconds since the epoch. */
  readonly start: bigint;
  readonly end: bigint;
  readonly attributes: Attributes;
  /** 0 unset, 2 error. */
  readonly status: number;
  readonly resource: Attributes;
}

export interface PushedLog {
  readonly body: unknown;
  readonly severity: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly attributes: Attributes;
}

export interface PushedMetric {
  readonly name: string;
  readonly attributes: Attributes;
  /** The count of a histogram. */
  readonly value: number;
}

export interface Payload {
  readonly spans: readonly PushedSpan[];
  readonly logs: readonly PushedLog[];
  readonly metrics: readonly PushedMetric[];
}

interface WireValue {
  readonly stringValue?: string;
  readonly boolValue?: boolean;
  readonly intValue?: string | number;
  readonly doubleValue?: number;
  readonly arrayValue?: { readonly values?: readonly WireValue[] };
}
type WireAttributes = readonly { readonly key: string; readonly value?: WireValue }[];
/** Hexadecimal in JSON. */
type WireId = string | Uint8Array;

interface WireSpan {
  readonly name: string;
  readonly traceId: WireId;
  readonly spanId: WireId;
  readonly parentSpanId?: WireId;
  readonly traceState?: string;
  readonly kind?: number;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes?: WireAttributes;
  readonly status?: { readonly code?: number };
}
interface WireLog {
  readonly body?: WireValue;
  readonly severityText?: string;
  readonly traceId?: WireId;
  readonly spanId?: WireId;
  readonly attributes?: WireAttributes;
}
interface WirePoint {
  readonly attributes?: WireAttributes;
  readonly asDouble?: number;
  readonly asInt?: string | number;
  readonly count?: string | number;
}
type WireMetric = { readonly name: string } & Partial<
  Record<'gauge' | 'sum' | 'histogram', { readonly dataPoints?: readonly WirePoint[] }>
>;

interface WireResource {
  readonly resource?: { readonly attributes?: WireAttributes };
}
interface WireMessage {
  readonly resourceSpans?: readonly (WireResource & {
    readonly scopeSpans?: readonly { readonly spans?: readonly WireSpan[] }[];
  })[];
  readonly resourceLogs?: readonly (WireResource & {
    readonly scopeLogs?: readonly { readonly logRecords?: readonly WireLog[] }[];
  })[];
  readonly resourceMetrics?: readonly (WireResource & {
    readonly scopeMetrics?: readonly { readonly metrics?: readonly WireMetric[] }[];
  })[];
}

const definitions = protobuf.loadSync(join(import.meta.dirname, 'otlp.proto'));
const messages: Readonly<Record<Signal, string>> = { traces: 'Traces', logs: 'Logs', metrics: 'Metrics' };

export function decodeJson(body: Buffer): Payload {
  return flat(JSON.parse(body.toString()) as WireMessage);
}

export function decodeProtobuf(signal: Signal, body: Buffer): Payload {
  const type = definitions.lookupType(messages[signal]);
  return flat(type.toObject(type.decode(body), { longs: String }) as WireMessage);
}

function flat({ resourceSpans = [], resourceLogs = [], resourceMetrics = [] }: WireMessage): Payload {
  return {
    spans: resourceSpans.flatMap(({ resource, scopeSpans = [] }) =>
      scopeSpans.flatMap(({ spans = [] }) => spans.map(span => spanOf(span, resource?.attributes))),
    ),
    logs: resourceLogs.flatMap(({ scopeLogs = [] }) =>
      scopeLogs.flatMap(({ logRecords = [] }) => logRecords.map(logOf)),
    ),
    metrics: resourceMetrics.flatMap(({ scopeMetrics = [] }) =>
      scopeMetrics.flatMap(({ metrics = [] }) => metrics.flatMap(pointsOf)),
    ),
  };
}

function spanOf(span: WireSpan, resource: WireAttributes = []): PushedSpan {
  return {
    name: span.name,
    traceId: hexadecimal(span.traceId),
    spanId: hexadecimal(span.spanId),
    parentSpanId: hexadecimal(span.parentSpanId),
    traceState: span.traceState ?? '',
    kind: span.kind ?? 0,
    start: BigInt(span.startTimeUnixNano),
    end: BigInt(span.endTimeUnixNano),
    attributes: attributesOf(span.attributes),
    status: span.status?.code ?? 0,
    resource: attributesOf(resource),
  };
}

function logOf({ body = {}, severityText = '', traceId, spanId, attributes }: WireLog): PushedLog {
  return {
    body: plain(body),
    severity: severityText,
    traceId: hexadecimal(traceId),
    spanId: hexadecimal(spanId),
    attributes: attributesOf(attributes),
  };
}

function pointsOf({ name, gauge, sum, histogram }: WireMetric): PushedMetric[] {
  const points = (gauge ?? sum ?? histogram)?.dataPoints ?? [];
  return points.map(({ attributes, asDouble, asInt, count }) => ({
    name,
    attributes: attributesOf(attributes),
    value: Number(asDouble ?? asInt ?? count ?? 0),
  }));
}

function attributesOf(attributes: WireAttributes = []): Attributes {
  return Object.fromEntries(attributes.map(({ key, value = {} }) => [key, plain(value)]));
}

function plain({ stringValue, boolValue, intValue, doubleValue, arrayValue }: WireValue): unknown {
  if (arrayValue !== undefined) return (arrayValue.values ?? []).map(plain);
  return stringValue ?? boolValue ?? doubleValue ?? (intValue === undefined ? null : Number(intValue));
}

function hexadecimal(id: WireId = ''): string {
  return typeof id === 'string' ? id : Buffer.from(id).toString('hex');
}

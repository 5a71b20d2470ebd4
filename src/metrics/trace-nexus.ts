/** Traces for OpenTelemetry: a dispatch, each attempt at it, and what handlers dispatch are one trace, over processes and retries. */
import { createRequire } from 'node:module';
import type * as Api from '@opentelemetry/api';
import { describeFailure, RetryAfterError } from '../core/errors.js';
import { peer } from '../core/peer.js';
import type { AttemptToBe, Headers, Nexus, SaidToBe } from '../nexus.js';
import { fromHeaders, toHeaders } from './trace-context.js';

/** The part of an OpenTelemetry tracer that is used. */
export interface TracerLike {
  startSpan(name: string, options?: never, context?: never): unknown;
}

/** For `traceNexus`. */
export interface TraceOptions {
  /** @default the one that the global tracer provider has for this package */
  tracer?: TracerLike;
}

/** Failed attempts that are remembered, for the next one of the same delivery to be linked to. */
const MOST_LINKS = 10_000;

/**
 * Makes spans of what a Nexus does, and carries the trace in the headers of events (`traceparent`). Needs
 * `@opentelemetry/api`; without an SDK that is registered it does nothing. Returns its end.
 *
 * @example
 * const stop = traceNexus(nexus);
 *
 * @throws NexusError NEXUS_PEER_MISSING
 */
export function traceNexus(
  nexus: Pick<Nexus, 'instrument' | 'on'>,
  options: TraceOptions = {},
  load: () => unknown = loadApi,
): () => void {
  const api = apiFrom(load);
  const { context, trace, SpanKind, SpanStatusCode, ROOT_CONTEXT } = api;
  const given = options.tracer as Api.Tracer | undefined;
  // Asked for each time: the provider may be registered later, and by another.
  const tracer = (): Api.Tracer => given ?? trace.getTracer('@neo-protocol/nexus');
  const open = new Map<string, { readonly attempt: number; readonly span: Api.Span }>();
  const failed = new Map<string, Api.SpanContext>();

  const remember = (delivery: string, span: Api.Span): void => {
    const [oldest] = failed.keys();
    if (failed.size >= MOST_LINKS && oldest !== undefined) failed.delete(oldest);
    failed.set(delivery, span.spanContext());
  };

  const remote = (headers: Headers | undefined): Api.SpanContext | undefined => {
    const place = fromHeaders(headers);
    if (!place) return undefined;
    const { state, ...rest } = place;
    return {
      ...rest,
      isRemote: true,
      ...(state !== undefined && { traceState: api.createTraceState(state) }),
    };
  };

  const fail = (span: Api.Span, error: unknown): void => {
    const { code, message } = describeFailure(error);
    span.setAttribute('error.type', code);
    if (RetryAfterError.is(error)) return;
    span.recordException({ name: code, message });
    span.setStatus({ code: SpanStatusCode.ERROR, message: code });
  };

  const publish = (said: SaidToBe, parent: Api.Context): Api.Span =>
    tracer().startSpan(
      `publish ${said.type}`,
      {
        kind: SpanKind.PRODUCER,
        attributes: {
          'messaging.system': 'nexus',
          'messaging.operation.type': 'send',
          'messaging.destination.name': said.type,
          ...(said.source !== undefined && { 'nexus.source': said.source }),
          ...(said.count > 1 && { 'messaging.batch.message_count': said.count }),
        },
      },
      parent,
    );

  const endings = [
    nexus.instrument({
      dispatch: (said, proceed) => {
        const from = remote(said.headers);
        const parent = from ? trace.setSpanContext(context.active(), from) : context.active();
        const span = publish(said, parent);
        const place = span.spanContext();
        // Nobody is tracing: what the sender gave stays.
        if (!trace.isSpanContextValid(place)) return proceed();
        return during(
          () => context.with(trace.setSpan(parent, span), proceed, undefined, toHeaders(place)),
          (said) => {
            const { id, duplicate } = (said ?? {}) as { id?: string; duplicate?: boolean };
            if (id !== undefined) span.setAttribute('messaging.message.id', id);
            if (duplicate !== undefined) span.setAttribute('nexus.duplicate', duplicate);
            span.end();
          },
          (error) => {
            fail(span, error);
            span.end();
          },
        );
      },
      attempt: (attempt, proceed) => {
        const event = remote(attempt.headers);
        const { deliveryId } = attempt;
        const before = failed.get(deliveryId);
        // A replay is not part of what once happened: it is linked to it.
        const parent = event && !attempt.replayed ? trace.setSpanContext(ROOT_CONTEXT, event) : ROOT_CONTEXT;
        const links = [...(before ? [before] : []), ...(event && attempt.replayed ? [event] : [])];
        const span = tracer().startSpan(
          `process ${attempt.reactor}`,
          {
            kind: SpanKind.CONSUMER,
            attributes: attributesOf(attempt),
            links: links.map((each) => ({ context: each })),
          },
          parent,
        );
        if (!trace.isSpanContextValid(span.spanContext())) return proceed();
        const own = trace.setSpan(parent, span);
        open.set(deliveryId, { attempt: attempt.attempt, span });
        const end = (): void => {
          if (open.get(deliveryId)?.span === span) open.delete(deliveryId);
          span.end();
        };
        const child = (said: SaidToBe): Headers => {
          const active = context.active();
          const made = publish(said, trace.getSpan(active) ? active : own);
          // It becomes durable with its handler's success, and has no time of its own.
          made.end();
          return toHeaders(made.spanContext());
        };
        return during(
          () => context.with(own, proceed, undefined, child),
          () => {
            failed.delete(deliveryId);
            end();
          },
          (error) => {
            fail(span, error);
            remember(deliveryId, span);
            end();
          },
        );
      },
    }),
    // A handler that ran out of time may never come back: its span ends with its outcome.
    ...(['delivery:failed', 'delivery:dead'] as const).map((name) =>
      nexus.on(name, ({ deliveryId, attempt, error }) => {
        const running = open.get(deliveryId);
        if (running?.attempt !== attempt) return;
        open.delete(deliveryId);
        fail(running.span, error);
        remember(deliveryId, running.span);
        running.span.end();
      }),
    ),
  ];
  return () => endings.forEach((end) => end());
}

/** Runs it and sees how it ends, at once or later; gives back what it gave. */
function during<R>(run: () => R, done: (result: unknown) => void, threw: (error: unknown) => void): R {
  let result: R;
  try {
    result = run();
  } catch (error) {
    threw(error);
    throw error;
  }
  if (result instanceof Promise) result.then(done, threw);
  else done(result);
  return result;
}

function attributesOf(attempt: AttemptToBe): Api.Attributes {
  return {
    'messaging.system': 'nexus',
    'messaging.operation.type': 'process',
    'messaging.destination.name': attempt.eventType,
    'messaging.message.id': attempt.eventId,
    'messaging.consumer.group.name': attempt.reactor,
    'nexus.delivery': attempt.deliveryId,
    'nexus.seq': attempt.seq,
    'nexus.attempt': attempt.attempt,
    'nexus.replayed': attempt.replayed,
  };
}

function apiFrom(load: () => unknown): typeof Api {
  return peer('@opentelemetry/api', load, 'traceNexus needs', 'npm install @opentelemetry/api') as typeof Api;
}

function loadApi(): unknown {
  return createRequire(import.meta.url)('@opentelemetry/api');
}

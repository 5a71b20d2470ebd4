import { context, createTraceState, SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  InMemorySpanExporter,
  SimpleSpanProcessor,
  type ReadableSpan,
} from '@opentelemetry/sdk-trace-base';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { traceNexus } from '../../src/metrics/index.js';
import { createOutbox } from '../../src/index.js';
import { createBus } from '../support/bus.js';
import { openDatabase } from '../support/database.js';
import { serve, signed } from '../http/serve.js';

const exporter = new InMemorySpanExporter();
const provider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
const contexts = new AsyncLocalStorageContextManager();
const tracer = provider.getTracer('test');

beforeAll(() => {
  contexts.enable();
  context.setGlobalContextManager(contexts);
});
afterAll(() => {
  contexts.disable();
  context.disable();
});
beforeEach(() => exporter.reset());

const spans = (name?: string): ReadableSpan[] =>
  exporter.getFinishedSpans().filter((span) => name === undefined || span.name === name);
const parentOf = (span: ReadableSpan | undefined): string | undefined => span?.parentSpanContext?.spanId;
const idOf = (span: ReadableSpan | undefined): string | undefined => span?.spanContext().spanId;

describe('a trace', () => {
  it('goes from the dispatch to its attempts, to what they dispatch, and on', async () => {
    const { nexus } = createBus();
    traceNexus(nexus, { tracer });
    nexus.onEvent('A', { name: 'first' }, async (_, ctx) => {
      await tracer.startActiveSpan('inside', async (span) => {
        await Promise.resolve();
        span.end();
      });
      ctx.dispatch('B', {});
    });
    nexus.onEvent('B', { name: 'second' }, () => undefined);
    let outer: string | undefined;
    const { id } = await tracer.startActiveSpan('host', async (span) => {
      outer = span.spanContext().spanId;
      try {
        return await nexus.dispatch('A', {});
      } finally {
        span.end();
      }
    });
    await nexus.idle();
    const [publishA, first, inside, publishB, second] = [
      'publish A',
      'process first',
      'inside',
      'publish B',
      'process second',
    ].map((name) => spans(name)[0]);
    expect(spans()).toHaveLength(6);
    expect(new Set(spans().map((span) => span.spanContext().traceId)).size).toBe(1);
    expect(parentOf(publishA)).toBe(outer);
    expect([parentOf(first), parentOf(inside)]).toEqual([idOf(publishA), idOf(first)]);
    expect([parentOf(publishB), parentOf(second)]).toEqual([idOf(first), idOf(publishB)]);
    expect([publishA?.kind, first?.kind]).toEqual([SpanKind.PRODUCER, SpanKind.CONSUMER]);
    expect(publishA?.attributes).toMatchObject({ 'messaging.message.id': id, 'nexus.duplicate': false });
    const event = await nexus.events.get(id);
    expect(event?.headers.traceparent).toBe(
      `00-${publishA?.spanContext().traceId ?? ''}-${idOf(publishA) ?? ''}-01`,
    );
  });

  it('links a retry to the attempt before it, under the same dispatch', async () => {
    const { nexus, clock } = createBus();
    traceNexus(nexus, { tracer });
    nexus.onEvent(
      'A',
      { name: 'r', retry: { maxAttempts: 3, initialMs: 1_000, jitter: 0 } },
      (_, { attempt }) => {
        if (attempt < 3) throw new TypeError('no');
      },
    );
    await nexus.dispatch('A', {});
    await clock.advance(10_000);
    const attempts = spans('process r');
    expect(attempts.map(({ attributes }) => attributes['nexus.attempt'])).toEqual([1, 2, 3]);
    expect(attempts.map(({ status }) => status.code)).toEqual([
      SpanStatusCode.ERROR,
      SpanStatusCode.ERROR,
      SpanStatusCode.UNSET,
    ]);
    expect(attempts.map(({ links }) => links.map((link) => link.context.spanId))).toEqual([
      [],
      [idOf(attempts[0])],
      [idOf(attempts[1])],
    ]);
    expect(new Set(attempts.map(parentOf))).toEqual(new Set([idOf(spans('publish A')[0])]));
    expect(attempts[0]?.attributes['error.type']).toBe('TypeError');
  });

  it('ends the span of a handler that never returns', async () => {
    const { nexus, clock } = createBus();
    traceNexus(nexus, { tracer });
    nexus.onEvent(
      'A',
      { name: 'r', timeoutMs: 1_000, retry: { maxAttempts: 1 } },
      () => new Promise(() => undefined),
    );
    await nexus.dispatch('A', {});
    await clock.advance(2_000);
    expect(spans('process r')).toMatchObject([{ attributes: { 'error.type': 'NEXUS_TIMEOUT' } }]);
  });

  it('links a replay to what once happened, and is none of it', async () => {
    const { nexus } = createBus();
    traceNexus(nexus, { tracer });
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    await nexus.dispatch('A', {});
    await nexus.idle();
    await nexus.replay({ reactors: ['r'], from: 1 });
    const [live, replayed] = spans('process r');
    expect(replayed?.attributes['nexus.replayed']).toBe(true);
    expect(replayed?.spanContext().traceId).not.toBe(live?.spanContext().traceId);
    expect(replayed?.links.map((link) => link.context.spanId)).toEqual([idOf(spans('publish A')[0])]);
  });

  it('is of the sender, where it gave one', async () => {
    const { nexus } = createBus();
    traceNexus(nexus, { tracer });
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    const { id } = await nexus.dispatch('A', {}, { headers: { traceparent, tracestate: 'a=b', mine: 'x' } });
    const [span] = spans('publish A');
    expect(span?.spanContext().traceId).toBe('4bf92f3577b34da6a3ce929d0e0e4736');
    expect(parentOf(span)).toBe('00f067aa0ba902b7');
    const headers = (await nexus.events.get(id))?.headers;
    expect(headers).toEqual({
      traceparent: `00-4bf92f3577b34da6a3ce929d0e0e4736-${idOf(span) ?? ''}-01`,
      tracestate: createTraceState('a=b').serialize(),
      mine: 'x',
    });
  });

  it('of many at once is one dispatch', async () => {
    const { nexus } = createBus();
    traceNexus(nexus, { tracer });
    nexus.onEvent('*', { name: 'r' }, () => undefined);
    await nexus.dispatchMany([
      { type: 'A', payload: {} },
      { type: 'B', payload: {}, options: { headers: { mine: 'x' } } },
    ]);
    await nexus.idle();
    expect(spans('publish A')).toMatchObject([{ attributes: { 'messaging.batch.message_count': 2 } }]);
    expect(spans('process r').map(parentOf)).toEqual([
      idOf(spans('publish A')[0]),
      idOf(spans('publish A')[0]),
    ]);
  });

  it('goes through an outbox', async () => {
    const { nexus } = createBus();
    traceNexus(nexus, { tracer });
    const db = openDatabase(':memory:');
    createOutbox(db);
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    nexus.within(db).dispatch('A', {});
    await nexus.idle();
    expect(spans('process r').map(parentOf)).toEqual([idOf(spans('publish A')[0])]);
  });

  it('tells of a dispatch that fails', async () => {
    const { nexus } = createBus({ events: {} });
    traceNexus(nexus, { tracer });
    await expect(nexus.dispatch('NOPE' as never, {})).rejects.toMatchObject({
      code: 'NEXUS_UNKNOWN_EVENT',
    });
    await expect(nexus.dispatchMany(7 as never)).rejects.toMatchObject({ code: 'NEXUS_INVALID_OPTION' });
    expect(spans()).toMatchObject([
      {
        name: 'publish NOPE',
        status: { code: SpanStatusCode.ERROR },
        attributes: { 'error.type': 'NEXUS_UNKNOWN_EVENT' },
      },
    ]);
  });
});

describe('without tracing', () => {
  it('headers are those of the sender', async () => {
    const { nexus } = createBus();
    traceNexus(nexus);
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';
    nexus.onEvent('A', { name: 'r' }, (_, ctx) => void ctx.dispatch('B', {}));
    const { id } = await nexus.dispatch('A', {}, { headers: { traceparent } });
    const { id: bare } = await nexus.dispatch('C', {});
    await nexus.idle();
    expect((await nexus.events.get(id))?.headers).toEqual({ traceparent });
    expect((await nexus.events.get(bare))?.headers).toEqual({});
    expect(trace.getTracerProvider()).toBeDefined();
  });

  it('nothing is left when it ends', async () => {
    const { nexus } = createBus();
    const stop = traceNexus(nexus, { tracer });
    stop();
    nexus.onEvent('A', { name: 'r' }, () => undefined);
    const { id } = await nexus.dispatch('A', {});
    await nexus.idle();
    expect(spans()).toEqual([]);
    expect((await nexus.events.get(id))?.headers).toEqual({});
  });

  it('it says what is missing', () => {
    const load = (): never => {
      throw new Error('Cannot find module');
    };
    expect(() => traceNexus(createBus().nexus, {}, load)).toThrow(
      expect.objectContaining({ code: 'NEXUS_PEER_MISSING' }),
    );
  });
});

describe('POST /events', () => {
  const trace1 = '4bf92f3577b34da6a3ce929d0e0e4736';
  const legal = `00-${trace1}-00f067aa0ba902b7-01`;
  const body = JSON.stringify({ event: 'PAYMENT_X', payload: {} });
  const headersOf = async (
    headers: Record<string, string>,
    sent = body,
  ): Promise<Record<string, string> | undefined> => {
    const { nexus, post } = serve('fetch');
    const { status, json } = await post(sent, { ...signed('flowpay', sent), ...headers });
    expect(status).toBe(202);
    return (await nexus.events.get(String(json.eventId)))?.headers;
  };

  it.each([legal, `01-${trace1}-00f067aa0ba902b7-00-more`])(
    'keeps the trace of the request: %s',
    async (traceparent) => {
      expect(await headersOf({ traceparent, tracestate: 'vendor=1' })).toEqual({
        traceparent,
        tracestate: 'vendor=1',
      });
    },
  );

  it.each([
    'x',
    `ff-${trace1}-00f067aa0ba902b7-01`,
    `00-${'0'.repeat(32)}-00f067aa0ba902b7-01`,
    `00-${trace1}-${'0'.repeat(16)}-01`,
    `${legal}-more`,
    `00-${trace1.toUpperCase()}-00f067aa0ba902b7-01`,
    `${legal}, ${legal}`,
    '',
  ])('leaves out one that is not legal: %s', async (traceparent) => {
    expect(await headersOf({ traceparent, tracestate: 'vendor=1' })).toEqual({});
  });

  it('prefers what the sender signed', async () => {
    const own = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`;
    const sent = JSON.stringify({ event: 'PAYMENT_X', payload: {}, headers: { traceparent: own } });
    expect(await headersOf({ traceparent: legal }, sent)).toEqual({ traceparent: own });
  });

  it('is part of the trace', async () => {
    const { nexus, post } = serve('fetch');
    traceNexus(nexus, { tracer });
    nexus.onEvent('*', { name: 'r' }, () => undefined);
    await post(body, { ...signed('flowpay', body), traceparent: legal });
    await nexus.idle();
    expect(spans().map((span) => span.spanContext().traceId)).toEqual([trace1, trace1]);
  });
});

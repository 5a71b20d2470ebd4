/** W3C Trace Context as headers of events: https://www.w3.org/TR/trace-context/ */
import type { Headers } from '../nexus.js';

/** The part of an OpenTelemetry span context that headers carry. */
export type SpanPlace = {
  readonly traceId: string;
  readonly spanId: string;
  readonly traceFlags: number;
  readonly traceState?: { serialize(): string } | undefined;
};

export function toHeaders({ traceId, spanId, traceFlags, traceState }: SpanPlace): Headers {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0');
  const state = traceState?.serialize();
  return {
    traceparent: `00-${traceId}-${spanId}-${flags}`,
    ...(state !== undefined && state !== '' && state.length <= 512 && { tracestate: state }),
  };
}

/** Undefined where there is none that is legal. */
export function fromHeaders(
  headers: Headers | undefined,
): (Omit<SpanPlace, 'traceState'> & { readonly state: string | undefined }) | undefined {
  const given = headers?.traceparent;
  if (typeof given !== 'string') return undefined;
  const [, version, traceId = '', spanId = '', flags = ''] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(?:$|-)/.exec(given) ?? [];
  if (version === undefined || version === 'ff' || /^0*$/.test(traceId) || /^0*$/.test(spanId))
    return undefined;
  return { traceId, spanId, traceFlags: Number.parseInt(flags, 16), state: headers?.tracestate };
}

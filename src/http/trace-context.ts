/** The trace a request belongs to (W3C Trace Context): it becomes part of the event's headers. */
import type { HeaderOf } from '../nodes/signatures.js';

/**
 * The headers of an event with the trace context of its request, where that has a legal one and the sender gave none in
 * the body. Undefined where there are none. The signature does not cover it, so it is good for finding one's way and for nothing else.
 */
export function withTraceContext(
  headers: Readonly<Record<string, string>> | undefined,
  header: HeaderOf,
): Readonly<Record<string, string>> | undefined {
  const traceparent = header('traceparent')?.trim();
  if (traceparent === undefined || !isTraceparent(traceparent)) return headers;
  if (headers && Object.hasOwn(headers, 'traceparent')) return headers;
  const tracestate = header('tracestate')?.trim();
  const legal = tracestate !== undefined && /^[\x20-\x7e]{1,512}$/.test(tracestate);
  return { ...headers, traceparent, ...(legal && { tracestate }) };
}

/** Version 00 to the letter; later versions may say more behind. */
function isTraceparent(text: string): boolean {
  const match = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[\x21-\x7e]{0,200})?$/.exec(
    text,
  );
  if (!match) return false;
  const [, version, trace = '', span = '', , more] = match;
  if (version === 'ff' || /^0+$/.test(trace) || /^0+$/.test(span)) return false;
  return version !== '00' || more === undefined;
}

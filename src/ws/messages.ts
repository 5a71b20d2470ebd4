/** What a client says and is told, as text. */
import { isLegalName } from '../core/event.js';

/** A message of a client, or what is wrong with it. */
export type Message =
  | { readonly action: 'subscribe'; readonly events: readonly string[]; readonly after: number | undefined }
  | { readonly action: 'unsubscribe'; readonly events: readonly string[] | undefined }
  | { readonly action: 'ping' }
  | { readonly wrong: string };

const MOST_TYPES = 100;

export function parseMessage(text: string): Message {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { wrong: 'the message is not JSON' };
  }
  if (typeof value !== 'object' || value === null) return { wrong: 'the message is not a JSON object' };
  const { action, events, after } = value as Record<string, unknown>;
  switch (action) {
    case 'ping':
      return { action };
    case 'unsubscribe':
      if (events === undefined) return { action, events };
      return isTypes(events) ? { action, events } : { wrong: wrongTypes };
    case 'subscribe':
      if (!isTypes(events)) return { wrong: wrongTypes };
      if (after === undefined || after === null) return { action, events, after: undefined };
      if (!Number.isSafeInteger(after) || (after as number) < 0)
        return { wrong: '"after" must be a seq, a whole number from 0' };
      return { action, events, after: after as number };
    default:
      return { wrong: '"action" must be subscribe, unsubscribe or ping' };
  }
}

const wrongTypes = `"events" must be a list of 1 to ${MOST_TYPES} event types, or ["*"]`;

function isTypes(events: unknown): events is string[] {
  return (
    Array.isArray(events) &&
    events.length >= 1 &&
    events.length <= MOST_TYPES &&
    events.every((each) => typeof each === 'string' && (each === '*' || isLegalName(each)))
  );
}

export function errorText(code: string, message: string): string {
  return JSON.stringify({ error: code, message });
}

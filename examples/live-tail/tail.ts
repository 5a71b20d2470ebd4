/** Events as lines, as they come. */
import type { ConnectionState, RemoteEvent } from '@neo-protocol/nexus/sdk';

const colors = [36, 32, 33, 35, 34, 31];

/** A line for an event; the same type always has the same color. */
export function lineOf(event: RemoteEvent, { color }: { readonly color: boolean }): string {
  const { seq, type, source, payload, timestamp } = event;
  const paint = (code: number, text: string): string => (color ? `\u001b[${code}m${text}\u001b[0m` : text);
  const hue =
    colors[Array.from(type).reduce((sum, letter) => sum + letter.charCodeAt(0), 0) % colors.length] ?? 37;
  const time = new Date(timestamp).toISOString().slice(11, 23);
  const text = printable(JSON.stringify(payload));
  return `${paint(90, `${time} ${String(seq).padStart(6)}`)} ${paint(hue, printable(type))} ${paint(90, printable(source))} ${text}`;
}

/** What is going on with the connection, where that is worth a line. */
export function noteOf(state: ConnectionState): string | undefined {
  if (state.state === 'live') return `connected (${state.transport})`;
  if (state.state === 'waiting') return `${state.error.message}; again in ${state.delayMs} ms`;
  return state.state === 'closed' && state.error
    ? `over: ${state.error.code} ${state.error.message}`
    : undefined;
}

/** Nobody's payload may move the cursor of a terminal, or turn a line around. */
function printable(text: string): string {
  return text.replace(/[\p{C}\u2028\u2029]/gu, (odd) => `\\u{${(odd.codePointAt(0) ?? 0).toString(16)}}`);
}

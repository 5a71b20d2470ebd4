/** The story of an event as a tree. */
import type { Explanation } from '@neo-protocol/nexus';

export function formatTrace(explanation: Explanation, indent = ''): string {
  const { event, deliveries, children } = explanation;
  const lines = [`${indent}${event.type}  seq ${event.seq}  from ${event.source}  ${event.id}`];
  for (const delivery of deliveries) {
    for (const { attempt, outcome, ms, error } of delivery.attempts) {
      lines.push(
        `${indent}  ├ ${delivery.reactor}  attempt ${attempt}  ${outcome} after ${ms} ms  ${error.message}`,
      );
    }
    const last =
      delivery.state === 'succeeded'
        ? `attempt ${delivery.attempt}  succeeded after ${delivery.ms ?? 0} ms`
        : delivery.state;
    lines.push(`${indent}  └ ${delivery.reactor}  ${last}`);
  }
  for (const child of children) lines.push(formatTrace(child, `${indent}    `));
  return lines.join('\n');
}

/** `GET /health`: whether it works, for everybody; why not, and its numbers, for admins. */
import { ingress } from '../nexus.js';
import type { Guard } from './guard.js';
import type { Incoming, Served } from './incoming.js';
import { json, type Answer } from './problem.js';

/**
 * Those who ask at the same time are answered together: probes are not limited, so they must be cheap. Reasons may name what is
 * nobody's business, so they are for who brings the token of an admin.
 */
export function createHealth(nexus: Served, guard: Guard): (request: Incoming) => Promise<Answer> {
  let asking: Promise<Answer> | undefined;
  return async (request) => {
    if (request.header('authorization') !== undefined) return await detailed(nexus, guard, request);
    asking ??= nexus
      .health()
      .then(({ status, reasons, head }) =>
        json(status === 'down' ? 503 : 200, { status, head, reasons: reasons.length }),
      )
      .finally(() => {
        asking = undefined;
      });
    return await asking;
  };
}

/** Limited as any other request: it proves something. A node that is no admin is told what everybody is. */
async function detailed(nexus: Served, guard: Guard, request: Incoming): Promise<Answer> {
  const limited = guard.byAddress(request);
  if (limited) return limited;
  const passed = guard.byToken(request);
  if ('answer' in passed) return passed.answer;
  const { status, reasons, head } = await nexus.health();
  const code = status === 'down' ? 503 : 200;
  if (!nexus[ingress].isAdmin(passed.node)) return json(code, { status, head, reasons: reasons.length });
  const stats = status === 'down' ? undefined : await nexus.stats();
  return json(code, { status, head, reasons, ...(stats && { stats }) });
}

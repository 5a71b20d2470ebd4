/** What an attempt that is over is told. */
import { NexusError } from '../core/errors.js';

export function leaseLost(delivery: string): NexusError {
  return new NexusError(
    'NEXUS_LEASE_LOST',
    `the attempt at delivery ${delivery} is over (timed out, cancelled, or taken over by another instance): what it still does is not recorded; stop at ctx.signal`,
    { details: { deliveryId: delivery } },
  );
}

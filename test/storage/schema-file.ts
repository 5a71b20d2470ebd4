/** A file as this code leaves it, with everything that a later schema must take over. The fixtures are such files. */
import { createNexus } from '../../src/create-nexus.js';

/** Writes a file in which 4 orders of 20 wait for a retry, and a key waits behind another. */
export async function makeSchemaFile(path: string): Promise<void> {
  const nexus = createNexus({
    storage: path,
    logger: false,
    retry: { initialMs: 3_600_000, backoff: 'fixed' },
  });
  nexus.onEvent('ORDER_PAID', { name: 'mint', from: 'beginning' }, ({ n }, ctx) => {
    if (Number(n) % 5 === 4) throw new Error('not now');
    ctx.dispatch('MINTED', { n });
  });
  nexus.onEvent(
    ['ORDER_PAID', 'MINTED'],
    { name: 'by-order', from: 'beginning', orderBy: ({ payload }) => String(Number(payload.n) % 3) },
    ({ n }, ctx) => {
      if (ctx.event.type === 'ORDER_PAID' && n === 2) throw new Error('later');
    },
  );
  for (let n = 0; n < 20; n++) {
    const more =
      n % 4 === 0
        ? { idempotencyKey: `order-${n}`, correlationId: `flow-${n}`, headers: { trace: `t${n}` } }
        : {};
    await nexus.dispatch('ORDER_PAID', { n, text: 'ação ✓' }, more);
    await nexus.idle();
  }
  await nexus.close();
}

/** The payment of the benchmarks. */
import { z } from 'zod';

/** About 180 bytes. */
export const paymentOf = (n: number) => ({
  orderId: `ord_${String(n).padStart(12, '0')}`,
  amount: '129.90',
  currency: 'BRL',
  payerId: 'payer_0001234567890',
  status: 'confirmed' as const,
  metadata: { txHash: 'a3f1'.repeat(8), plan: 'gold' },
});

export const payment = z.object({
  orderId: z.string().max(200),
  amount: z.string(),
  currency: z.string().length(3),
  payerId: z.string(),
  status: z.enum(['confirmed', 'completed']),
  metadata: z.record(z.string(), z.string()),
});

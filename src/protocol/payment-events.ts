/** What FlowPay says. */
import { identifier, metadata, money, onChain, text } from './fields.js';
import { zodSchema } from './zod-schema.js';

/** A PIX or crypto payment came in. */
export const paymentReceived = zodSchema((z) =>
  z.object({
    orderId: identifier(),
    amount: money(),
    /** ISO 4217 code or a token's symbol. */
    currency: z.string().trim().min(2).max(12).default('BRL'),
    payerId: identifier(),
    txHash: onChain().optional(),
    metadata: metadata().optional(),
  }),
);

/** A payment did not come in. */
export const paymentFailed = zodSchema((z) =>
  z.object({
    orderId: identifier(),
    amount: money().optional(),
    currency: z.string().trim().min(2).max(12).optional(),
    payerId: identifier().optional(),
    reason: text().optional(),
    metadata: metadata().optional(),
  }),
);

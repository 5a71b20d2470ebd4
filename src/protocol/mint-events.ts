/** What is said to and by the Smart Factory. */
import { identifier, metadata, money, onChain, text } from './fields.js';
import { zodSchema } from './zod-schema.js';

/** Someone wants tokens minted. */
export const mintRequested = zodSchema((z) =>
  z.object({
    targetAddress: onChain(),
    tokenId: identifier().optional(),
    amount: money(),
    reason: z.enum(['purchase', 'reward', 'genesis']),
    refTransactionId: identifier().optional(),
    metadata: metadata().optional(),
  }),
);

/** Tokens were minted. */
export const mintConfirmed = zodSchema((z) =>
  z.object({
    contractAddress: onChain(),
    txHash: onChain().optional(),
    /** The order or transaction that asked for it. */
    orderId: identifier().optional(),
    recipient: identifier().optional(),
    amount: money().optional(),
    metadata: metadata().optional(),
  }),
);

/** Tokens could not be minted. */
export const mintFailed = zodSchema((z) =>
  z.object({
    contractAddress: onChain().optional(),
    orderId: identifier().optional(),
    recipient: identifier().optional(),
    amount: money().optional(),
    error: text().optional(),
    metadata: metadata().optional(),
  }),
);

/** A contract is on the chain. */
export const contractDeployed = zodSchema((z) =>
  z.object({
    contractAddress: onChain(),
    txHash: onChain().optional(),
    metadata: metadata().optional(),
  }),
);

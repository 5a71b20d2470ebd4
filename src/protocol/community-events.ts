/** What Fluxx DAO and WOD Pro say. */
import { identifier, metadata, money, text } from './fields.js';
import { zodSchema } from './zod-schema.js';

/** Fluxx DAO: something is put to the vote. */
export const proposalCreated = zodSchema((z) =>
  z.object({
    proposalId: identifier(),
    proposer: identifier(),
    title: z.string().trim().min(1).max(500),
    description: text().optional(),
    /** When the vote ends, epoch ms. */
    endsAt: z.number().int().nonnegative().optional(),
    metadata: metadata().optional(),
  }),
);

/** Fluxx DAO: someone voted. */
export const voteCast = zodSchema((z) =>
  z.object({
    proposalId: identifier(),
    voter: identifier(),
    choice: z.enum(['for', 'against', 'abstain']),
    /** Voting power. */
    weight: money().optional(),
    metadata: metadata().optional(),
  }),
);

/** WOD Pro: someone trained. */
export const workoutCompleted = zodSchema((z) =>
  z.object({
    workoutId: identifier(),
    athleteId: identifier(),
    /** Milliseconds. */
    durationMs: z.number().int().positive().optional(),
    score: z.number().nonnegative().optional(),
    metadata: metadata().optional(),
  }),
);

/** WOD Pro: someone wants the reward. */
export const rewardClaimed = zodSchema((z) =>
  z.object({
    rewardId: identifier(),
    athleteId: identifier(),
    workoutId: identifier().optional(),
    amount: money(),
    metadata: metadata().optional(),
  }),
);

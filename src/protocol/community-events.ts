/** What Fluxx DAO and WOD Pro say. */
import { z } from 'zod';
import { lazily } from '../core/lazily.js';
import { identifier, metadata, money, text } from './fields.js';

/** Fluxx DAO: something is put to the vote. */
export const proposalCreated = lazily(() =>
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
export const voteCast = lazily(() =>
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
export const workoutCompleted = lazily(() =>
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
export const rewardClaimed = lazily(() =>
  z.object({
    rewardId: identifier(),
    athleteId: identifier(),
    workoutId: identifier().optional(),
    amount: money(),
    metadata: metadata().optional(),
  }),
);

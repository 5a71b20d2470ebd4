/** What Fluxx DAO and WOD Pro say. */
import { z } from 'zod';
import { identifier, metadata, money, text } from './fields.js';

const instant = z.number().int().nonnegative();

/** Fluxx DAO: something is put to the vote. */
export const proposalCreated = z.object({
  proposalId: identifier,
  proposer: identifier,
  title: z.string().trim().min(1).max(500),
  description: text.optional(),
  /** When the vote ends, epoch ms. */
  endsAt: instant.optional(),
  metadata: metadata.optional(),
});

/** Fluxx DAO: someone voted. */
export const voteCast = z.object({
  proposalId: identifier,
  voter: identifier,
  choice: z.enum(['for', 'against', 'abstain']),
  /** Voting power. */
  weight: money.optional(),
  metadata: metadata.optional(),
});

/** WOD Pro: someone trained. */
export const workoutCompleted = z.object({
  workoutId: identifier,
  athleteId: identifier,
  /** Milliseconds. */
  durationMs: z.number().int().positive().optional(),
  score: z.number().nonnegative().optional(),
  metadata: metadata.optional(),
});

/** WOD Pro: someone wants the reward. */
export const rewardClaimed = z.object({
  rewardId: identifier,
  athleteId: identifier,
  workoutId: identifier.optional(),
  amount: money,
  metadata: metadata.optional(),
});

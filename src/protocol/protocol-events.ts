/** The protocol's catalogue. */
import { lazyRecord } from '../core/lazily.js';
import { proposalCreated, rewardClaimed, voteCast, workoutCompleted } from './community-events.js';
import {
  agentAlert,
  identityVerified,
  leadQualified,
  notificationDispatch,
  serviceRequested,
  taskCompleted,
  trafficConversion,
} from './gateway-events.js';
import { contractDeployed, mintConfirmed, mintFailed, mintRequested } from './mint-events.js';
import { paymentFailed, paymentReceived } from './payment-events.js';

/**
 * The event types of the NEØ Protocol with their schemas. Amounts are decimal strings. zod is loaded when the first of them is
 * read; where it cannot be, reading throws NexusError NEXUS_PEER_MISSING.
 *
 * @example createNexus({ events: { ...protocolEvents, MY_EVENT: z.object({}) } })
 */
export const protocolEvents = lazyRecord({
  PAYMENT_RECEIVED: paymentReceived,
  PAYMENT_FAILED: paymentFailed,
  MINT_REQUESTED: mintRequested,
  MINT_CONFIRMED: mintConfirmed,
  MINT_FAILED: mintFailed,
  CONTRACT_DEPLOYED: contractDeployed,
  PROPOSAL_CREATED: proposalCreated,
  VOTE_CAST: voteCast,
  WORKOUT_COMPLETED: workoutCompleted,
  REWARD_CLAIMED: rewardClaimed,
  NOTIFICATION_DISPATCH: notificationDispatch,
  LEAD_QUALIFIED: leadQualified,
  TRAFFIC_CONVERSION: trafficConversion,
  SERVICE_REQUESTED: serviceRequested,
  IDENTITY_VERIFIED: identityVerified,
  TASK_COMPLETED: taskCompleted,
  AGENT_ALERT: agentAlert,
});

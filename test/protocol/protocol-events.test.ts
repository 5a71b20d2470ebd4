import { describe, expect, it } from 'vitest';
import { validate } from '../../src/core/catalogue.js';
import { NexusError } from '../../src/core/errors.js';
import { encodePayload, jsonPayload, type PayloadIssue } from '../../src/core/payload.js';
import { ProtocolEvent } from '../../src/protocol/protocol-event.js';
import { protocolEvents } from '../../src/protocol/protocol-events.js';

const types = Object.keys(ProtocolEvent) as ProtocolEvent[];

/** What is stored of a payload. */
function stored(type: ProtocolEvent, payload: unknown): unknown {
  return JSON.parse(
    encodePayload(type, jsonPayload(type, validate(type, protocolEvents[type], payload)), 262_144),
  );
}

/** One payload of each type with every field, and one with what it cannot do without. */
const payloads: Record<ProtocolEvent, { full: object; least: object }> = {
  PAYMENT_RECEIVED: {
    full: {
      orderId: 'o',
      amount: '1.00',
      currency: 'USDT',
      payerId: 'p',
      txHash: '0x',
      metadata: { a: [1] },
    },
    least: { orderId: 'o', amount: '1', currency: 'BRL', payerId: 'p' },
  },
  PAYMENT_FAILED: {
    full: { orderId: 'o', amount: '1', currency: 'BRL', payerId: 'p', reason: 'expired', metadata: {} },
    least: { orderId: 'o' },
  },
  MINT_REQUESTED: {
    full: {
      targetAddress: '0x',
      tokenId: '7',
      amount: '1',
      reason: 'purchase',
      refTransactionId: 't',
      metadata: {},
    },
    least: { targetAddress: '0x', amount: '1', reason: 'genesis' },
  },
  MINT_CONFIRMED: {
    full: { contractAddress: '0x', txHash: '0x', orderId: 'o', recipient: '0x', amount: '1', metadata: {} },
    least: { contractAddress: '0x' },
  },
  MINT_FAILED: {
    full: { contractAddress: '0x', orderId: 'o', recipient: 'r', amount: '1', error: 'gas', metadata: {} },
    least: {},
  },
  CONTRACT_DEPLOYED: {
    full: { contractAddress: '0x', txHash: '0x', metadata: {} },
    least: { contractAddress: '0x' },
  },
  PROPOSAL_CREATED: {
    full: { proposalId: 'p', proposer: 'x', title: 't', description: 'd', endsAt: 1, metadata: {} },
    least: { proposalId: 'p', proposer: 'x', title: 't' },
  },
  VOTE_CAST: {
    full: { proposalId: 'p', voter: 'v', choice: 'abstain', weight: '0.5', metadata: {} },
    least: { proposalId: 'p', voter: 'v', choice: 'for' },
  },
  WORKOUT_COMPLETED: {
    full: { workoutId: 'w', athleteId: 'a', durationMs: 1, score: 0.5, metadata: {} },
    least: { workoutId: 'w', athleteId: 'a' },
  },
  REWARD_CLAIMED: {
    full: { rewardId: 'r', athleteId: 'a', workoutId: 'w', amount: '1', metadata: {} },
    least: { rewardId: 'r', athleteId: 'a', amount: '1' },
  },
  NOTIFICATION_DISPATCH: {
    full: { channel: 'whatsapp', to: '+55', message: 'hi', template: 't', metadata: {} },
    least: { channel: 'discord', to: 'x', message: 'm' },
  },
  LEAD_QUALIFIED: {
    full: { leadId: 'l', channel: 'whatsapp', score: 100, contact: '+55', metadata: {} },
    least: { leadId: 'l', channel: 'web' },
  },
  TRAFFIC_CONVERSION: {
    full: { campaignId: 'c', visitorId: 'v', value: '1', metadata: {} },
    least: { campaignId: 'c', visitorId: 'v' },
  },
  SERVICE_REQUESTED: {
    full: { requestId: 'r', service: 's', requester: 'x', metadata: {} },
    least: { requestId: 'r', service: 's', requester: 'x' },
  },
  IDENTITY_VERIFIED: {
    full: { subjectId: 's', method: 'm', level: 'full', metadata: {} },
    least: { subjectId: 's', method: 'm' },
  },
  TASK_COMPLETED: {
    full: { taskId: 't', agentId: 'a', result: [1, { deep: null }], metadata: {} },
    least: { taskId: 't', agentId: 'a' },
  },
  AGENT_ALERT: {
    full: { agentId: 'a', severity: 'critical', message: 'm', metadata: {} },
    least: { agentId: 'a', severity: 'info', message: 'm' },
  },
};

describe('the catalogue of the protocol', () => {
  it('has a schema for every name and a name for every schema', () => {
    expect(Object.keys(protocolEvents).sort()).toEqual([...types].sort());
    for (const type of types) expect(ProtocolEvent[type]).toBe(type);
  });

  it('makes a schema once, and keeps it where the catalogue is spread', () => {
    const spread = { ...protocolEvents };
    for (const type of types) expect(spread[type]).toBe(protocolEvents[type]);
  });

  it.each(types)('%s takes a full payload and a bare one as they are', (type) => {
    const { full, least } = payloads[type];
    expect(stored(type, full)).toEqual(full);
    expect(stored(type, least)).toEqual(least);
  });

  it.each(types)('%s cannot do without any field of its bare payload', (type) => {
    for (const field of Object.keys(payloads[type].least)) {
      if (field === 'currency') continue;
      const rest = { ...payloads[type].least, [field]: undefined };
      expect(() => stored(type, rest), field).toThrow(
        expect.objectContaining({ code: 'NEXUS_INVALID_PAYLOAD' }),
      );
    }
  });

  it.each(types)('%s refuses what is of another kind, naming the field', (type) => {
    for (const field of Object.keys(payloads[type].full)) {
      if (field === 'result') continue;
      const wrong = { ...payloads[type].full, [field]: [false] };
      let error: unknown;
      try {
        stored(type, wrong);
      } catch (thrown) {
        error = thrown;
      }
      expect(NexusError.is(error, 'NEXUS_INVALID_PAYLOAD'), field).toBe(true);
      const issues = (error as NexusError).details.issues as readonly PayloadIssue[];
      expect(new Set(issues.map(({ path }) => path.join('.')))).toEqual(new Set([field]));
    }
  });

  it('assumes reais where no currency is named', () => {
    expect(stored('PAYMENT_RECEIVED', { orderId: 'o', amount: 5, payerId: 'p' })).toEqual({
      orderId: 'o',
      amount: '5',
      currency: 'BRL',
      payerId: 'p',
    });
  });
});

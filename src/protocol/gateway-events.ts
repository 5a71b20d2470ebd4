/** What Neobot, FlowOFF, MIO and the agents say. */
import { identifier, metadata, money, text } from './fields.js';
import { zodSchema } from './zod-schema.js';

/** Neobot: a message is to be sent. */
export const notificationDispatch = zodSchema((z) =>
  z.object({
    channel: z.enum(['whatsapp', 'telegram', 'discord', 'email']),
    to: identifier(),
    message: text().min(1),
    template: identifier().optional(),
    metadata: metadata().optional(),
  }),
);

/** Neobot: a conversation became a lead. */
export const leadQualified = zodSchema((z) =>
  z.object({
    leadId: identifier(),
    channel: z.string().trim().min(1).max(50),
    score: z.number().min(0).max(100).optional(),
    contact: identifier().optional(),
    metadata: metadata().optional(),
  }),
);

/** FlowOFF: a visit became a customer. */
export const trafficConversion = zodSchema((z) =>
  z.object({
    campaignId: identifier(),
    visitorId: identifier(),
    value: money().optional(),
    metadata: metadata().optional(),
  }),
);

/** FlowOFF: someone wants a service. */
export const serviceRequested = zodSchema((z) =>
  z.object({
    requestId: identifier(),
    service: identifier(),
    requester: identifier(),
    metadata: metadata().optional(),
  }),
);

/** MIO: someone is who they say. */
export const identityVerified = zodSchema((z) =>
  z.object({
    subjectId: identifier(),
    method: identifier(),
    level: z.enum(['basic', 'full']).optional(),
    metadata: metadata().optional(),
  }),
);

/** Agents: a task is done. */
export const taskCompleted = zodSchema((z) =>
  z.object({
    taskId: identifier(),
    agentId: identifier(),
    result: z.json().optional(),
    metadata: metadata().optional(),
  }),
);

/** Agents: someone should look. */
export const agentAlert = zodSchema((z) =>
  z.object({
    agentId: identifier(),
    severity: z.enum(['info', 'warning', 'critical']),
    message: text().min(1),
    metadata: metadata().optional(),
  }),
);

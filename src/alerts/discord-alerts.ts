/** The usual case: alerts that go to Discord. */
import { createAlerts, type Alerts } from './create-alerts.js';
import { discordSink, type DiscordOptions } from './discord-sink.js';
import type { AlertsOptions } from './options.js';
import type { Watched } from './watch-moments.js';

/** For `discordAlerts`. */
export interface DiscordAlertsOptions extends DiscordOptions, Omit<AlertsOptions, 'sink'> {}

/**
 * Tells a channel of Discord of dead letters, disabled endpoints, storage errors, stuck reactors, queue age, repeated
 * refusals, lost events and audit breaks, and when they are over.
 *
 * @example
 * const alerts = discordAlerts(nexus, { webhookUrl: process.env.DISCORD_WEBHOOK_URL ?? '', rules: { queueAge: { overMs: 60_000 } } });
 *
 * @throws NexusError NEXUS_INVALID_OPTION
 */
export function discordAlerts(nexus: Watched, options: DiscordAlertsOptions): Alerts {
  return createAlerts(nexus, { ...options, sink: discordSink(options) });
}

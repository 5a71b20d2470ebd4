/**
 * Alerts: on Discord, or wherever a function can tell somebody.
 *
 * @module @neo-protocol/nexus/alerts
 */
export { createAlerts, type Alerts } from './create-alerts.js';
export { discordAlerts, type DiscordAlertsOptions } from './discord-alerts.js';
export { discordSink, type DiscordOptions } from './discord-sink.js';
export type { AlertDigest, AlertNotice, AlertRule, AlertSink } from './alert.js';
export type { AlertRules, AlertsOptions } from './options.js';
export type { Watched } from './watch-moments.js';

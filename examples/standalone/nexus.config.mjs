// Nexus as a service of its own. `nexus serve --check` says whether this is right.
// `env` has the variables of the environment, and those of a `.env` beside this file.
export default (env) => ({
  // In the volume: everything that must survive is in the folder of this file.
  database: env.NEXUS_DB ?? './data/nexus.db',
  // The catalogue of the NEØ Protocol, with its schemas.
  events: 'protocol',
  reactors: './reactors',
  nodes: './permissions.json',
  // One proxy before it (Railway's, nginx): it tells whose request it is.
  http: { webhooks: 'protocol', trustProxy: 1 },
  ws: { path: '/ws' },
  metrics: env.METRICS_TOKEN ? { tokenEnv: 'METRICS_TOKEN' } : false,
  ...(env.DISCORD_WEBHOOK_URL && { alerts: { discordEnv: 'DISCORD_WEBHOOK_URL' } }),
  // The platform's own grace must be longer.
  graceMs: 20_000,
});

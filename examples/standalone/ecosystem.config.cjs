/* global __dirname */
// PM2: `pm2 start ecosystem.config.cjs`, then `pm2 save`.
module.exports = {
  apps: [
    {
      name: 'nexus',
      script: 'node_modules/@neo-protocol/nexus/dist/cli/main.js',
      args: 'serve',
      cwd: __dirname,
      // One process on one file: `cluster` would share the port among several.
      exec_mode: 'fork',
      instances: 1,
      // Longer than graceMs in nexus.config.mjs; PM2's own default of 1.6 s would kill handlers.
      kill_timeout: 25_000,
      // Comes back after a crash, more and more slowly.
      exp_backoff_restart_delay: 200,
      // No stop_exit_codes: to PM2 a process that was killed has ended with 0, and would not be started again.
      time: false,
      env: { NODE_ENV: 'production' },
    },
  ],
};

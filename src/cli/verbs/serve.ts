/** `nexus serve`: a standalone service. */
import { exitCodes } from '../exit-codes.js';
import { loadConfig } from '../serve/load-config.js';
import type { Service } from '../serve/service.js';
import { defineVerb } from '../verb.js';

export const serve = defineVerb({
  name: 'serve',
  summary: 'Run Nexus as a service of its own',
  about: `SIGTERM and Ctrl-C end it: it takes no more connections, answers what is on its way, lets handlers finish, gives back what they
have not begun, and exits with 0 within graceMs; a second signal ends it at once. SIGHUP has it read the nodes and their
variables again. PORT, HOST, NEXUS_DB and LOG_LEVEL win over the configuration. Its log is JSON on stdout.`,
  lasts: true,
  options: {
    config: {
      kind: 'file',
      value: 'file',
      short: 'c',
      otherwise: './nexus.config.mjs, .js or .json',
      help: 'The configuration',
    },
    check: {
      kind: 'flag',
      help: 'Only read the configuration, the nodes and the reactors, and say whether they are right',
    },
  },
  examples: [
    { line: 'nexus serve --config nexus.config.mjs', says: 'until a signal' },
    { line: 'PORT=8080 HOST=0.0.0.0 nexus serve', says: 'as a platform starts it' },
    { line: 'nexus serve --check', says: 'in a build, before it is deployed' },
  ],
  run: async (call) => {
    const { options, env, signal, terminal } = call;
    const config = await loadConfig(options.config, env);
    // The edges and what they stand on are for this verb alone: the others are to be quick.
    const { startService } = await import('../serve/service.js');
    if (options.check) {
      await (
        await startService(
          { ...config, database: ':memory:', host: '127.0.0.1', port: 0, logLevel: 'silent' },
          { ...env, PORT: '', HOST: '', LOG_LEVEL: undefined },
        )
      ).stop();
      if (terminal.json) terminal.data({ ok: true });
      else terminal.out('the configuration is right');
      return exitCodes.ok;
    }
    const service = await startService(config, env);
    return await until(signal, service, config.graceMs ?? 20_000);
  },
});

async function until(signal: AbortSignal, service: Service, graceMs: number): Promise<number> {
  const { log, nexus } = service;
  const hangup = (): void => void service.reread();
  process.on('SIGHUP', hangup);
  log.info({ url: service.url, head: (await nexus.stats()).head, pid: process.pid }, 'listening');
  await new Promise<void>((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => resolve(), { once: true });
  });
  log.info({ graceMs }, 'ending; a second signal ends it at once');
  const late = setTimeout(() => {
    log.error({ graceMs }, 'it did not end in time');
    process.exit(exitCodes.failed);
  }, graceMs);
  const report = await service.stop();
  clearTimeout(late);
  process.off('SIGHUP', hangup);
  log.info(report, 'ended');
  return report.unrecorded > 0 ? exitCodes.failed : exitCodes.ok;
}

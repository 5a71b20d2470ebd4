/** `nexus backup`: a consistent copy while events flow. */
import { statSync } from 'node:fs';
import { reading } from '../database.js';
import { showBytes } from '../time.js';
import { databaseOption, defineVerb } from '../verb.js';

export const backup = defineVerb({
  name: 'backup',
  summary: 'Copy the database into a new file while events flow',
  about: `The copy has every event that was acknowledged before the call. It is made beside the path, synced, and given its name at the
end; one that is cut short leaves nothing behind.`,
  over: ['file'],
  args: [{ name: 'path', help: 'A file that does not exist yet' }],
  options: { ...databaseOption },
  examples: [
    { line: 'nexus backup /backups/nexus-$(date +%F).db', says: 'from cron, without stopping the host' },
  ],
  run: async (call) => {
    const { terminal, args } = call;
    const [path = ''] = args;
    const bar = terminal.bar('copying');
    await reading(call, async (nexus) => {
      call.signal.addEventListener('abort', () => void nexus.close({ timeoutMs: 0 }), { once: true });
      await nexus.backup(path, { onProgress: ({ done, total }) => bar.at(done, total) });
    }).finally(() => bar.end());
    const bytes = statSync(path).size;
    if (terminal.json) terminal.data({ path, bytes });
    else terminal.out(`${path} ${showBytes(bytes)}`);
    return 0;
  },
});

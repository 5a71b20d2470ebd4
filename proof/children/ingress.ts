/** A host with its ingress, in a process of its own, for the proof of uploads: tells its port, and its memory when asked. */
import { createInterface } from 'node:readline';
import { startIngressHost } from '../ingress-host.js';

const host = await startIngressHost({ bodyTimeoutMs: Number(process.argv[2] ?? 10_000) });
const tell = (line: object): void => void process.stdout.write(`${JSON.stringify(line)}\n`);
tell({ port: host.port, secret: host.secret });
let peak = 0;
setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 20);
createInterface({ input: process.stdin })
  .on('line', () => {
    tell({ rss: process.memoryUsage.rss(), peak });
    peak = 0;
  })
  .on('close', () => process.exit());

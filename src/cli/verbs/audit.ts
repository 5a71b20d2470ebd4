/** `nexus audit`: the log as evidence. */
import { existsSync, writeFileSync } from 'node:fs';
import type { AuditReport } from '../../index.js';
import { checkpointsOf, signerOptions, signingOf, signOptions } from '../checkpoints.js';
import { looking, steering } from '../desks.js';
import { exitCodes, usageError } from '../exit-codes.js';
import { plain } from '../terminal.js';
import { showDuration } from '../time.js';
import { databaseOption, defineVerb, hostOption, type Verb } from '../verb.js';

const verify = defineVerb({
  name: 'audit verify',
  summary: 'Compute the chain of the log anew, and compare it with checkpoints',
  about: `The exit code is 1 where the log is not what it was. Without a checkpoint that was kept elsewhere, it proves that the log agrees with
itself: somebody who may write the file can compute a chain anew. A host that is asked verifies itself: where it may have been
taken over, verify a copy of its file elsewhere.`,
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    from: {
      kind: 'whole',
      value: 'seq',
      otherwise: 'the first event',
      help: 'Take for granted what is below',
    },
    ...signerOptions,
  },
  examples: [
    {
      line: 'nexus audit verify --checkpoint /elsewhere/checkpoint.json',
      says: 'is everything up to there what it was?',
    },
    {
      line: 'nexus audit verify --checkpoint note.txt --signer neobot --public-key neobot.pub.pem',
      says: 'and was it neobot who said so?',
    },
  ],
  run: async (call) => {
    const { terminal, options } = call;
    const checkpoints = checkpointsOf(call);
    const bar = terminal.bar('verifying');
    const report = await looking(call, ({ audit: desk }) =>
      desk.verify({
        ...(options.from !== undefined && { from: options.from }),
        checkpoint: checkpoints,
        onProgress: ({ done, total }) => bar.at(done, total),
        signal: call.signal,
      }),
    ).finally(() => bar.end());
    if (terminal.json) terminal.data(report);
    else for (const line of linesOf(report)) terminal.out(line);
    return report.ok ? exitCodes.ok : exitCodes.failed;
  },
});

function linesOf(report: AuditReport): string[] {
  const { from, to, events, redacted, gaps, base, checkpoints, vouchedTo, ms } = report;
  return [
    report.ok
      ? 'the log is whole'
      : `the log is NOT whole: ${plain(report.firstBad.message)} (seq ${report.firstBad.seq}, ${report.firstBad.reason})`,
    `  seq ${from} to ${to}: ${events} events are right, ${redacted} of them redacted; ${gaps} gaps, pruned up to ${base}; ${showDuration(ms)}`,
    checkpoints.matched > 0
      ? `  vouched for by a checkpoint up to seq ${vouchedTo}`
      : `  vouched for by no checkpoint${checkpoints.unusable > 0 ? ` (${checkpoints.unusable} say nothing about it)` : ''}`,
  ];
}

const checkpoint = defineVerb({
  name: 'audit checkpoint',
  summary: 'Note how the log is, to be kept elsewhere',
  about: `Keep it where whoever can write the database cannot: it proves later that everything up to its seq is still what it was. With
--sign it is a signed note, which also says who took it; the key stays where this is run, also where a host is asked.`,
  over: ['file', 'http'],
  options: {
    ...databaseOption,
    ...hostOption,
    out: { kind: 'file', value: 'file', otherwise: 'stdout', help: 'A file that does not exist yet' },
    ...signOptions,
  },
  examples: [
    { line: 'nexus audit checkpoint | ssh vault "cat > nexus-$(date +%F).json"', says: 'every night' },
    {
      line: 'nexus audit checkpoint --sign neobot --key-file neobot.pem --out note.txt',
      says: 'signed, to be handed to others',
    },
  ],
  run: async (call) => {
    const { terminal, options } = call;
    const { out } = options;
    if (out !== undefined && existsSync(out))
      throw usageError(`${out} is there already; an old checkpoint is worth as much as a new one`);
    const sign = signingOf(call);
    // The storage remembers it, as far as which prune may go.
    const taken = await steering(call, ({ audit: desk }) => desk.checkpoint());
    const note = sign?.(taken);
    if (out !== undefined) {
      writeFileSync(out, note ?? `${JSON.stringify(taken)}\n`, { flag: 'wx', mode: 0o644 });
      terminal.say(`seq ${taken.seq} is noted in ${out}`);
    } else if (note === undefined) terminal.data(taken);
    else if (terminal.json) terminal.data({ ...taken, note });
    else terminal.out(note.trimEnd());
    return 0;
  },
});

export const audit: readonly Verb[] = [verify, checkpoint];

/** `npm run proof`: the long proofs, a line each. `-- --only=crash,stale --scale=0.1` runs some of them, shorter. */
import { program } from '../test/cli/build-program.js';
import { proveAlerts } from './alerts.js';
import { proveBitflip } from './bitflip.js';
import { proveConsumers } from './consumers.js';
import { proveCrash } from './crash.js';
import { proveDurable } from './durable.js';
import { proveEndpoints } from './endpoints.js';
import { proveFull } from './full.js';
import { proveIdle } from './idle.js';
import { proveKeyedModel } from './keyed-model.js';
import { proveKitClock } from './kit-clock.js';
import { proveHostile } from './hostile.js';
import { proveForwarded, proveLimiterMemory, proveLimiterModel } from './limiter.js';
import { proveModel } from './model.js';
import { proveOutbox } from './outbox.js';
import { proveBlocked, proveOrder } from './order.js';
import { provePoison } from './poison.js';
import { proveProcesses } from './processes.js';
import { proveSchedule } from './schedule.js';
import { proveNewUser } from './new-user.js';
import { noPrometheus, provePrometheus } from './prometheus.js';
import { proveReconnect, type Way } from './reconnect.js';
import { proveReplay } from './replay.js';
import { proveServe } from './serve.js';
import { proveMalformed, proveOneAnswer, proveStandard } from './signatures.js';
import { proveChurn, proveSlowReader } from './slow-reader.js';
import { proveStale } from './stale.js';
import { proveTamper } from './tamper.js';
import { proveSlowBodies, proveUploads } from './uploads.js';

type Outcome = { report: object; holds: boolean };

const option = (name: string): string | undefined =>
  process.argv.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
const scale = Number(option('scale') ?? 1);
const scaled = (count: number): number => Math.max(1, Math.round(count * scale));

const proofs: Record<string, () => Promise<Outcome> | Outcome> = {
  crash: async () => {
    const report = await proveCrash({ rounds: scaled(200) });
    const { lost, notFinal, childrenNotOnce, chainWhole, restartP99Ms } = report;
    return {
      report,
      holds: lost === 0 && notFinal === 0 && childrenNotOnce === 0 && chainWhole && restartP99Ms < 1_000,
    };
  },
  poison: () => {
    const report = provePoison();
    return {
      report,
      holds: report.crashed.join() === '501' && report.succeeded === 999 && report.other === 0,
    };
  },
  stale: async () => {
    const report = await proveStale({ rounds: scaled(200) });
    return {
      report,
      holds: report.staleWrites === 0 && report.taken === report.rounds && report.wentOn === report.rounds,
    };
  },
  processes: async () => {
    const reports = [
      await proveProcesses({ events: scaled(20_000), processes: 2 }),
      await proveProcesses({ events: scaled(20_000), processes: 3 }),
    ];
    return {
      report: reports,
      holds: reports.every(
        ({ holes, wrong, chainWhole, superseded }) =>
          holes === 0 && wrong.length === 0 && chainWhole && superseded === 1,
      ),
    };
  },
  durable: () => {
    const report = proveDurable({ dispatches: scaled(1_000) });
    return { report, holds: 'skipped' in report || (report.withoutSync === 0 && report.acknowledged > 0) };
  },
  outbox: async () => {
    const reports = [];
    for (const file of ['same', 'other'] as const)
      for (const processes of [1, 2] as const)
        reports.push(await proveOutbox({ transactions: scaled(2_500), file, processes }));
    return {
      report: reports,
      holds: reports.every(
        ({ facts, missing, phantoms, doubles, inversions, left, chainWhole }) =>
          facts > 0 && missing + phantoms + doubles + inversions + left === 0 && chainWhole,
      ),
    };
  },
  model: async () => {
    const reports = [
      await proveModel({ sequences: scaled(10_000), storage: 'memory' }),
      await proveModel({ sequences: scaled(10_000), storage: 'sqlite' }),
    ];
    return { report: reports, holds: reports.every(({ sequences }) => sequences === scaled(10_000)) };
  },
  order: async () => {
    const mixed = await proveOrder({ keys: 50, eventsPerKey: scaled(2_000) });
    const blocked = await proveBlocked({ blockMs: 5_000 });
    const { besideBlocked, overtaken, headAttempts } = blocked;
    return {
      report: { mixed, blocked },
      holds:
        mixed.inversions + mixed.overlaps + mixed.notFinal === 0 &&
        blocked.inversions + overtaken === 0 &&
        headAttempts > 10 &&
        // Far below what the blocked key waits for.
        besideBlocked.p99Ms < 250 &&
        besideBlocked.maxMs < 1_000,
    };
  },
  keyedModel: async () => {
    const reports = [
      await proveKeyedModel({ sequences: scaled(10_000), storage: 'memory' }),
      await proveKeyedModel({ sequences: scaled(10_000), storage: 'sqlite' }),
    ];
    return {
      report: reports,
      holds: reports.every(({ keyedSequences }) => keyedSequences === scaled(10_000)),
    };
  },
  kitClock: async () => {
    const report = await proveKitClock({ scripts: scaled(1_000) });
    return { report, holds: report.different === 0 && report.scripts === scaled(1_000) };
  },
  schedule: async () => {
    const report = await proveSchedule({ seconds: scaled(60) });
    const { each, some, nobodyThere } = report;
    return {
      report,
      holds:
        each.missing + each.doubled + each.disordered + some.doubled + some.disordered === 0 &&
        nobodyThere >= 19,
    };
  },
  replay: async () => {
    const payments = scaled(10_000);
    const report = await proveReplay({ payments, kills: 5, aloneMs: scaled(5_000) });
    const { again, fresh } = report;
    return {
      report,
      holds:
        report.liveUntouched &&
        [again, fresh].every(
          ({ deliveries, succeeded }) => deliveries === payments && succeeded === payments,
        ) &&
        again.children === 0 &&
        again.effectCalls === 0 &&
        fresh.children === payments &&
        fresh.effects === payments &&
        report.besideP99Ms <= report.aloneP99Ms * 2,
    };
  },
  bitflip: async () => {
    const report = await proveBitflip({ runs: scaled(200) });
    const { lossy, exact, falseAlarms, numbersUsedTwice, cursorsMisled } = report;
    return {
      report,
      holds: exact === lossy && falseAlarms + numbersUsedTwice + cursorsMisled === 0 && report.chainWhole,
    };
  },
  full: async () => {
    const fullMs = scaled(60_000);
    const report = await proveFull({ fullMs });
    if ('skipped' in report) return { report, holds: true };
    const { lost, notFinal, takenWhileFull, refused, notRetained, retained, servingAfterMs, alive } = report;
    const otherCodes = Object.keys(refused).filter((code) => code !== 'NEXUS_STORAGE_FULL');
    return {
      report,
      holds:
        lost + notFinal + takenWhileFull + notRetained.length + otherCodes.length === 0 &&
        retained > 0 &&
        (report.sweptWhileFull > 0 || fullMs < 40_000) &&
        servingAfterMs < 1_000 &&
        alive,
    };
  },
  signatures: async () => {
    const standard = proveStandard({ messages: scaled(10_000) });
    const malformed = await proveMalformed({ requests: scaled(100_000) });
    const one = await proveOneAnswer({ requests: scaled(10_000) });
    return {
      report: { standard, malformed, one },
      holds:
        standard.different + standard.refused + standard.accepted === 0 &&
        malformed.accepted + malformed.serverErrors === 0 &&
        malformed.answers === 1 &&
        one.answers === 1 &&
        one.differencePercent < 5,
    };
  },
  limiter: async () => {
    const model = proveLimiterModel({ patterns: scaled(10_000) });
    const memory = proveLimiterMemory({ addresses: 1_000_000 });
    const proxied = await proveForwarded({ requests: scaled(1_000) });
    return {
      report: { model, memory, proxied },
      holds:
        model.different === 0 &&
        memory.memoryMiB <= 64 &&
        memory.offenderAllowed === 0 &&
        ('skipped' in proxied ||
          (proxied.trustedAllowed <= 20 && proxied.untrustedAllowed <= 20 && proxied.honestAllowed)),
    };
  },
  uploads: async () => {
    const uploads = await proveUploads({ uploads: 100, seconds: scaled(60) });
    const slow = await proveSlowBodies({ connections: 500, deadlineMs: 10_000 });
    return {
      report: { uploads, slow },
      holds:
        uploads.grewMiB < 100 &&
        uploads.failed <= uploads.healthy / 100 &&
        slow.timedOut === 500 &&
        slow.lastGoneMs < slow.deadlineMs + 5_000,
    };
  },
  hostile: async () => {
    const report = await proveHostile({ requests: scaled(20_000) });
    return {
      report,
      holds: report.serverErrors === 0 && report.changed === 0 && report.prototype === 'untouched',
    };
  },
  tamper: async () => {
    const report = await proveTamper({ tamperings: scaled(2_000) });
    return { report, holds: report.missed.length + report.misplaced.length === 0 };
  },
  endpoints: async () => {
    const report = await proveEndpoints({ rounds: 5, events: scaled(500) });
    const { ratio, healthyFailures, flapped, hanging } = report;
    return {
      report,
      holds:
        ratio <= 1.2 && healthyFailures === 0 && flapped.delivered > 0 && flapped.failed > 0 && hanging > 0,
    };
  },
  reconnect: async () => {
    const ways: Way[] = ['ws', 'eventsource', 'browser WebSocket', 'browser EventSource'];
    const report = [];
    for (const way of ways) report.push(await proveReconnect({ way, kills: scaled(1_000) }));
    return {
      report,
      holds: report.every((each) => 'skipped' in each || each.missed + each.reordered + each.repeated === 0),
    };
  },
  slowReader: async () => {
    const report = await proveSlowReader({ healthy: 99, seconds: scaled(60) });
    const { healthyP99Ms, grewMiB, healthyWhole, pausedWhole } = report;
    return { report, holds: healthyP99Ms < 100 && grewMiB < 50 && healthyWhole && pausedWhole };
  },
  churn: async () => {
    const report = await proveChurn({ connects: scaled(10_000) });
    return { report, holds: report.sockets + report.timers + report.listeners + report.open === 0 };
  },
  consumers: () => {
    const report = proveConsumers();
    return { report, holds: report.wrong.length === 0 };
  },
  newUser: () => {
    const report = proveNewUser();
    return {
      report,
      holds: report.commands <= 5 && report.lines <= 20 && report.printed === 'MINT_REQUESTED',
    };
  },
  serve: async () => {
    const report = await proveServe({
      program: program(),
      seconds: scaled(20),
      perSecond: 200,
      sockets: 100,
    });
    const { code, accepted, lost, unexpected, burned, socketsOpened, socketsOpen, withinGrace } = report;
    return {
      report,
      holds:
        code === 0 &&
        withinGrace &&
        accepted > 0 &&
        socketsOpened === 100 &&
        lost + unexpected + burned + socketsOpen === 0,
    };
  },
  alerts: async () => {
    // At full scale the window and the looks are those of a host that says nothing else.
    const options = { windowMs: Math.max(1_000, scaled(300_000)), checkMs: Math.max(100, scaled(30_000)) };
    const storms = [1, 15, 1_000].flatMap((kinds) => [false, true].map((busy) => ({ kinds, busy })));
    // They mostly wait.
    const storming = storms.map(async (storm, i) => {
      await new Promise((resolve) => setTimeout(resolve, i * 2_000));
      return await proveAlerts({ ...storm, ...options });
    });
    const report = await Promise.all(storming);
    return {
      report,
      holds: report.every(
        ({ busy, dead, withinMs, posts, refused, malformed, tooEarly, told, recovered }) =>
          dead === 1_000 &&
          withinMs < 1_000 &&
          posts <= 3 &&
          refused > 0 === busy &&
          malformed + tooEarly === 0 &&
          told === 1_000 &&
          recovered,
      ),
    };
  },
  prometheus: async () => {
    if (noPrometheus !== undefined) return { report: { skipped: noPrometheus }, holds: true };
    const report = await provePrometheus({ events: scaled(10_000) });
    const { complaints, failed, scrape, series, numbers } = report;
    return {
      report,
      holds:
        complaints.length + failed.length === 0 &&
        scrape === 'up' &&
        series <= 1_000 &&
        Object.values(numbers).every(({ prometheus, host }) => prometheus === host),
    };
  },
  idle: () => {
    const report = proveIdle({ seconds: scaled(60), retries: 10_000 });
    return {
      report,
      holds:
        report.retrying === 10_000 &&
        report.cpuPercent < 0.2 &&
        report.timersThatKeepAlive === 0 &&
        report.endedBy === 'itself',
    };
  },
};

const only = option('only')?.split(',') ?? Object.keys(proofs);
let failed = 0;
for (const name of only) {
  const began = performance.now();
  const { report, holds } = (await proofs[name]?.()) ?? { report: { unknown: name }, holds: false };
  if (!holds) failed += 1;
  process.stdout.write(
    `${holds ? 'holds ' : 'FAILS '} ${name.padEnd(10)} ${Math.round((performance.now() - began) / 1_000)} s  ${JSON.stringify(report)}\n`,
  );
}
process.exitCode = failed === 0 ? 0 : 1;

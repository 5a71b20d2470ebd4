/** The trace of an event as a tree: its deliveries, their attempts, and the events that came of it. */
import type { Story } from './event-source.js';
import { plain, type Terminal, type Tone } from './terminal.js';
import { showDuration, showInstant } from './time.js';

export function showStory(terminal: Terminal, story: Story): void {
  const { event } = story;
  terminal.out(title(terminal, story));
  terminal.out(plain(JSON.stringify(event.payload)));
  branches(terminal, story, '');
}

function title({ paint }: Terminal, { event }: Story): string {
  const { type, seq, id, source, timestamp } = event;
  return `${paint('name', plain(type))} ${paint('dim', `#${seq}`)} ${id} from ${plain(source)} at ${showInstant(timestamp)}`;
}

function branches(terminal: Terminal, story: Story, indent: string): void {
  const { paint } = terminal;
  const rows = [
    ...story.deliveries.map((delivery) => ({
      head: deliveryLine(terminal, delivery),
      below: attempts(terminal, delivery),
    })),
    ...(story.waiting ?? []).map(({ reactor, position }) => ({
      head: `${plain(reactor)} ${paint('warn', 'waiting')}: it has come to seq ${position}`,
      below: [],
    })),
    ...(story.pruned ?? []).map((reactor) => ({
      head: `${plain(reactor)} ${paint('dim', 'removed by retention')}`,
      below: [],
    })),
  ];
  const last = rows.length + story.children.length + (story.truncated ? 1 : 0) - 1;
  rows.forEach(({ head, below }, i) => {
    terminal.out(`${indent}${i === last ? '└─' : '├─'} ${head}`);
    const deeper = `${indent}${i === last ? '   ' : '│  '}`;
    below.forEach((line, n) => terminal.out(`${deeper}${n === below.length - 1 ? '└─' : '├─'} ${line}`));
  });
  story.children.forEach((child, n) => {
    const i = rows.length + n;
    terminal.out(`${indent}${i === last ? '└─' : '├─'} ▸ ${title(terminal, child)}`);
    branches(terminal, child, `${indent}${i === last ? '   ' : '│  '}`);
  });
  if (story.truncated) terminal.out(`${indent}└─ … and more than are shown`);
}

type Told = Story['deliveries'][number];

const tones: Readonly<Record<string, Tone>> = {
  succeeded: 'good',
  dead: 'bad',
  cancelled: 'dim',
  pending: 'warn',
  running: 'warn',
};

function deliveryLine({ paint }: Terminal, delivery: Told): string {
  const { reactor, state, reason, attempt, run, ms, id, dueAt } = delivery;
  const about = [
    `${attempt} attempt${attempt === 1 ? '' : 's'}`,
    ...(ms === undefined ? [] : [showDuration(ms)]),
    ...(run === 0 ? [] : [`replay ${run}`]),
    ...(reason === undefined ? [] : [plain(reason)]),
    ...(state === 'pending' && dueAt !== undefined ? [`due ${showInstant(dueAt)}`] : []),
  ];
  return `${plain(reactor)} ${paint(tones[state] ?? 'strong', state)} ${about.join(', ')} ${paint('dim', id)}`;
}

function attempts({ paint }: Terminal, { attempts: made, error, state }: Told): string[] {
  const failed = made.map(
    ({ attempt, outcome, at, ms, error: why }) =>
      `attempt ${attempt} ${paint('bad', outcome)} ${showInstant(at)} ${showDuration(ms)} ${failure(why)}`,
  );
  // A delivery may be dead without an attempt: then its own error says why.
  return failed.length === 0 && error && state === 'dead' ? [failure(error)] : failed;
}

function failure({ code, message }: { readonly code: string; readonly message?: string }): string {
  return plain(message === undefined ? code : `${code}: ${message}`);
}

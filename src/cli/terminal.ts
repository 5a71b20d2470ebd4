/** What is said: data on stdout, talk on stderr; drawn where somebody looks, plain where a program reads. */
import { createInterface } from 'node:readline';
import { styleText } from 'node:util';
import { refusal } from './exit-codes.js';

type Output = NodeJS.WritableStream & { readonly isTTY?: boolean; readonly columns?: number };
type Input = NodeJS.ReadableStream & { readonly isTTY?: boolean };

/** The streams and variables of a process. */
export type Surroundings = {
  readonly stdin: Input;
  readonly stdout: Output;
  readonly stderr: Output;
  readonly env: Readonly<Record<string, string | undefined>>;
};

export type Tone = 'good' | 'bad' | 'warn' | 'dim' | 'strong' | 'name';

export interface Terminal {
  readonly json: boolean;
  /** A line of data. Text of others is to be `plain` first. */
  readonly out: (line: string) => void;
  /** A line of JSON. */
  readonly data: (value: unknown) => void;
  /** A line for who looks on. */
  readonly say: (line: string) => void;
  readonly paint: (tone: Tone, text: string) => string;
  /** Columns, aligned. */
  readonly table: (rows: readonly (readonly Cell[])[]) => void;
  /** @throws CliError (refused) unless somebody says yes */
  readonly confirm: (question: string, yes: boolean) => Promise<void>;
  readonly bar: (label: string) => Bar;
  /** All of stdin. */
  readonly input: () => Promise<Buffer>;
}

export type Cell = string | number | { readonly tone: Tone; readonly text: string };

export interface Bar {
  readonly at: (done: number, total: number) => void;
  readonly end: () => void;
}

const tones = {
  good: 'green',
  bad: 'red',
  warn: 'yellow',
  dim: 'dim',
  strong: 'bold',
  name: 'cyan',
} as const;

export function createTerminal(
  around: Surroundings,
  how: { readonly json: boolean; readonly noColor: boolean },
): Terminal {
  const { stdin, stdout, stderr, env } = around;
  const colored = !how.noColor && !how.json && wantsColor(stdout, env);
  const paint = (tone: Tone, text: string): string =>
    // Our own rule decides, not the one of styleText, which knows nothing of --no-color.
    colored ? styleText(tones[tone], text, { validateStream: false }) : text;
  const out = (line: string): void => void stdout.write(`${line}\n`);
  const say = (line: string): void => void stderr.write(`${line}\n`);

  return {
    json: how.json,
    out,
    data: (value) => out(jsonLine(value)),
    say,
    paint,
    table: (rows) => {
      const widths: number[] = [];
      const cells = rows.map((row) =>
        row.map((cell) =>
          typeof cell === 'object' ? { ...cell, text: plain(cell.text) } : { text: plain(String(cell)) },
        ),
      );
      for (const row of cells)
        row.forEach(({ text }, i) => (widths[i] = Math.max(widths[i] ?? 0, text.length)));
      for (const row of cells) {
        const line = row.map((cell, i) => {
          const padded = i === row.length - 1 ? cell.text : cell.text.padEnd(widths[i] ?? 0);
          return 'tone' in cell ? paint(cell.tone, padded) : padded;
        });
        out(line.join('  ').trimEnd());
      }
    },
    confirm: async (question, yes) => {
      if (yes) return;
      if (stdin.isTTY !== true || stderr.isTTY !== true)
        throw refusal(`${question} There is nobody to ask here: say --yes to do it`);
      if (!(await ask(around, question))) throw refusal('not confirmed; nothing was done');
    },
    bar: (label) => createBar(stderr, label, how.json),
    input: async () => {
      const chunks: Buffer[] = [];
      for await (const chunk of stdin) chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : chunk);
      return Buffer.concat(chunks);
    },
  };
}

function wantsColor(stdout: Output, env: Surroundings['env']): boolean {
  if (env.NO_COLOR !== undefined && env.NO_COLOR !== '') return false;
  if (env.FORCE_COLOR !== undefined && env.FORCE_COLOR !== '' && env.FORCE_COLOR !== '0') return true;
  return stdout.isTTY === true && env.TERM !== 'dumb';
}

/** Text of others must not move the cursor, change colours, or turn the direction of writing. */
export function plain(text: string): string {
  return text
    .toWellFormed()
    .replace(unsafe, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
// eslint-disable-next-line no-control-regex -- these are what is looked for
const unsafe = /[\u0000-\u001f\u007f-\u009f\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

/** JSON whose text is safe on a terminal, too: what JSON.stringify leaves is escaped as JSON allows. */
export function jsonLine(value: unknown): string {
  // Of undefined there is no JSON.
  return plain(JSON.stringify(value ?? null));
}

async function ask({ stdin, stderr }: Surroundings, question: string): Promise<boolean> {
  const lines = createInterface({ input: stdin, output: stderr });
  try {
    const answer = await new Promise<string>((resolve) => {
      lines.on('close', () => resolve(''));
      lines.on('SIGINT', () => {
        // At once: it is to be known before the question is over.
        process.emit('SIGINT');
        lines.close();
      });
      lines.question(`${question} [y/N] `, resolve);
    });
    return /^y(es)?$/i.test(answer.trim());
  } finally {
    lines.close();
  }
}

const BAR = 24;

/** What is over sooner needs no lines in a log. */
const QUIET_MS = 2_000;

/** Drawn over itself on a terminal; elsewhere, of what takes long, a line at each tenth. */
function createBar(stderr: Output, label: string, quiet: boolean): Bar {
  let shown = '';
  let tenth = -1;
  const began = performance.now();
  return {
    at: (done, total) => {
      if (quiet) return;
      const share = total <= 0 ? 1 : Math.min(1, done / total);
      const percent = `${Math.floor(share * 100)} %`.padStart(5);
      if (stderr.isTTY === true) {
        const filled = Math.round(share * BAR);
        const line = `${label} ${'█'.repeat(filled)}${'░'.repeat(BAR - filled)} ${percent}`;
        if (line === shown) return;
        shown = line;
        stderr.write(`\r${line}\u001b[K`);
      } else if (performance.now() - began > QUIET_MS && Math.floor(share * 10) > tenth) {
        tenth = Math.floor(share * 10);
        stderr.write(`${label} ${percent}\n`);
      }
    },
    end: () => {
      if (shown !== '') stderr.write('\n');
      shown = '';
    },
  };
}

/** One run of the command line, from what was typed to its exit code. */
import { CliError, exitCodes, exitOf } from './exit-codes.js';
import { groupHelp, overview, verbHelp } from './help.js';
import { messageOf } from './message-of.js';
import { findVerb, parseCall } from './parse-call.js';
import { createTerminal, jsonLine, plain, type Surroundings } from './terminal.js';
import type { Verb } from './verb.js';

/** What ends a run from outside. */
export type Ending = {
  readonly signal: AbortSignal;
  readonly by: () => 'SIGINT' | 'SIGTERM' | 'EPIPE' | undefined;
};

export async function runCli(
  verbs: readonly Verb[],
  argv: readonly string[],
  around: Surroundings & { readonly ending: Ending; readonly version: string },
): Promise<number> {
  const { ending, stdout, stderr, env } = around;
  const json = argv.includes('--json');
  const write = (text: string): void => void stdout.write(`${text}\n`);
  const endedBy = (): number | undefined => {
    const by = ending.by();
    if (by === 'EPIPE') return exitCodes.ok;
    return by === 'SIGINT' ? exitCodes.interrupted : by === 'SIGTERM' ? 143 : undefined;
  };
  try {
    const [first] = argv;
    if (first === undefined || first === '--help' || first === '-h' || first === 'help') {
      const named = first === 'help' ? findVerb(verbs, argv.slice(1)) : undefined;
      write(named ? verbHelp(named.verb) : overview(verbs, around.version));
      return first === undefined ? exitCodes.usage : exitCodes.ok;
    }
    if (first === '--version' || first === '-v') {
      write(around.version);
      return exitCodes.ok;
    }
    const found = findVerb(verbs, argv);
    if (!found) return unknown(verbs, argv, { write, help: argv.includes('--help') || argv.includes('-h') });
    const { verb, rest } = found;
    const { help, ...parsed } = parseCall(verb, rest, env);
    if (help) {
      write(verbHelp(verb));
      return exitCodes.ok;
    }
    const { json: asJson, 'no-color': noColor } = parsed.options;
    const terminal = createTerminal({ ...around, env: parsed.env }, { json: asJson, noColor });
    const code = await verb.run({ ...parsed, terminal, signal: ending.signal });
    return verb.lasts ? code : (endedBy() ?? code);
  } catch (error) {
    const ended = endedBy();
    if (ended !== undefined) return ended;
    const code = codeOf(error);
    stderr.write(
      json
        ? `${jsonLine({ error: { code, message: messageOf(error) } })}\n`
        : `nexus: ${plain(messageOf(error))}\n`,
    );
    return exitOf(error);
  }
}

function codeOf(error: unknown): string {
  if (error instanceof CliError) return error.code;
  const { code } = (error ?? {}) as { code?: unknown };
  return typeof code === 'string' ? code : 'ERROR';
}

function unknown(
  verbs: readonly Verb[],
  argv: readonly string[],
  { write, help }: { readonly write: (text: string) => void; readonly help: boolean },
): number {
  const [first = ''] = argv;
  const group = verbs.filter(({ name }) => name.startsWith(`${first} `));
  if (group.length > 0 && (help || argv.length === 1)) {
    write(groupHelp(group, first));
    return help ? exitCodes.ok : exitCodes.usage;
  }
  const typed = argv.slice(0, group.length > 0 ? 2 : 1).join(' ');
  const near = nearest(
    typed,
    verbs.map(({ name }) => name),
  );
  throw new CliError(
    exitCodes.usage,
    `there is no verb ${JSON.stringify(typed)}${near === undefined ? '' : `; did you mean \`nexus ${near}\`?`} \`nexus --help\` lists them`,
    'CLI_USAGE',
  );
}

/** The name that a slip of the finger may have meant. */
function nearest(typed: string, names: readonly string[]): string | undefined {
  const [best] = names
    .map((name) => ({ name, far: distance(typed, name) }))
    .filter(({ name, far }) => far <= Math.max(2, Math.floor(name.length / 4)))
    .sort((a, b) => a.far - b.far);
  return best?.name;
}

function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++)
      next[j] = Math.min(
        (next[j - 1] ?? 0) + 1,
        (row[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1),
      );
    row = next;
  }
  return row[b.length] ?? 0;
}

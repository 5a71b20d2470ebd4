/** From what was typed to a verb with checked options. */
import { readFileSync } from 'node:fs';
import { parseArgs, parseEnv } from 'node:util';
import { usageError } from './exit-codes.js';
import { parseInstant, parseDuration, parsePlace } from './time.js';
import type { Call, OptionSpec, Verb } from './verb.js';

type Env = Readonly<Record<string, string | undefined>>;

/** The verb with the most words that was meant, and what follows it. */
export function findVerb(
  verbs: readonly Verb[],
  argv: readonly string[],
): { readonly verb: Verb; readonly rest: readonly string[] } | undefined {
  const [first = '', second = ''] = argv;
  const two = verbs.find(({ name }) => name === `${first} ${second}`);
  if (two) return { verb: two, rest: argv.slice(2) };
  const one = verbs.find(({ name }) => name === first);
  return one && { verb: one, rest: argv.slice(1) };
}

/** @throws CliError (usage) */
export function parseCall(
  verb: Verb,
  argv: readonly string[],
  env: Env,
): Pick<Call, 'options' | 'args' | 'env'> & { readonly help: boolean } {
  const { values, positionals } = split(verb, argv);
  if (values.help === true) return { options: {} as never, args: [], env, help: true };
  const file = values['env-file'];
  const full = typeof file === 'string' ? withEnvFile(env, file) : env;
  const options: Record<string, unknown> = {};
  for (const [name, spec] of Object.entries(verb.options)) {
    const given = values[name] ?? fromEnvironment(spec, full);
    if (spec.kind === 'flag') options[name] = given === true;
    else if (spec.many)
      options[name] = (given === undefined ? [] : [given].flat()).map((each) =>
        valueOf(name, spec, String(each)),
      );
    else options[name] = typeof given === 'string' ? valueOf(name, spec, given) : undefined;
  }
  // What is typed wins over what is in the environment, also where the one excludes the other.
  if (values.url === undefined && (values.db ?? values.nodes) !== undefined) options.url = undefined;
  checkArguments(verb, positionals);
  return { options: options as never, args: positionals, env: full, help: false };
}

/** A variable that is set to nothing says nothing. */
function fromEnvironment({ env: variable }: OptionSpec, env: Env): string | undefined {
  const value = variable === undefined ? undefined : env[variable];
  return value === '' ? undefined : value;
}

type Given = string | boolean | (string | boolean)[] | undefined;

function split(
  verb: Verb,
  argv: readonly string[],
): { values: Record<string, Given>; positionals: string[] } {
  try {
    return parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: Object.fromEntries(
        Object.entries(verb.options).map(([name, { kind, short, many }]) => [
          name,
          {
            type: kind === 'flag' ? ('boolean' as const) : ('string' as const),
            ...(short !== undefined && { short }),
            ...(many && { multiple: true }),
          },
        ]),
      ),
    });
  } catch (error) {
    // Node explains how positionals that begin with a dash are given, in three sentences.
    const [message = ''] = (error instanceof Error ? error.message : String(error)).split('. ');
    throw usageError(`${message.replace(/\.$/, '')}; see \`nexus ${verb.name} --help\``);
  }
}

function valueOf(name: string, spec: OptionSpec, text: string): unknown {
  const wrong = (expected: string): Error =>
    usageError(`--${name} must be ${expected}; got ${JSON.stringify(text)}`);
  if (spec.choices && !spec.choices.includes(text)) throw wrong(`one of ${spec.choices.join(', ')}`);
  if (spec.kind === 'whole') {
    if (!/^\d{1,15}$/.test(text)) throw wrong('a whole number');
    return Number(text);
  }
  if (spec.kind === 'duration') {
    const ms = parseDuration(text);
    if (ms === undefined) throw wrong('a duration such as 90s, 15m, 2h, 7d, or milliseconds');
    return ms;
  }
  if (spec.kind === 'instant') {
    const at = parseInstant(text, Date.now());
    if (at === undefined)
      throw wrong('a date such as 2026-01-31T12:00Z, epoch milliseconds, or a duration ago such as 2h');
    return at;
  }
  if (spec.kind === 'place') {
    const place = parsePlace(text, Date.now());
    if (place === undefined)
      throw wrong('a seq, a date such as 2026-01-31T12:00Z, or a duration ago such as 2h');
    return place;
  }
  if (text === '') throw wrong('something');
  return text;
}

function checkArguments({ name, args }: Verb, given: readonly string[]): void {
  const needed = args.filter(({ optional }) => !optional);
  const lacking = needed[given.length];
  if (lacking) throw usageError(`<${lacking.name}> is missing; see \`nexus ${name} --help\``);
  const unlimited = args.at(-1)?.many === true;
  if (!unlimited && given.length > args.length)
    throw usageError(
      `${JSON.stringify(given[args.length])} is one argument too many; see \`nexus ${name} --help\``,
    );
}

/** The variables of a file and those of the environment, which win. @throws CliError (usage) */
export function withEnvFile(env: Env, file: string): Env {
  return { ...readEnvFile(file), ...env };
}

/** @throws CliError (usage) */
export function readEnvFile(file: string): Record<string, string | undefined> {
  try {
    return parseEnv(readFileSync(file, 'utf8'));
  } catch (error) {
    throw usageError(`${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

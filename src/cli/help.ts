/** Help, as text and as a page of the docs: made from the table of verbs. */
import { exitMeanings } from './exit-codes.js';
import { commonOptions, type OptionSpec, type Options, type Verb } from './verb.js';

/** What `nexus --help` says. */
export function overview(verbs: readonly Verb[], version: string): string {
  const width = Math.max(...verbs.map(({ name }) => name.length)) + 2;
  return [
    `nexus ${version}: the command line of NEØ Nexus`,
    '',
    'Usage: nexus <verb> [options]',
    '',
    ...verbs.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
    '',
    `  ${'--version'.padEnd(width)}Say the version`,
    '',
    'Verbs work on a database file (--db, NEXUS_DB, else ./nexus.db), also while hosts run on it; most can ask a running host',
    'instead (--url, NEXUS_URL, with the token in NEXUS_TOKEN). Data is on stdout and talk on stderr; --json gives data for',
    'programs. Secrets come from the environment or from files.',
    '',
    'Exit codes:',
    ...Object.entries(exitMeanings).map(([code, meaning]) => `  ${code.padEnd(5)}${meaning}`),
    '',
    '`nexus <verb> --help` tells the rest.',
  ].join('\n');
}

/** What `nexus dead` says, which is no verb but has some. */
export function groupHelp(verbs: readonly Verb[], group: string): string {
  const width = Math.max(...verbs.map(({ name }) => name.length)) + 2;
  return [
    `Usage: nexus ${group} <verb> [options]`,
    '',
    ...verbs.map(({ name, summary }) => `  ${name.padEnd(width)}${summary}`),
  ].join('\n');
}

function usageOf({ name, args }: Verb): string {
  const placed = args.map(({ name: arg, optional, many }) => {
    const shown = `<${arg}>${many ? '…' : ''}`;
    return optional ? `[${shown}]` : shown;
  });
  return ['nexus', name, ...placed, '[options]'].join(' ');
}

/** What `nexus <verb> --help` says. */
export function verbHelp(verb: Verb): string {
  const rows = (options: Options): string[] => {
    const entries = Object.entries(options).map(([name, spec]) => ({
      left: flagsOf(name, spec),
      right: describe(spec),
    }));
    const width = Math.max(...entries.map(({ left }) => left.length)) + 2;
    return entries.map(({ left, right }) => `  ${left.padEnd(width)}${right}`);
  };
  const { about, args, examples } = verb;
  const [own, common] = [ownOptions(verb), commonOptions];
  const argWidth = Math.max(0, ...args.map(({ name }) => name.length)) + 4;
  return [
    `${verb.summary}.`,
    '',
    `Usage: ${usageOf(verb)}`,
    ...(args.length === 0
      ? []
      : ['', ...args.map(({ name, help }) => `  ${`<${name}>`.padEnd(argWidth)}${help}`)]),
    ...(about === '' ? [] : ['', about]),
    ...(Object.keys(own).length === 0 ? [] : ['', 'Options:', ...rows(own)]),
    '',
    'Common options:',
    ...rows(common),
    '',
    'Examples:',
    ...examples.flatMap(({ line, says }) => [`  # ${says}`, `  ${line}`]),
  ].join('\n');
}

function ownOptions({ options }: Verb): Options {
  return Object.fromEntries(Object.entries(options).filter(([name]) => !(name in commonOptions)));
}

function flagsOf(name: string, { short, value }: OptionSpec): string {
  return `${short === undefined ? '    ' : `-${short}, `}--${name}${value === undefined ? '' : ` <${value}>`}`;
}

function describe({ help, choices, env, otherwise }: OptionSpec): string {
  const notes = [
    ...(choices ? [choices.join(', ')] : []),
    ...(env === undefined ? [] : [`or ${env}`]),
    ...(otherwise === undefined ? [] : [`default: ${otherwise}`]),
  ];
  return notes.length === 0 ? help : `${help} (${notes.join('; ')})`;
}

/** docs/cli.md */
export function page(verbs: readonly Verb[]): string {
  const anchor = (name: string): string => `nexus-${name.replace(/ /g, '-')}`;
  const table = (options: Options): string[] => [
    '| option | what it does |',
    '| --- | --- |',
    ...Object.entries(options).map(
      ([name, spec]) => `| \`${flagsOf(name, spec).trim()}\` | ${describe(spec).replace(/\|/g, '\\|')} |`,
    ),
  ];
  const over: Record<string, string> = { file: 'a database file', http: 'a running host (`--url`)' };
  return [
    '# The command line',
    '',
    'The package brings the program `nexus`: `npx nexus`, or `nexus` where it is installed globally. This page is made from the',
    'same table as `nexus --help`.',
    '',
    'Verbs work on a database file, also while hosts run on it: reading takes no lease, migrates nothing and writes nothing;',
    'corrections are made as a process without reactors. Most can ask a running host over HTTP instead; those that do more than',
    'read events need the token of an admin, and a host that [serves them](admin-api.md). What is typed wins: `--db` (or',
    '`--nodes`) means the file, even where NEXUS_URL is set. Data is on',
    'stdout and talk on stderr. With `--json`, a verb that lists gives a line of JSON each (NDJSON), the others one document,',
    'and an error is a line of JSON on stderr. Colours and bars are drawn only on a terminal; `NO_COLOR` is honoured. What',
    'cannot be taken back is asked for on a terminal, and needs `--yes` elsewhere. Secrets and tokens come from the environment',
    'or from files and are never printed. Text of others is shown with its control characters escaped.',
    '',
    '| verb | what it does | works on |',
    '| --- | --- | --- |',
    ...verbs.map(
      (verb) =>
        `| [\`${verb.name}\`](#${anchor(verb.name)}) | ${verb.summary} | ${verb.over.map((each) => over[each] ?? each).join(' or ')} |`,
    ),
    '',
    '## Exit codes',
    '',
    '| code | meaning |',
    '| --- | --- |',
    ...Object.entries(exitMeanings).map(([code, meaning]) => `| ${code} | ${meaning} |`),
    '',
    'Node 20 and 22 look for `--env-file` themselves, wherever it stands: where that file is not there, they end with 9 before',
    'the verb is asked.',
    '',
    '## Options of every verb',
    '',
    ...table(commonOptions),
    '',
    ...verbs.flatMap((verb) => [
      `## nexus ${verb.name}`,
      '',
      `${verb.summary}.${verb.about === '' ? '' : ` ${verb.about.replace(/\n/g, ' ')}`}`,
      '',
      '```',
      usageOf(verb),
      '```',
      '',
      ...(verb.args.length === 0
        ? []
        : [...verb.args.map(({ name, help }) => `- \`<${name}>\`: ${help}`), '']),
      ...(Object.keys(ownOptions(verb)).length === 0 ? [] : [...table(ownOptions(verb)), '']),
      '```sh',
      ...verb.examples.flatMap(({ line, says }) => [`# ${says}`, line]),
      '```',
      '',
    ]),
  ]
    .join('\n')
    .trimEnd()
    .concat('\n');
}

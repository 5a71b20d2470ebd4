/** Completion scripts for bash, zsh and fish: made from the table of verbs. */
import type { OptionSpec, Verb } from './verb.js';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type Shell = (typeof shells)[number];

export function completion(verbs: readonly Verb[], shell: Shell): string {
  return { bash, zsh, fish }[shell](verbs);
}

const firsts = (verbs: readonly Verb[]): string[] => [
  ...new Set(verbs.map(({ name }) => name.split(' ')[0] ?? '')),
];
const seconds = (verbs: readonly Verb[], first: string): string[] =>
  verbs.flatMap(({ name }) => {
    const [one, two] = name.split(' ');
    return one === first && two !== undefined ? [two] : [];
  });
const flags = ({ options }: Verb): string[] =>
  Object.entries(options).flatMap(([name, { short }]) => [
    `--${name}`,
    ...(short === undefined ? [] : [`-${short}`]),
  ]);
const takesFile = ({ kind }: OptionSpec): boolean => kind === 'file';

/** Which options of any verb take a file, and which one of a few words. */
function valued(verbs: readonly Verb[]): { files: string[]; choices: Map<string, readonly string[]> } {
  const files = new Set<string>();
  const choices = new Map<string, readonly string[]>();
  for (const { options } of verbs)
    for (const [name, spec] of Object.entries(options)) {
      if (takesFile(spec)) files.add(`--${name}`);
      if (spec.choices) choices.set(`--${name}`, spec.choices);
    }
  return { files: [...files], choices };
}

function bash(verbs: readonly Verb[]): string {
  const { files, choices } = valued(verbs);
  const words = (list: readonly string[]): string =>
    `COMPREPLY=($(compgen -W '${list.join(' ')}' -- "$word"))`;
  return `# bash completion for nexus: source <(nexus completion bash)
_nexus() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} verb="\${COMP_WORDS[1]}"
  COMPREPLY=()
  if [ "$COMP_CWORD" -eq 1 ]; then ${words([...firsts(verbs), '--help', '--version'])}; return; fi
  case $before in
    ${files.join('|')}) COMPREPLY=($(compgen -f -- "$word")); return;;
${[...choices].map(([name, list]) => `    ${name}) ${words(list)}; return;;`).join('\n')}
  esac
  case "$verb \${COMP_WORDS[2]}" in
${verbs
  .filter(({ name }) => name.includes(' '))
  .map(
    (verb) =>
      `    '${verb.name}') if [ "$COMP_CWORD" -gt 2 ]; then case $word in -*) ${words(flags(verb))};; *) COMPREPLY=($(compgen -f -- "$word"));; esac; return; fi;;`,
  )
  .join('\n')}
  esac
  case $verb in
${firsts(verbs)
  .map((first) => {
    const verb = verbs.find(({ name }) => name === first);
    const second = seconds(verbs, first);
    const list = [...second, ...(verb ? flags(verb) : [])];
    return `    ${first}) case $word in -*) ${words(verb ? flags(verb) : ['--help'])};; *) ${second.length > 0 ? `if [ "$COMP_CWORD" -eq 2 ]; then ${words(list)}; fi` : 'COMPREPLY=($(compgen -f -- "$word"))'};; esac;;`;
  })
  .join('\n')}
  esac
}
complete -F _nexus nexus
`;
}

function zsh(verbs: readonly Verb[]): string {
  const quoted = (text: string): string =>
    text.replace(/'/g, `'\\''`).replace(/:/g, '\\:').replace(/[[\]]/g, '');
  const spec = ([name, each]: [string, OptionSpec]): string => {
    const action =
      each.kind === 'flag'
        ? ''
        : takesFile(each)
          ? `:${each.value ?? name}:_files`
          : `:${each.value ?? name}:${each.choices ? `(${each.choices.join(' ')})` : ''}`;
    return `'${each.many ? '*' : ''}--${name}[${quoted(each.help)}]${action}'`;
  };
  const describe = (list: readonly { readonly word: string; readonly says: string }[]): string =>
    list.map(({ word, says }) => `'${word}:${quoted(says)}'`).join(' ');
  const top = firsts(verbs).map((word) => ({
    word,
    says: verbs.find(({ name }) => name === word)?.summary ?? seconds(verbs, word).join(', '),
  }));
  return `#compdef nexus
# zsh completion for nexus: nexus completion zsh > "\${fpath[1]}/_nexus"
_nexus() {
  local -a verbs
  if (( CURRENT == 2 )); then verbs=(${describe(top)}); _describe verb verbs; return; fi
  case "$words[2] $words[3]" in
${verbs
  .filter(({ name }) => name.includes(' '))
  .map(
    (verb) =>
      `    '${verb.name}') if (( CURRENT > 3 )); then _arguments -s ${Object.entries(verb.options).map(spec).join(' ')} '*:file:_files'; return; fi;;`,
  )
  .join('\n')}
  esac
  case "$words[2]" in
${firsts(verbs)
  .map((first) => {
    const verb = verbs.find(({ name }) => name === first);
    const second = verbs
      .filter(({ name }) => name.startsWith(`${first} `))
      .map(({ name, summary }) => ({ word: name.slice(first.length + 1), says: summary }));
    const below =
      second.length > 0
        ? `if (( CURRENT == 3 )); then verbs=(${describe(second)}); _describe verb verbs; fi; `
        : '';
    const own = verb
      ? `_arguments -s ${Object.entries(verb.options).map(spec).join(' ')} '*:file:_files'`
      : ':';
    return `    ${first}) ${below}${own};;`;
  })
  .join('\n')}
  esac
}
_nexus "$@"
`;
}

function fish(verbs: readonly Verb[]): string {
  const quoted = (text: string): string => `'${text.replace(/\\/g, '\\\\').replace(/'/g, `\\'`)}'`;
  const lines: string[] = [
    '# fish completion for nexus: nexus completion fish > ~/.config/fish/completions/nexus.fish',
    'complete -c nexus -f',
  ];
  for (const first of firsts(verbs)) {
    const verb = verbs.find(({ name }) => name === first);
    lines.push(
      `complete -c nexus -n __fish_use_subcommand -a ${first} -d ${quoted(verb?.summary ?? seconds(verbs, first).join(', '))}`,
    );
    const below = seconds(verbs, first);
    for (const second of below) {
      const { summary = '' } = verbs.find(({ name }) => name === `${first} ${second}`) ?? {};
      lines.push(
        `complete -c nexus -n '__fish_seen_subcommand_from ${first}; and not __fish_seen_subcommand_from ${below.join(' ')}' -a ${second} -d ${quoted(summary)}`,
      );
    }
  }
  for (const { name, options } of verbs) {
    const seen = name
      .split(' ')
      .map((word) => `__fish_seen_subcommand_from ${word}`)
      .join('; and ');
    for (const [option, { short, kind, help, choices }] of Object.entries(options)) {
      const value =
        kind === 'flag' ? '' : kind === 'file' ? ' -rF' : choices ? ` -x -a '${choices.join(' ')}'` : ' -x';
      lines.push(
        `complete -c nexus -n '${seen}' -l ${option}${short === undefined ? '' : ` -s ${short}`}${value} -d ${quoted(help)}`,
      );
    }
  }
  return `${lines.join('\n')}\n`;
}

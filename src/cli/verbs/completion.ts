/** `nexus completion`: for the shell. */
import { completion, shells } from '../complete.js';
import { usageError } from '../exit-codes.js';
import { defineVerb, type Verb } from '../verb.js';

/** It completes all verbs, itself too, so it is told them when it is run. */
export function completionVerb(all: () => readonly Verb[]): Verb {
  return defineVerb({
    name: 'completion',
    summary: 'Print a completion script for bash, zsh or fish',
    args: [{ name: 'shell', help: 'bash, zsh or fish' }],
    examples: [
      { line: 'source <(nexus completion bash)', says: 'in ~/.bashrc' },
      { line: 'nexus completion fish > ~/.config/fish/completions/nexus.fish', says: 'once' },
    ],
    run: async ({ args, terminal }) => {
      const shell = shells.find((each) => each === args[0]);
      if (!shell)
        throw usageError(`<shell> must be one of ${shells.join(', ')}; got ${JSON.stringify(args[0])}`);
      terminal.out(completion(all(), shell).trimEnd());
      return 0;
    },
  });
}

// `certwright completion`: prints what a shell must source to complete our commands.

import { Argument } from '@commander-js/extra-typings';
import type { DefineCommand } from './command.ts';
import { completionScript, completionShells } from './completion-scripts.ts';

export const defineCompletion: DefineCommand = (command, io) => {
  command.addArgument(new Argument('<shell>', 'whose script').choices(completionShells)).action((shell) => {
    io.out.write(completionScript(shell));
  });
  return {
    examples: [
      { command: 'completion bash > ~/.local/share/bash-completion/completions/certwright', about: 'for every new bash' },
      { command: 'completion zsh > ~/.zfunc/_certwright', about: 'for every new zsh with ~/.zfunc in its fpath' },
      { command: 'completion fish > ~/.config/fish/completions/certwright.fish', about: 'for every new fish' },
    ],
  };
};

// What Certwright takes from the environment: one table, one reader. Nothing else in the program looks at environment variables;
// src/cli/main.ts hands them in. Flags belong to their commands and go before what is read here.

/** One environment variable: its name, what it means, and whether its value may never be shown. */
export type EnvironmentVariable = { readonly name: string; readonly about: string; readonly secret: boolean };

/** Every variable that is read, in the order in which they are documented. */
export const environmentVariables = {
  passphrase: {
    name: 'CERTWRIGHT_PASSPHRASE',
    about: 'passphrase of private keys and keystores, where no --passphrase-file is given',
    secret: true,
  },
  noColor: { name: 'NO_COLOR', about: 'any value but the empty one: no colours', secret: false },
  terminal: { name: 'TERM', about: '`dumb`: no colours, and progress in whole lines', secret: false },
  columns: { name: 'COLUMNS', about: 'width of help texts, where standard output is no terminal', secret: false },
  invokedAs: { name: 'CERTWRIGHT_INVOKED_AS', about: 'the name the launcher was called by; set by the launcher', secret: false },
  dataHome: {
    name: 'XDG_DATA_HOME',
    about: 'directory below which `up` keeps its data; ~/.local/share where it is not set',
    secret: false,
  },
  home: { name: 'HOME', about: 'the home directory, where XDG_DATA_HOME or KUBECONFIG is not set', secret: false },
  kubeconfig: {
    name: 'KUBECONFIG',
    about: 'kubeconfigs, of which `up --kubeconfig-context` merges into the first; ~/.kube/config where it is not set',
    secret: false,
  },
  sudoUser: { name: 'SUDO_USER', about: 'who asked, in the ledger of signatures, where root runs the command by sudo', secret: false },
} as const satisfies Record<string, EnvironmentVariable>;

/** The settings of one run. */
export type Settings = {
  readonly passphrase: string | undefined;
  /** Whether colours are unwelcome whatever the terminal. */
  readonly noColor: boolean;
  /** Whether the terminal cannot move its cursor. */
  readonly dumbTerminal: boolean;
  readonly columns: number | undefined;
  /** How a user writes this program: `certwright`, or `kubectl certwright` where it runs as a plugin. */
  readonly programName: string;
  /** Absolute, where data of programs is kept. */
  readonly dataHome: string | undefined;
  /** The kubeconfig that kubectl writes to by itself; may be relative. */
  readonly kubeconfigFile: string | undefined;
  readonly sudoUser: string | undefined;
};

/** As the XDG Base Directory Specification has it: a relative path counts as none. */
const dataHome = (given: string | undefined, home: string | undefined): string | undefined => {
  if (given?.startsWith('/') === true) return given;
  return home?.startsWith('/') === true ? `${home}/.local/share` : undefined;
};

/** As kubectl has it: of a list the first that is named, else the one in the home directory. */
const kubeconfigFile = (list: string | undefined, home: string | undefined): string | undefined => {
  const first = list?.split(':').find((path) => path !== '');
  return first ?? (home?.startsWith('/') === true ? `${home}/.kube/config` : undefined);
};

/** Settings of an environment. Empty values count as absent, and an unusable width as none: neither is worth an error. */
export const readSettings = (environment: Readonly<Record<string, string | undefined>>): Settings => {
  const read = (key: keyof typeof environmentVariables): string | undefined => {
    const value = environment[environmentVariables[key].name];
    return value === '' ? undefined : value;
  };
  const columns = Number(read('columns'));
  const dumbTerminal = read('terminal') === 'dumb';
  return {
    passphrase: read('passphrase'),
    noColor: read('noColor') !== undefined || dumbTerminal,
    dumbTerminal,
    columns: Number.isInteger(columns) && columns >= 20 ? columns : undefined,
    // kubectl runs `kubectl certwright` as the program kubectl-certwright.
    programName: read('invokedAs')?.startsWith('kubectl-') === true ? 'kubectl certwright' : 'certwright',
    dataHome: dataHome(read('dataHome'), read('home')),
    kubeconfigFile: kubeconfigFile(read('kubeconfig'), read('home')),
    sudoUser: read('sudoUser'),
  };
};

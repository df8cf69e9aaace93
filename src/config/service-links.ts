/**
 * Variables that platforms set for a neighbour: Kubernetes in every pod for each Service of the namespace, Docker for `--link`. A
 * Service called `jarvis-secretsd` or `jarvis-secretsd-metrics` has the prefix of our own variables.
 */
type Environment = Readonly<Record<string, string | undefined>>;

const address = /^(?:tcp|udp|sctp):\/\/\S+:\d+$/;
/** What Docker gives as the name of a link: `/web/alias`. */
const linkName = /^\/[^/]+\/[^/]+$/;

/** What follows the name of the neighbour, and the variable of the same neighbour that shows that it is one. */
const suffixes: readonly (readonly [RegExp, string, RegExp])[] = [
  [/_SERVICE_HOST$/, '_PORT', address],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, '_PORT', address],
  [/_PORT(?:_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?)?$/, '_PORT', address],
  [/_NAME$/, '_NAME', linkName],
  [/_ENV_\w+$/, '_NAME', linkName],
];

/** https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables and Docker's legacy links. */
export function isServiceLink(variable: string, environment: Environment): boolean {
  return suffixes.some(([suffix, sibling, shape]) => {
    const found = suffix.exec(variable);
    if (found === null) return false;
    return shape.test(environment[variable.slice(0, found.index) + sibling] ?? '');
  });
}

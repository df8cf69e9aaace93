/** What is used of the process object. */
interface StartedProcess {
  readonly ppid: number;
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** npm, pnpm and yarn set it for the script that they run. */
const scriptVariable = 'npm_lifecycle_event';
const intervalMs = 500;

/**
 * Calls `onEnd` with the process id of the npm that started this process when that npm has ended. SIGHUP and SIGKILL end npm
 * without a signal to its script, and the service would keep its port and its vault unseen. Nothing happens if no npm started
 * this process.
 */
export function watchScriptRunner(started: StartedProcess, onEnd: (parent: number) => void): void {
  if (started.env[scriptVariable] === undefined) return;
  const parent = started.ppid;
  const timer = setInterval(() => {
    if (started.ppid === parent) return;
    clearInterval(timer);
    onEnd(parent);
  }, intervalMs).unref();
}

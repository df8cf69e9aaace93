import { errorMessage } from '../errors.ts';
import { type Caller, systemCaller } from './caller.ts';
import type { ErrorLog } from './committer.ts';
import type { Journal, Subject } from './journal.ts';

const retryIntervalMs = 1000;

/** An outcome that the audit log did not take. */
interface LateOutcome {
  readonly caller: Caller;
  readonly subjects: readonly Subject[];
  readonly opId: string;
  readonly outcome: string;
}

/**
 * Records outcomes that the audit log did not take at once, as soon as it does. There are never more than changes were under
 * way when the log failed: a latched log takes on no new ones. A start completes those that a process leaves.
 */
export class LateOutcomes {
  readonly #journal: Journal;
  readonly #log: ErrorLog;
  #waiting: LateOutcome[] = [];
  #timer: NodeJS.Timeout | undefined;

  constructor(journal: Journal, log: ErrorLog) {
    this.#journal = journal;
    this.#log = log;
  }

  add(late: LateOutcome): void {
    const { span } = systemCaller('audit');
    const subjects = late.subjects.map(subject => ({
      ...subject,
      detail: { ...subject.detail, recorded_late: true },
    }));
    // The span of the request has ended by then.
    this.#waiting.push({ ...late, subjects, caller: { ...late.caller, span } });
    this.#arm();
  }

  #arm(): void {
    this.#timer ??= setTimeout(() => void this.#retry(), retryIntervalMs).unref();
  }

  async #retry(): Promise<void> {
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const late of waiting) if (!(await this.#isRecorded(late))) this.#waiting.push(late);
    this.#timer = undefined;
    if (this.#waiting.length > 0) this.#arm();
  }

  async #isRecorded({ caller, subjects, opId, outcome }: LateOutcome): Promise<boolean> {
    if (!this.#journal.isWritable) return false;
    try {
      await this.#journal.settle(caller, subjects, opId, outcome);
      return true;
    } catch (error) {
      this.#log.error({ op_id: opId, reason: errorMessage(error) }, 'the outcome of a change still waits');
      return false;
    }
  }
}

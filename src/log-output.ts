/** What is used of stdout. */
export interface LogStream {
  write(text: string, done: (error?: Error | null) => void): unknown;
  on(event: 'error', listener: () => void): unknown;
  /** Bytes that wait to be written. */
  readonly writableLength: number;
}

/** Bytes that may wait for a reader who is slow or has stopped reading. */
const mostWaiting = 1 << 20;

/**
 * Where log lines go. A line that cannot be written is lost and counted: no log is worth the service. Each line is tried again, so the
 * log goes on when its disk has room or its pipe a reader; a line then says how many were lost.
 */
export class LogOutput {
  readonly #stream: LogStream;
  #lost = 0;
  /** Those that no line of the log has reported yet. */
  #unreported = 0;
  /** Whether the last line may lack its end, as on a full disk. */
  #mayBeTorn = false;

  constructor(stream: LogStream) {
    this.#stream = stream;
    // Each failure is told to the line that it befell. Without a listener it would end the process.
    stream.on('error', () => {});
  }

  /** Lines lost since the start. */
  get lost(): number {
    return this.#lost;
  }

  /** @param report makes the line that says how many were lost */
  write(line: string, report: (lost: number) => string): void {
    if (this.#stream.writableLength > mostWaiting) {
      this.#lose(1);
      return;
    }
    const reported = this.#unreported;
    this.#unreported = 0;
    const before = (this.#mayBeTorn ? '\n' : '') + (reported === 0 ? '' : report(reported));
    this.#mayBeTorn = false;
    this.#write(before + line, reported);
  }

  #write(text: string, reported: number): void {
    try {
      this.#stream.write(text, error => {
        if (error) this.#fail(reported);
      });
    } catch {
      this.#fail(reported);
    }
  }

  #fail(reported: number): void {
    this.#lose(1);
    this.#unreported += reported;
    this.#mayBeTorn = true;
  }

  #lose(lines: number): void {
    this.#lost += lines;
    this.#unreported += lines;
  }
}

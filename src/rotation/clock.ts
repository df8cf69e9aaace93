export interface Clock {
  /** Milliseconds since the epoch (UTC); may jump either way. */
  now(): number;
  /** Calls `callback` once after `delay` milliseconds of elapsed time, whatever `now` does meanwhile. */
  setTimer(callback: () => void, delay: number): Timer;
}

export interface Timer {
  cancel(): void;
}

/** The machine's clock. Its timers do not keep the process alive. */
export const systemClock: Clock = {
  now: () => Date.now(),
  setTimer(callback, delay) {
    const timer = setTimeout(callback, delay).unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
